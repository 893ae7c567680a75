//! What the tests of several providers need.

use std::{ffi::OsString, io::Error as IoError, time::Duration};

use clap::{Args, FromArgMatches};
use domain::Clock;
use providers::{Email, Sms};
use time::macros::datetime;
use tokio::net::TcpListener;
use uuid::{Uuid, uuid};

/// The notification that every test sends.
pub const REFERENCE: Uuid = uuid!("8b3f3a0e-6a3c-4e5e-9f0a-1d2c3b4a5968");

/// A config as a process reads it, from arguments.
pub fn config<T: Args + FromArgMatches>(arguments: &[&str]) -> T {
    let command = T::augment_args(clap::Command::new("test").no_binary_name(true));
    let arguments = arguments.iter().map(OsString::from);
    T::from_arg_matches(&command.get_matches_from(arguments)).unwrap()
}

/// A clock that stands still.
pub fn clock() -> Clock {
    Clock::fixed(datetime!(2026-08-01 12:00 UTC))
}

/// A text message to the given number, with all that a text message can have.
pub fn sms(to: &str) -> Sms<'_> {
    Sms {
        to,
        content: "Tax: pay £5 by Mŷ 🐘",
        sender: Some("GOVUK"),
        reference: REFERENCE,
        international: false,
    }
}

/// What was behind an error.
pub fn cause(error: &providers::Error) -> String {
    std::error::Error::source(error).unwrap().to_string()
}

/// An email to the given address, with all that an email can have.
pub fn email(to: &str) -> Email<'_> {
    Email {
        from_name: "Vehicle \"tax\"",
        from_address: "vehicle.tax@notify.example",
        to,
        subject: "Your tŷ",
        text: "Dear Anna\n\n.A line with a dot\n",
        html: "<p>Dear Anna</p>",
        reply_to: Some("answers@bücher.example"),
        unsubscribe_link: Some("https://notify.example/unsubscribe/1/abc"),
        reference: REFERENCE,
    }
}

/// A port on which nothing listens.
pub async fn closed_port() -> Result<u16, IoError> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port())
}

/// Fails the test if `future` takes longer than any test should.
pub async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.unwrap()
}
