//! Every provider against the stub's real server; the virus scanner against a real clamd.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod antivirus;
mod aws_sms;
mod callbacks;
mod documents;
mod firetext;
mod mmg;
mod objects;
mod ses;
mod smtp;
mod sns;
mod support;
mod zendesk;
