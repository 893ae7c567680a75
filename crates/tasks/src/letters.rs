//! Letters before they are printed, and after (tasks contract §3.4, letters contract §0.2).
//!
//! Two apps of their own make and check PDFs, and scan them; we send them tasks and run those that
//! they send back. What is signed can be read by anyone and made only by those who know the key.

use std::time::Duration;

use domain::NotificationId;
use queue::{Call, Retry, Task};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};

use crate::queues;

/// What most of them do when something is away.
const RETRY: Retry = Retry::every(Duration::from_secs(300), 15).on(queues::RETRY);

/// Asks for the PDF of a letter that is made from a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetPdfForTemplatedLetter {
    /// The letter.
    pub notification_id: NotificationId,
}

impl Task for GetPdfForTemplatedLetter {
    const NAME: &'static str = "get-pdf-for-templated-letter";
    const QUEUE: &'static str = queues::CREATE_LETTERS_PDF;
    const ARGS: &'static [&'static str] = &["notification_id"];
    const RETRY: Retry = RETRY;
}

/// Makes the PDF of a letter. Another app's task.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatePdfForTemplatedLetter {
    /// A signed [`LetterToTypeset`].
    pub signed_letter: String,
}

impl Task for CreatePdfForTemplatedLetter {
    const NAME: &'static str = "create-pdf-for-templated-letter";
    const QUEUE: &'static str = queues::SANITISE_LETTER;
    const ARGS: &'static [&'static str] = &["signed_letter"];
}

/// What [`CreatePdfForTemplatedLetter`] carries, signed.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct LetterToTypeset {
    /// The service's address, as the letter shows it.
    pub letter_contact_block: Option<String>,
    /// What to make it from.
    pub template: TemplateToTypeset,
    /// The values of its placeholders.
    pub values: Map<String, Value>,
    /// File name of the logo, without its extension.
    pub logo_filename: Option<String>,
    /// Key of the PDF to write, with its folder.
    pub letter_filename: String,
    /// The letter.
    pub notification_id: NotificationId,
    /// The type of the key it came in with: that decides the bucket.
    pub key_type: String,
    /// When it was accepted, ISO 8601 with offset: the date that the letter shows.
    pub date: String,
}

/// The version of the template that a letter is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateToTypeset {
    /// The heading.
    pub subject: Option<String>,
    /// The text.
    pub content: String,
    /// `letter`.
    pub template_type: String,
    /// The service's id: attachments are kept by it.
    pub service: String,
    /// `english` or `welsh_then_english`.
    pub letter_languages: Option<String>,
    /// The heading in Welsh.
    pub letter_welsh_subject: Option<String>,
    /// The text in Welsh.
    pub letter_welsh_content: Option<String>,
    /// The file that goes with each letter.
    pub letter_attachment: Option<AttachmentToTypeset>,
}

/// A file that goes with each letter of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentToTypeset {
    /// Its id.
    pub id: String,
    /// Its pages.
    pub page_count: i16,
}

/// The PDF of a letter has been made: so many pages it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateBillableUnitsForLetter {
    /// The letter.
    pub notification_id: NotificationId,
    /// Pages of its PDF.
    pub page_count: u32,
}

impl Task for UpdateBillableUnitsForLetter {
    const NAME: &'static str = "update-billable-units-for-letter";
    const QUEUE: &'static str = queues::LETTERS;
    const ARGS: &'static [&'static str] = &["notification_id", "page_count"];
    const CALL: Call = Call::Keywords;
    const RETRY: Retry = RETRY;
}

/// The PDF of a letter has too many pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateValidationFailedForTemplatedLetter {
    /// The letter.
    pub notification_id: NotificationId,
    /// Pages of its PDF.
    pub page_count: u32,
}

impl Task for UpdateValidationFailedForTemplatedLetter {
    const NAME: &'static str = "update-validation-failed-for-templated-letter";
    const QUEUE: &'static str = queues::LETTERS;
    const ARGS: &'static [&'static str] = &["notification_id", "page_count"];
    const CALL: Call = Call::Keywords;
    const RETRY: Retry = RETRY;
}

/// Scans the PDF of a letter for viruses. Another app's task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanFile {
    /// Its key in the scan bucket.
    pub filename: String,
}

impl Task for ScanFile {
    const NAME: &'static str = "scan-file";
    const QUEUE: &'static str = queues::ANTIVIRUS;
    const ARGS: &'static [&'static str] = &["filename"];
    const CALL: Call = Call::Keywords;
}

/// The PDF of a letter is clean: has it checked and sanitised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SanitiseLetter {
    /// Its key in the scan bucket.
    pub filename: String,
}

impl Task for SanitiseLetter {
    const NAME: &'static str = "sanitise-letter";
    const QUEUE: &'static str = queues::LETTERS;
    const ARGS: &'static [&'static str] = &["filename"];
    const RETRY: Retry = RETRY;
}

