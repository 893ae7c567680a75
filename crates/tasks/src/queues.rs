//! Queue names (tasks contract §1.1). On the broker the configured prefix stands before them.

/// Text messages, first attempts.
pub const SEND_SMS: &str = "send-sms-tasks";
/// Emails, first attempts.
pub const SEND_EMAIL: &str = "send-email-tasks";
/// Letters for the printer.
pub const SEND_LETTER: &str = "send-letter-tasks";
/// Retries of sending, saving, letters and receipts.
pub const RETRY: &str = "retry-tasks";
/// Messages of the platform itself: sign-in codes and invitations.
pub const INTERNAL: &str = "notify-internal-tasks";
/// Anything sent with a test key, and simulated receipts.
pub const RESEARCH_MODE: &str = "research-mode-tasks";
/// Files of recipients, to be read and fanned out.
pub const JOBS: &str = "job-tasks";
/// Rows of files, to be saved.
pub const DATABASE: &str = "database-tasks";
/// Rows of files whose template has documents.
pub const DATABASE_DOCUMENTS: &str = "database-tasks-documents";
/// Receipts of emails.
pub const SES_CALLBACKS: &str = "ses-callbacks";
/// Receipts of text messages.
pub const SMS_CALLBACKS: &str = "sms-callbacks";
/// Reports of the printer.
pub const LETTER_CALLBACKS: &str = "letter-callbacks";
/// Callbacks to services, first attempts.
pub const SERVICE_CALLBACKS: &str = "service-callbacks";
/// Callbacks to services, later attempts.
pub const SERVICE_CALLBACKS_RETRY: &str = "service-callbacks-retry";
/// Letters that wait for their PDF.
pub const CREATE_LETTERS_PDF: &str = "create-letters-pdf-tasks";
/// Answers of the apps that scan and make PDFs.
pub const LETTERS: &str = "letter-tasks";
/// Aggregation and retention.
pub const REPORTING: &str = "reporting-tasks";
/// Reports that a team asked for.
pub const REPORT_REQUESTS: &str = "report-requests-notifications-tasks";
/// What beat starts.
pub const PERIODIC: &str = "periodic-tasks";
/// Letters that another app checks, sanitises or makes PDFs of. We only send to it.
pub const SANITISE_LETTER: &str = "sanitise-letter-tasks";
/// Files that another app scans. We only send to it.
pub const ANTIVIRUS: &str = "antivirus-tasks";
