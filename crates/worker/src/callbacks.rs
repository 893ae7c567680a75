//! Callbacks to services (public API contract §6, tasks contract §3.9).

use providers::callbacks::Outcome;
use queue::{Attempt, TaskError, TaskResult};
use secrecy::SecretString;
use serde_json::json;
use tasks::{SendDeliveryStatus, callbacks::DeliveryStatus};
use tracing::{info, instrument, warn};

use crate::Context;

/// Why a callback is tried again.
#[derive(Debug, thiserror::Error)]
enum CallbackError {
    #[error("the service did not answer")]
    NoAnswer,
    #[error("the service answered {0}")]
    Answered(u16),
}

/// `send-delivery-status`: posts a notification's final status to its service. The service may get
/// it twice when a worker dies between the post and the acknowledgement.
#[instrument(skip_all, fields(notification.id = %task.notification_id))]
pub async fn delivery_status(
    ctx: Context,
    task: SendDeliveryStatus,
    attempt: Attempt,
) -> TaskResult {
    let signer = ctx.app().signer();
    let update: DeliveryStatus =
        signer.unsign(&task.signed_status_update).map_err(TaskError::fail)?;
    let body = json!({
        "id": update.notification_id,
        "reference": update.notification_client_reference,
        "to": update.notification_to,
        "status": update.notification_status,
        "created_at": update.notification_created_at,
        "completed_at": update.notification_updated_at,
        "sent_at": update.notification_sent_at,
        "notification_type": update.notification_type,
        "template_id": update.template_id,
        "template_version": update.template_version,
    });
    let token = SecretString::from(update.service_callback_api_bearer_token);
    let endpoint = endpoint(&update.service_callback_api_url);
    let _place = ctx.0.calling_back.enter((attempt.queue().to_owned(), endpoint))?;
    let outcome = ctx.0.callbacks.post(&update.service_callback_api_url, &token, &body).await;
    settle(outcome, &attempt)
}

/// The part of a callback's URL that tells endpoints apart: scheme, host and port.
fn endpoint(url: &str) -> String {
    let path = url.match_indices('/').nth(2).map_or(url.len(), |(at, _)| at);
    url[..path].to_lowercase()
}

/// What an answer means for the task (public API contract §6).
fn settle(outcome: Outcome, attempt: &Attempt) -> TaskResult {
    let error = match outcome {
        Outcome::Delivered => {
            info!("the service has been called back");
            return Ok(());
        }
        Outcome::Refused(status) => {
            warn!(http.status = status, "the service refused the callback; not tried again");
            return Ok(());
        }
        Outcome::BadTarget => {
            warn!("the callback's address is not allowed; not tried again");
            return Ok(());
        }
        Outcome::Retryable { status: Some(status) } => CallbackError::Answered(status),
        Outcome::Retryable { status: None } => CallbackError::NoAnswer,
    };
    if attempt.is_last() {
        warn!(%error, "the callback is dropped after its last attempt");
        return Ok(());
    }
    Err(TaskError::retry(error))
}
