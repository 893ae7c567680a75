//! Sending text messages and emails (tasks contract §3.1).

use std::time::Duration;

use app::{
    App,
    sending::{Claimed, ComposeError, is_simulated},
};
use domain::{NotificationId, NotificationStatus};
use providers::{Email, Sms};
use queue::{Attempt, TaskError, TaskResult};
use store::notifications::{Sent, ToSend};
use tasks::{DeliverEmail, DeliverSms};
use tracing::{error, info, instrument, warn};

use crate::Context;

/// Why an attempt to send failed.
#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error("the provider did not take it")]
    Provider(#[source] providers::Error),
    #[error("no active provider can send it")]
    NoProvider,
    #[error("an earlier attempt may have sent it; waiting for its receipt")]
    WaitingForReceipt,
}

/// `deliver_sms`: sends one text message. Does nothing when it has been sent.
#[instrument(skip_all, fields(notification.id = %task.notification_id))]
pub async fn sms(ctx: Context, task: DeliverSms, attempt: Attempt) -> TaskResult {
    let app = ctx.app();
    let Some(message) = claim(app, task.notification_id, &attempt).await? else { return Ok(()) };
    let sms = match app.compose_sms(&message).await {
        Ok(sms) => sms,
        Err(error) => return not_composed(app, &message, &attempt, error).await,
    };
    if is_simulated(&message) {
        return Ok(app.simulate(&message, sms.fragments, &attempt.trace()).await?);
    }
    let active = app.providers().await?;
    let Some(sender) = ctx.0.senders.sms(&active, message.international) else {
        return failed(app, &message, &attempt, SendError::NoProvider, sms.fragments).await;
    };
    let outbound = Sms {
        to: &message.normalised_to,
        content: &sms.text,
        sender: message.reply_to_text.as_deref(),
        reference: message.id.0,
        international: message.international,
    };
    if let Err(error) = sender.send(&outbound).await {
        return failed(app, &message, &attempt, SendError::Provider(error), sms.fragments).await;
    }
    let status =
        if message.international { NotificationStatus::Sent } else { NotificationStatus::Sending };
    record(app, &message, status, sender.name(), sms.fragments, None).await
}

/// `deliver_email`: sends one email. Does nothing when it has been sent.
#[instrument(skip_all, fields(notification.id = %task.notification_id))]
pub async fn email(ctx: Context, task: DeliverEmail, attempt: Attempt) -> TaskResult {
    let app = ctx.app();
    let Some(message) = claim(app, task.notification_id, &attempt).await? else { return Ok(()) };
    let email = match app.compose_email(&message).await {
        Ok(email) => email,
        Err(error) => return not_composed(app, &message, &attempt, error).await,
    };
    if is_simulated(&message) {
        return Ok(app.simulate(&message, 0, &attempt.trace()).await?);
    }
    let active = app.providers().await?;
    let Some(sender) = ctx.0.senders.email(&active) else {
        return failed(app, &message, &attempt, SendError::NoProvider, 0).await;
    };
    let outbound = Email {
        from_name: &email.from_name,
        from_address: &email.from_address,
        to: &message.normalised_to,
        subject: &email.subject,
        text: &email.text,
        html: &email.html,
        reply_to: message.reply_to_text.as_deref(),
        unsubscribe_link: message.unsubscribe_link.as_deref(),
        reference: message.id.0,
    };
    let accepted = match sender.send(&outbound).await {
        Ok(accepted) => accepted,
        Err(error) => return failed(app, &message, &attempt, SendError::Provider(error), 0).await,
    };
    let status =
        if accepted.receipts { NotificationStatus::Sending } else { NotificationStatus::Sent };
    record(app, &message, status, sender.name(), 0, accepted.reference.as_deref()).await
}

/// The message, if it is ours to send now.
async fn claim(
    app: &App,
    id: NotificationId,
    attempt: &Attempt,
) -> Result<Option<Box<ToSend>>, TaskError> {
    match app.claim_to_send(id, attempt).await? {
        Claimed::Ours(message) => Ok(Some(message)),
        Claimed::Nothing => Ok(None),
        Claimed::WaitForReceipt(wait) => {
            Err(TaskError::retry_in(SendError::WaitingForReceipt, wait))
        }
    }
}

async fn record(
    app: &App,
    message: &ToSend,
    status: NotificationStatus,
    provider: &str,
    fragments: i32,
    reference: Option<&str>,
) -> TaskResult {
    let sent = Sent {
        status,
        sent_by: provider,
        sent_at: app.clock().now(),
        billable_units: fragments,
        reference,
    };
    app.record_sent(message.id, &sent).await?;
    info!(provider.name = provider, "accepted by {provider}");
    Ok(())
}

/// A message that no provider took: put off, or given up when it never will be or was the last try.
async fn failed(
    app: &App,
    message: &ToSend,
    attempt: &Attempt,
    error: SendError,
    fragments: i32,
) -> TaskResult {
    let permanent = matches!(&error, SendError::Provider(error) if error.is_permanent());
    match attempt.retry_delay() {
        Some(delay) if !permanent => {
            put_off(app, message, attempt, delay, fragments).await;
            Err(TaskError::retry(error))
        }
        _ => {
            error!(error = %runtime::chain(&error), "given up");
            app.give_up(message.id).await?;
            // A message that can never be sent has been dealt with; one that ran out of tries is
            // kept among the dead letters, where an operator sees it.
            if permanent { Ok(()) } else { Err(TaskError::fail(error)) }
        }
    }
}

async fn not_composed(
    app: &App,
    message: &ToSend,
    attempt: &Attempt,
    error: ComposeError,
) -> TaskResult {
    let again = match error {
        ComposeError::ServiceInactive => {
            app.give_up(message.id).await?;
            return Err(TaskError::fail(ComposeError::ServiceInactive));
        }
        ComposeError::Other(error) => TaskError::from(error),
    };
    match (attempt.retry_delay(), again) {
        (Some(delay), again @ TaskError::Retry { .. }) => {
            put_off(app, message, attempt, delay, 0).await;
            Err(again)
        }
        (_, last) => {
            app.give_up(message.id).await?;
            Err(last)
        }
    }
}

/// Lets go of the claim. When that fails the claim runs out by itself, so the retry goes ahead.
async fn put_off(app: &App, message: &ToSend, attempt: &Attempt, delay: Duration, fragments: i32) {
    if let Err(error) = app.put_off(message.id, attempt, delay, fragments).await {
        warn!(error = %runtime::chain(&error), "the claim stays until it runs out");
    }
}
