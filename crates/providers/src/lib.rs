//! Outbound calls: email and SMS senders, service callbacks, SNS signatures, object storage,
//! documents, virus scans, tickets.
//!
//! What it must never do: touch the database, decide what a notification becomes, or put a
//! recipient, a message or a key into an error, a log line or a metric. Every call here ends
//! within a configured time.
//!
//! Start at [`SmsSender`] and [`EmailSender`]; each provider is one file that implements one of
//! them. [`Error`] says whether trying again makes sense. To add a provider: one file with its
//! `Config` and its sender, and its wire format in the `stub` crate, which the tests run against.

pub mod antivirus;
mod aws;
pub mod aws_sms;
pub mod callbacks;
pub mod documents;
mod email;
mod error;
pub mod firetext;
pub mod http;
mod measure;
pub mod mmg;
pub mod objects;
pub mod print;
mod public_address;
pub mod ses;
mod sms;
pub mod smtp;
pub mod sns;
pub mod zendesk;

pub use email::{Email, EmailAccepted, EmailSender};
pub use error::{BoxError, ConfigError, Error};
pub use sms::{Sms, SmsAccepted, SmsSender};
