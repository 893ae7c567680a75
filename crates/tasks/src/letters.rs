//! Letters before they are printed, and after (tasks contract §3.4, letters contract §0.2).
//!
//! Two apps of their own make and check PDFs, and scan them; we send them tasks and run those that
//! they send back. What is signed can be read by anyone and made only by those who know the key.

mod peers;
mod printed;

use std::time::Duration;

use domain::NotificationId;
use queue::{Call, Retry, Task};
use serde::{Deserialize, Serialize};

use crate::queues;

pub use peers::{
    AttachmentToTypeset, CreatePdfForTemplatedLetter, LetterToTypeset,
    RecreatePdfForPrecompiledLetter, RecreatePdfForTemplateLetterAttachments,
    SanitiseAndUploadLetter, ScanFile, TemplateToTypeset,
};
pub use printed::{CreateFakeLetterCallback, ProcessLetterCallback, ProcessReturnedLettersList};

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
