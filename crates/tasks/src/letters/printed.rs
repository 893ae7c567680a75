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

/// Tells a service that one of its letters came back.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendReturnedLetter {
    /// A signed [`ReturnedLetter`]: what to tell, and where.
    pub signed_returned_letter: String,
}

impl Task for SendReturnedLetter {
    const NAME: &'static str = "send-returned-letter";
    const QUEUE: &'static str = queues::SERVICE_CALLBACKS;
    const ARGS: &'static [&'static str] = &["signed_returned_letter"];
    const RETRY: Retry =
        Retry::every(Duration::from_secs(300), 5).on(queues::SERVICE_CALLBACKS_RETRY);
}

/// What [`SendReturnedLetter`] carries, signed. Fixed when the task is queued.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnedLetter {
    /// The letter.
    pub notification_id: String,
    /// The client's own reference, for letters sent with a key.
    pub reference: Option<String>,
    /// When it was accepted, `%Y-%m-%dT%H:%M:%S.%fZ`.
    pub date_sent: String,
    /// The email address of whoever sent it, or `API`.
    pub sent_by: String,
    /// The template; none for PDFs that came whole.
    pub template_name: Option<String>,
    /// The template; none for PDFs that came whole.
    pub template_id: Option<String>,
    /// Its version; none for PDFs that came whole.
    pub template_version: Option<i32>,
    /// The file of recipients that it was made from.
    pub spreadsheet_file_name: Option<String>,
    /// And the row there; the first recipient's is 2.
    pub spreadsheet_row_number: Option<i32>,
    /// The name of the PDF, if it was uploaded in the admin app.
    pub upload_letter_file_name: Option<String>,
    /// The service's address.
    pub service_callback_api_url: String,
    /// The text that the service expects as bearer token.
    pub service_callback_api_bearer_token: String,
}
