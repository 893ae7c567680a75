//! Callbacks to services (tasks contract §3.9).

use std::time::Duration;

use domain::NotificationId;
use queue::{Retry, Task};
use serde::{Deserialize, Serialize};

use crate::queues;

/// Tells a service the final status of one of its messages.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendDeliveryStatus {
    /// The message.
    pub notification_id: NotificationId,
    /// A signed [`DeliveryStatus`]: what to tell, and where.
    pub signed_status_update: String,
    /// When the receipt reached us: naive UTC, ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_iso_timestamp: Option<String>,
}

impl Task for SendDeliveryStatus {
    const NAME: &'static str = "send-delivery-status";
    const QUEUE: &'static str = queues::SERVICE_CALLBACKS;
    const ARGS: &'static [&'static str] =
        &["notification_id", "signed_status_update", "receipt_iso_timestamp"];
    const RETRY: Retry =
        Retry::every(Duration::from_secs(300), 5).on(queues::SERVICE_CALLBACKS_RETRY);
}

/// What [`SendDeliveryStatus`] carries, signed.
///
/// It is fixed when the task is queued: a later change of the service's callback does not affect
/// it. The keys are those of the peer, so that its workers can run our tasks and ours theirs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryStatus {
    /// The message.
    pub notification_id: String,
    /// The client's own reference.
    pub notification_client_reference: Option<String>,
    /// The recipient, as given by the client.
    pub notification_to: String,
    /// The final status.
    pub notification_status: String,
    /// When it was accepted, `%Y-%m-%dT%H:%M:%S.%fZ`.
    pub notification_created_at: String,
    /// When its status last changed.
    pub notification_updated_at: Option<String>,
    /// When the provider took it.
    pub notification_sent_at: Option<String>,
    /// `sms` or `email`.
    pub notification_type: String,
    /// The service's address.
    pub service_callback_api_url: String,
    /// The text that the service expects as bearer token.
    pub service_callback_api_bearer_token: String,
    /// The template it was made from.
    pub template_id: String,
    /// And its version.
    pub template_version: i32,
}
