//! Callbacks to services (public API contract §6, tasks contract §3.9).

use app::inbound_sms::ServiceCall;
use domain::webhooks;
use providers::callbacks::Outcome;
use queue::{Attempt, TaskError, TaskResult};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use tasks::{
    SendComplaint, SendDeliveryStatus, SendInboundSms, SendReturnedLetter,
    callbacks::{DeliveryStatus, Signed},
};
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
    let (url, token) = (update.service_callback_api_url, update.service_callback_api_bearer_token);
    call(&ctx, &ServiceCall { url, token, body }, &attempt).await
}

/// `send-complaint`: tells a service that a recipient complained. As with every callback here, the
/// service may be told twice.
#[instrument(skip_all)]
pub async fn complaint(ctx: Context, task: SendComplaint, attempt: Attempt) -> TaskResult {
    signed(&ctx, &task.complaint_data, &attempt).await
}

/// `send-returned-letter`: tells a service that a letter came back.
#[instrument(skip_all)]
pub async fn returned_letter(
    ctx: Context,
    task: SendReturnedLetter,
    attempt: Attempt,
) -> TaskResult {
    signed(&ctx, &task.returned_letter_data, &attempt).await
}

/// `send-inbound-sms`: tells a service that it has received a text message, if it wants to know.
#[instrument(skip_all, fields(inbound_sms.id = %task.inbound_sms_id, service.id = %task.service_id))]
pub async fn inbound_sms(ctx: Context, task: SendInboundSms, attempt: Attempt) -> TaskResult {
    match ctx.app().inbound_sms_call(task.service_id, task.inbound_sms_id).await {
        Ok(Some(service)) => call(&ctx, &service, &attempt).await,
        Ok(None) => Ok(()),
        // The row was committed before the task was queued: it will not come.
        Err(error @ app::Error::NotFound) => Err(TaskError::fail(error)),
        Err(error) => Err(error.into()),
    }
}

/// Posts what a task carries signed, whoever wrote it.
async fn signed(ctx: &Context, signed: &str, attempt: &Attempt) -> TaskResult {
    let signed: Signed<Map<String, Value>> =
        ctx.app().signer().unsign(signed).map_err(TaskError::fail)?;
    let service = ServiceCall {
        url: signed.service_callback_api_url,
        token: signed.service_callback_api_bearer_token,
        body: signed.body.into(),
    };
    call(ctx, &service, attempt).await
}

/// Posts to a service, when there is room for its endpoint.
async fn call(ctx: &Context, service: &ServiceCall, attempt: &Attempt) -> TaskResult {
    let endpoint = endpoint(&service.url);
    let _place = ctx.0.calling_back.enter((attempt.queue().to_owned(), endpoint)).await?;
    let token = SecretString::from(service.token.clone());
    let (secrets, body) = (
        ctx.app().signer().webhook_secrets(&service.url, &service.token),
        service.body.to_string(),
    );
    let headers = webhooks::headers(&secrets, attempt.id(), ctx.app().clock().now(), &body);
    let outcome = ctx.0.callbacks.post(&service.url, &token, body, &headers).await;
    settle(outcome, attempt)
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
