//! Callbacks to services (tasks contract §3.9).

use std::time::Duration;

use domain::{InboundSmsId, NotificationId, ServiceId};
use queue::{Retry, Task};
use serde::{Deserialize, Serialize};

use crate::queues;

const RETRY: Retry = Retry::every(Duration::from_secs(300), 5).on(queues::SERVICE_CALLBACKS_RETRY);

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
    const RETRY: Retry = RETRY;
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

/// Tells a service that the recipient of one of its emails complained.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendComplaint {
    /// A signed [`Signed<Complaint>`]: what to tell, and where.
    pub complaint_data: String,
}

impl Task for SendComplaint {
    const NAME: &'static str = "send-complaint";
    const QUEUE: &'static str = queues::SERVICE_CALLBACKS;
    const ARGS: &'static [&'static str] = &["complaint_data"];
    const RETRY: Retry = RETRY;
}

/// Tells a service that it has received a text message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendInboundSms {
    /// The message, which is read when the task runs, as is the service's callback.
    pub inbound_sms_id: InboundSmsId,
    /// Whose it is.
    pub service_id: ServiceId,
}

impl Task for SendInboundSms {
    const NAME: &'static str = "send-inbound-sms";
    const QUEUE: &'static str = queues::SERVICE_CALLBACKS;
    const ARGS: &'static [&'static str] = &["inbound_sms_id", "service_id"];
    const RETRY: Retry = RETRY;
}

/// Tells a service that one of its letters came back.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendReturnedLetter {
    /// A signed [`Signed<ReturnedLetter>`]: what to tell, and where.
    pub returned_letter_data: String,
}

impl Task for SendReturnedLetter {
    const NAME: &'static str = "send-returned-letter";
    const QUEUE: &'static str = queues::SERVICE_CALLBACKS;
    const ARGS: &'static [&'static str] = &["returned_letter_data"];
    const RETRY: Retry = RETRY;
}

/// What the tasks carry signed: what to tell, and where. Fixed when the task is queued.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed<T> {
    /// What is posted.
    #[serde(flatten)]
    pub body: T,
    /// The service's address.
    pub service_callback_api_url: String,
    /// The text that the service expects as bearer token.
    pub service_callback_api_bearer_token: String,
}

/// What a service is told about a complaint (public API contract §6).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complaint {
    /// The email.
    pub notification_id: String,
    /// The complaint.
    pub complaint_id: String,
    /// The client's own reference.
    pub reference: Option<String>,
    /// The recipient, as the provider knows it.
    pub to: Option<String>,
    /// When the recipient complained, `%Y-%m-%dT%H:%M:%S.%fZ`.
    pub complaint_date: Option<String>,
}

/// What a service is told about a letter that came back (public API contract §6).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnedLetter {
    /// The letter.
    pub notification_id: String,
    /// The client's own reference, when it was sent with an API key.
    pub reference: Option<String>,
    /// When it was accepted, `%Y-%m-%dT%H:%M:%S.%fZ`.
    pub date_sent: String,
    /// The email address of whoever sent it, or `API`.
    pub sent_by: String,
    /// The name of its template; none for a precompiled letter.
    pub template_name: Option<String>,
    /// Its template.
    pub template_id: Option<String>,
    /// And its version; none for a precompiled letter.
    pub template_version: Option<i32>,
    /// The file of recipients that it came from.
    pub spreadsheet_file_name: Option<String>,
    /// Its row in that file; the first recipient's is 2.
    pub spreadsheet_row_number: Option<i32>,
    /// The file that was uploaded as a letter.
    pub upload_letter_file_name: Option<String>,
}
