//! Receipts of providers (tasks contract §3.5).

use std::time::Duration;

use queue::{Retry, Task};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::queues;

/// Applies an SMS provider's receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessSmsClientResponse {
    /// The provider's own word for what happened, e.g. `3`.
    pub status: String,
    /// The notification id, as it came back.
    pub provider_reference: String,
    /// `MMG` or `Firetext`.
    pub client_name: String,
    /// The provider's finer word, for logs and Firetext's failures.
    #[serde(default)]
    pub detailed_status_code: Option<String>,
    /// When the provider says it was delivered: naive UTC, ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_iso_timestamp: Option<String>,
    /// When the receipt reached us: naive UTC, ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_iso_timestamp: Option<String>,
}

impl Task for ProcessSmsClientResponse {
    const NAME: &'static str = "process-sms-client-response";
    const QUEUE: &'static str = queues::SMS_CALLBACKS;
    const ARGS: &'static [&'static str] = &[
        "status",
        "provider_reference",
        "client_name",
        "detailed_status_code",
        "delivery_iso_timestamp",
        "receipt_iso_timestamp",
    ];
    const RETRY: Retry = Retry::every(Duration::from_secs(300), 5).on(queues::RETRY);
}

/// Applies an email receipt of SES.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessSesResult {
    /// The SNS envelope; only its `Message`, a JSON text, is read.
    pub response: Value,
    /// When the receipt reached us: naive UTC, ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_iso_timestamp: Option<String>,
}

impl Task for ProcessSesResult {
    const NAME: &'static str = "process-ses-result";
    const QUEUE: &'static str = queues::SES_CALLBACKS;
    const ARGS: &'static [&'static str] = &["response", "receipt_iso_timestamp"];
    const RETRY: Retry = Retry::every(Duration::from_secs(300), 5).on(queues::RETRY);
}
