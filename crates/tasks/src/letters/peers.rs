//! What other apps do for us.

use domain::NotificationId;
use queue::{Call, Task};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::queues;

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
