//! Names of tasks that we know and do not run (tasks contract §8).
//!
//! Their messages go to the dead letters under these reasons, so that an operator can tell them
//! from a name nobody has heard of, and can queue the `later` ones again when the task exists.

/// Not built yet. Building a task takes its line away.
pub const LATER: &str = "later";
/// Never to be built.
pub const RETIRED: &str = "retired";

/// Every such name with its reason.
pub const ALL: &[(&str, &str)] = &[
    ("deep-archive-notification-history-up-to-limit", LATER),
    ("change-dvla-api-key", LATER),
    ("change-dvla-password", LATER),
    ("weekly-user-research-email", LATER),
    ("zendesk-new-email-branding-report", LATER),
    ("send-broadcast-event", LATER),
    ("send-broadcast-provider-message", LATER),
    ("trigger-link-tests", LATER),
    ("trigger-link-test", LATER),
    ("auto-expire-broadcast-messages", LATER),
    ("remove-yesterdays-planned-tests-on-govuk-alerts", LATER),
    ("publish-govuk-alerts", LATER),
    ("process-delivery-receipts", LATER),
    ("save-api-sms", RETIRED),
    ("save-api-email", RETIRED),
    ("zip-and-send-letter-pdfs", RETIRED),
    ("update-letter-notifications-to-sent", RETIRED),
    ("update-letter-notifications-to-error", RETIRED),
    ("update-letter-notifications-statuses", RETIRED),
    ("record-daily-sorted-counts", RETIRED),
    ("raise-alert-if-no-letter-ack-file", RETIRED),
    ("create-fake-letter-response-file", RETIRED),
    ("weekly-dwp-report", RETIRED),
    ("batch-insert-notifications", RETIRED),
    ("cleanup-delivery-receipts", RETIRED),
    ("regenerate-job-cache", RETIRED),
    ("clean-job-cache", RETIRED),
    ("delete-old-s3-objects", RETIRED),
    ("cleanup-unfinished-jobs", RETIRED),
    ("generate-notifications-reports", RETIRED),
];