/// Checks and sanitises the PDF of a letter. Another app's task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SanitiseAndUploadLetter {
    /// The letter.
    pub notification_id: NotificationId,
    /// The key of its PDF in the scan bucket.
    pub filename: String,
    /// Whether the service may send letters abroad.
    pub allow_international_letters: bool,
}

impl Task for SanitiseAndUploadLetter {
    const NAME: &'static str = "sanitise-and-upload-letter";
    const QUEUE: &'static str = queues::SANITISE_LETTER;
    const ARGS: &'static [&'static str] =
        &["notification_id", "filename", "allow_international_letters"];
    const CALL: Call = Call::Keywords;
}

/// The PDF of a letter has been checked, and sanitised if it can be printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessSanitisedLetter {
    /// A signed [`SanitisedLetter`].
    pub sanitise_data: String,
}

impl Task for ProcessSanitisedLetter {
    const NAME: &'static str = "process-sanitised-letter";
    const QUEUE: &'static str = queues::LETTERS;
    const ARGS: &'static [&'static str] = &["sanitise_data"];
    const RETRY: Retry = RETRY;
}

/// What [`ProcessSanitisedLetter`] carries, signed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SanitisedLetter {
    /// Pages, if they could be counted.
    #[serde(default)]
    pub page_count: Option<u32>,
    /// Why it cannot be printed (letters contract §3.3).
    #[serde(default)]
    pub message: Option<String>,
    /// The pages that are at fault.
    #[serde(default)]
    pub invalid_pages: Option<Vec<u32>>,
    /// Whether it can be printed.
    pub validation_status: ValidationStatus,
    /// The key of the PDF in the scan bucket.
    pub filename: String,
    /// The letter.
    pub notification_id: NotificationId,
    /// The address that was found in the PDF.
    #[serde(default)]
    pub address: Option<String>,
}

/// Whether a PDF can be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValidationStatus {
    /// It can.
    Passed,
    /// It cannot.
    Failed,
}

/// A virus was found in the PDF of a letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessVirusScanFailed {
    /// Its key in the scan bucket.
    pub filename: String,
}

impl Task for ProcessVirusScanFailed {
    const NAME: &'static str = "process-virus-scan-failed";
    const QUEUE: &'static str = queues::LETTERS;
    const ARGS: &'static [&'static str] = &["filename"];
    const CALL: Call = Call::Keywords;
}

/// The PDF of a letter could not be scanned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessVirusScanError {
    /// Its key in the scan bucket.
    pub filename: String,
}

impl Task for ProcessVirusScanError {
    const NAME: &'static str = "process-virus-scan-error";
    const QUEUE: &'static str = queues::LETTERS;
    const ARGS: &'static [&'static str] = &["filename"];
    const CALL: Call = Call::Keywords;
}

/// Asks for the PDF of a letter to be made again from what came with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResanitisePdf {
    /// The letter.
    pub notification_id: NotificationId,
}

impl Task for ResanitisePdf {
    const NAME: &'static str = "resanitise-pdf";
    const QUEUE: &'static str = queues::LETTERS;
    const ARGS: &'static [&'static str] = &["notification_id"];
}

/// Makes the PDF of a letter again from what came with it. Another app's task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecreatePdfForPrecompiledLetter {
    /// The letter.
    pub notification_id: NotificationId,
    /// The key of the PDF to write, with its folder.
    pub file_location: String,
    /// Whether the service may send letters abroad.
    pub allow_international_letters: bool,
}

impl Task for RecreatePdfForPrecompiledLetter {
    const NAME: &'static str = "recreate-pdf-for-precompiled-letter";
    const QUEUE: &'static str = queues::SANITISE_LETTER;
    const ARGS: &'static [&'static str] =
        &["notification_id", "file_location", "allow_international_letters"];
    const CALL: Call = Call::Keywords;
}

/// Asks for an attachment of letters to be made again from what was uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResanitiseLetterAttachment {
    /// Whose it is.
    pub service_id: String,
    /// The attachment.
    pub attachment_id: String,
    /// What its file was called.
    pub original_filename: String,
}

impl Task for ResanitiseLetterAttachment {
    const NAME: &'static str = "resanitise-letter-attachment";
    const QUEUE: &'static str = queues::LETTERS;
    const ARGS: &'static [&'static str] = &["service_id", "attachment_id", "original_filename"];
    const CALL: Call = Call::Keywords;
}

/// Makes an attachment of letters again from what was uploaded. Another app's task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecreatePdfForTemplateLetterAttachments {
    /// Whose it is.
    pub service_id: String,
    /// The attachment.
    pub attachment_id: String,
    /// What its file was called.
    pub original_filename: String,
}

impl Task for RecreatePdfForTemplateLetterAttachments {
    const NAME: &'static str = "recreate-pdf-for-template-letter-attachments";
    const QUEUE: &'static str = queues::SANITISE_LETTER;
    const ARGS: &'static [&'static str] = &["service_id", "attachment_id", "original_filename"];
    const CALL: Call = Call::Keywords;
}

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
