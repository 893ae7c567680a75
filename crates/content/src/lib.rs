//! What messages say and where they may go: templates and their placeholders, SMS and email
//! rendering, phone numbers and email addresses.
//!
//! Everything here is a pure function of its arguments: no I/O, no clock, no async. Nothing
//! panics, whatever the text; and because most of what passes through is personal data, no
//! `Debug` output and no error in this crate repeats it.
//!
//! Start with [`sms::SmsTemplate`] or [`email::EmailTemplate`]: both fill a template by
//! [`fill::fill`], which looks values up in a [`Personalisation`].

pub mod autolink;
mod characters;
pub mod country;
pub mod csv;
pub mod dates;
pub mod email;
pub mod email_address;
pub mod file;
pub mod fill;
pub mod govuk;
pub mod href;
pub mod html;
mod idna;
pub mod letter;
pub mod links;
pub mod list;
pub mod markdown;
pub mod personalisation;
pub mod phone;
pub mod placeholder;
pub mod postal_address;
pub mod postcode;
pub mod python;
pub mod recipient;
pub mod recipients;
pub mod sanitise;
pub mod slug;
pub mod sms;
pub mod sms_preview;
pub mod spreadsheet;
pub mod typography;
pub mod whitespace;

pub use characters::{to_ascii, to_gsm};
pub use personalisation::{Personalisation, missing_personalisation};
pub use placeholder::placeholders;
pub use python::python_repr;
