//! Receipts of providers (tasks contract §3.5).

use app::receipts::{Applied, EmailComplaint, EmailReceipt, SmsProvider, SmsReceipt};
use domain::{NotificationId, NotificationStatus};
use queue::{Attempt, TaskError, TaskResult};
use serde::Deserialize;
use tasks::{ProcessSesResult, ProcessSmsClientResponse};
use time::{Duration, OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};
use tracing::{error, info, instrument, warn};

use crate::Context;

/// How long after the email itself its receipt may still be faster than the record of its send.
const GRACE: Duration = Duration::minutes(5);

/// Why a receipt could not be applied.
#[derive(Debug, thiserror::Error)]
enum ReceiptError {
    #[error("the reference is not one of our ids")]
    Reference,
    #[error("no provider of this name sends receipts")]
    Provider,
    #[error("the event cannot be read")]
    Event(#[source] serde_json::Error),
    #[error("the message of the event is missing")]
    NoEvent,
    #[error("events of this type are not understood")]
    EventType,
    #[error("the email is not known yet")]
    NotKnownYet,
}

/// `process-sms-client-response`: applies an SMS provider's receipt. Repeating it changes nothing.
#[instrument(skip_all, fields(notification.id = task.provider_reference))]
pub async fn sms(ctx: Context, task: ProcessSmsClientResponse, attempt: Attempt) -> TaskResult {
    let id: NotificationId =
        task.provider_reference.parse().map_err(|_| TaskError::fail(ReceiptError::Reference))?;
    let provider: SmsProvider =
        task.client_name.parse().map_err(|_| TaskError::fail(ReceiptError::Provider))?;
    let status = provider.status(&task.status).unwrap_or_else(|| {
        error!(provider.name = provider.identifier(), "a status that we do not know");
        NotificationStatus::TechnicalFailure
    });
    let receipt = SmsReceipt { id, provider, status, detail: task.detailed_status_code.as_deref() };
    let applied = ctx.app().apply_sms_receipt(receipt, &attempt.trace()).await?;
    info!(notification.status = %status, outcome = ?applied, "receipt");
    Ok(())
}

/// The part of an SES event that we use (public API contract §11.5).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SesEvent {
    /// Events that come through a configuration set name it so.
    #[serde(alias = "eventType")]
    notification_type: String,
    mail: SesMail,
    bounce: Option<SesBounce>,
    complaint: Option<SesComplaint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SesMail {
    message_id: String,
    timestamp: Option<String>,
    #[serde(default)]
    destination: Vec<String>,
    #[serde(default)]
    tags: SesTags,
}

#[derive(Default, Deserialize)]
struct SesTags {
    #[serde(default)]
    notification_id: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SesBounce {
    bounce_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SesComplaint {
    feedback_id: Option<String>,
    complaint_feedback_type: Option<String>,
    timestamp: Option<String>,
}

/// `process-ses-result`: applies an email receipt of SES. Repeating it changes nothing.
#[instrument(skip_all)]
pub async fn ses(ctx: Context, task: ProcessSesResult, attempt: Attempt) -> TaskResult {
    let message = task.response.get("Message").and_then(serde_json::Value::as_str);
    let message = message.ok_or_else(|| TaskError::fail(ReceiptError::NoEvent))?;
    let event: SesEvent = serde_json::from_str(message)
        .map_err(|source| TaskError::fail(ReceiptError::Event(source)))?;
    let reference = event.mail.message_id.as_str();
    let id = event.mail.tags.notification_id.first().and_then(|id| id.parse().ok());
    let app = ctx.app();
    let status = match (event.notification_type.as_str(), &event.bounce, &event.complaint) {
        ("Delivery", ..) => NotificationStatus::Delivered,
        ("Bounce", Some(bounce), _) if bounce.bounce_type == "Permanent" => {
            NotificationStatus::PermanentFailure
        }
        ("Bounce", ..) => NotificationStatus::TemporaryFailure,
        ("Complaint", _, Some(complaint)) => {
            let complaint = EmailComplaint {
                reference,
                id,
                feedback_id: complaint.feedback_id.as_deref(),
                complaint_type: complaint.complaint_feedback_type.as_deref(),
                recipient: event.mail.destination.first().map(String::as_str),
                at: complaint.timestamp.as_deref().and_then(time),
            };
            let applied = app.record_complaint(complaint, &attempt.trace()).await?;
            return settle(applied, &event, app.clock().now());
        }
        // What else a configuration set may publish says nothing about delivery.
        ("Send" | "Open" | "Click" | "DeliveryDelay" | "Subscription", ..) => return Ok(()),
        _ => return Err(TaskError::fail(ReceiptError::EventType)),
    };
    let receipt = EmailReceipt { reference, id, status };
    let applied = app.apply_email_receipt(receipt, &attempt.trace()).await?;
    settle(applied, &event, app.clock().now())
}

/// A receipt for an email that we do not know is tried again while the email is young: it may be
/// faster than the record of the send.
fn settle(applied: Applied, event: &SesEvent, now: OffsetDateTime) -> TaskResult {
    info!(event = event.notification_type, outcome = ?applied, "email receipt");
    if applied != Applied::Unknown {
        return Ok(());
    }
    let sent_at = event.mail.timestamp.as_deref().and_then(time);
    if sent_at.is_some_and(|sent_at| now - sent_at < GRACE) {
        return Err(TaskError::retry(ReceiptError::NotKnownYet));
    }
    warn!("a receipt for an email that we do not have");
    Ok(())
}

fn time(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()?.checked_to_offset(UtcOffset::UTC)
}
