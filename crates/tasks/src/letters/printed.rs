//! Letters that the printer has had.

use std::time::Duration;

use domain::NotificationId;
use queue::{Call, Retry, Task};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;

use crate::queues;

/// Applies what the printer says of a letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessLetterCallback {
    /// The letter.
    pub notification_id: NotificationId,
    /// Sheets of paper, if the printer says: a number, also as text.
    #[serde(default, deserialize_with = "number_or_text")]
    pub page_count: Option<i32>,
    /// `DESPATCHED` or `REJECTED`.
    pub dvla_status: String,
    /// `sorted` or `unsorted`, if it was posted.
    #[serde(default)]
    pub cost_threshold: Option<String>,
    /// The London day on which it was posted, ISO 8601; a time of that day may follow.
    #[serde(default)]
    pub despatch_date: Option<String>,
}

impl Task for ProcessLetterCallback {
    const NAME: &'static str = "process-letter-callback";
    const QUEUE: &'static str = queues::LETTER_CALLBACKS;
    const ARGS: &'static [&'static str] =
        &["notification_id", "page_count", "dvla_status", "cost_threshold", "despatch_date"];
    const CALL: Call = Call::Keywords;
}

/// The printer's own numbers are texts.
fn number_or_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i32>, D::Error> {
    match Option::<Value>::deserialize(from)? {
        None => Ok(None),
        Some(Value::String(text)) => text.trim().parse().map(Some).map_err(D::Error::custom),
        Some(number) => serde_json::from_value(number).map(Some).map_err(D::Error::custom),
    }
}

/// Plays the printer for a letter of a test key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateFakeLetterCallback {
    /// The letter.
    pub notification_id: NotificationId,
    /// Sheets of paper.
    pub billable_units: i32,
    /// How it is posted.
    pub postage: String,
}

impl Task for CreateFakeLetterCallback {
    const NAME: &'static str = "create-fake-letter-callback";
    const QUEUE: &'static str = queues::RESEARCH_MODE;
    const ARGS: &'static [&'static str] = &["notification_id", "billable_units", "postage"];
    const RETRY: Retry = Retry::every(Duration::from_secs(60), 3);
}

/// Marks letters as returned. Comes compressed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessReturnedLettersList {
    /// Their references, at most 5,000.
    pub notification_references: Vec<String>,
}

impl Task for ProcessReturnedLettersList {
    const NAME: &'static str = "process-returned-letters-list";
    const QUEUE: &'static str = queues::DATABASE;
    const ARGS: &'static [&'static str] = &["notification_references"];
}
