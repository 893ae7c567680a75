//! Sending text messages and emails (tasks contract §3.1).
//!
//! Both tasks are one path: claim, compose, hand to a provider, record. Whatever goes wrong after
//! the claim ends in `failed`, which puts the next attempt off or gives the message up.

use std::time::Duration;

use app::{
    App,
    sending::{Claimed, ComposeError, is_simulated},
};
use domain::{NotificationId, NotificationStatus, NotificationType};
use providers::{Email, Sms};
use queue::{Attempt, TaskError, TaskResult};
use store::notifications::{Sent, ToSend};
use tasks::{DeliverEmail, DeliverSms, delivery::SEND_TIME_LIMIT, queues};
use tokio::time::Instant;
use tracing::{error, info, instrument, warn};

use crate::Context;

/// How long claiming, composing and handing over may take: the rest of the task's time is for saying
/// how it went.
const DEADLINE: Duration = SEND_TIME_LIMIT.saturating_sub(Duration::from_secs(15));

/// How long handing over may take: what is not begun in time for that is not begun.
const HAND_OVER: Duration = Duration::from_secs(25);

/// Why an attempt to send failed.
#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error("the provider did not take it")]
    Provider(#[source] providers::Error),
    #[error("no active provider can send it")]
    NoProvider,
    #[error("it could not be composed")]
    Compose(#[from] ComposeError),
    #[error("the database failed")]
    App(#[from] app::Error),
    #[error("it took too long")]
    TimedOut,
    #[error("it took too long to claim it")]
    ClaimedLate,
    #[error("an earlier attempt may have sent it; waiting for its receipt")]
    WaitingForReceipt,
    #[error("an earlier attempt failed, and its retry was lost")]
    RetryLost,
}

impl SendError {
    /// Whether no other attempt can go better.
    fn is_permanent(&self) -> bool {
        match self {
            Self::Provider(error) => error.is_permanent(),
            Self::Compose(error) => matches!(error, ComposeError::ServiceInactive),
            _ => false,
        }
    }

    /// Whether a provider may have the message all the same.
    fn is_maybe_sent(&self) -> bool {
        match self {
            Self::Provider(error) => error.is_maybe_taken(),
            Self::TimedOut => true,
            _ => false,
        }
    }
}

/// `deliver_sms`: sends one text message. Does nothing when it has been sent.
#[instrument(skip_all, fields(notification.id = %task.notification_id))]
pub async fn sms(ctx: Context, task: DeliverSms, attempt: Attempt) -> TaskResult {
    deliver(ctx, NotificationType::Sms, task.notification_id, attempt).await
}

/// `deliver_email`: sends one email. Does nothing when it has been sent.
#[instrument(skip_all, fields(notification.id = %task.notification_id))]
pub async fn email(ctx: Context, task: DeliverEmail, attempt: Attempt) -> TaskResult {
    deliver(ctx, NotificationType::Email, task.notification_id, attempt).await
}

/// The last attempt to send a text message was in vain. Its task is kept among the dead letters,
/// where an operator sees it.
pub async fn give_up_sms(ctx: Context, task: DeliverSms, _: Attempt) -> TaskResult {
    Ok(ctx.app().give_up(task.notification_id, None).await?)
}

/// The last attempt to send an email was in vain.
pub async fn give_up_email(ctx: Context, task: DeliverEmail, _: Attempt) -> TaskResult {
    Ok(ctx.app().give_up(task.notification_id, None).await?)
}

async fn deliver(
    ctx: Context,
    channel: NotificationType,
    id: NotificationId,
    attempt: Attempt,
) -> TaskResult {
    let deadline = Instant::now() + DEADLINE;
    let app = ctx.app();
    // All channels are retried on one queue.
    let is_retry = attempt.queue() == queues::RETRY;
    let _place = if is_retry { Some(ctx.0.retrying.enter(channel).await?) } else { None };
    let message = match app.claim_to_send(id, &attempt).await? {
        Claimed::Ours(message) => message,
        Claimed::Nothing => return Ok(()),
        Claimed::PutOff(wait) => return Err(TaskError::retry_in(SendError::RetryLost, wait)),
        Claimed::WaitForReceipt(wait) => {
            return Err(TaskError::retry_in(SendError::WaitingForReceipt, wait));
        }
    };
    if deadline.saturating_duration_since(Instant::now()) < HAND_OVER {
        return failed(app, &message, &attempt, SendError::ClaimedLate).await;
    }
    let sending = async {
        match message.notification_type {
            NotificationType::Sms => send_sms(&ctx, &message, &attempt).await,
            NotificationType::Email | NotificationType::Letter => {
                send_email(&ctx, &message, &attempt).await
            }
        }
    };
    match tokio::time::timeout_at(deadline, sending).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => failed(app, &message, &attempt, error).await,
        Err(_) => failed(app, &message, &attempt, SendError::TimedOut).await,
    }
}

async fn send_sms(ctx: &Context, message: &ToSend, attempt: &Attempt) -> Result<(), SendError> {
    let app = ctx.app();
    let sms = app.compose_sms(message).await?;
    if is_simulated(message) {
        return Ok(app.simulate(message, sms.fragments, &attempt.trace()).await?);
    }
    let providers = app.providers().await?;
    let provider =
        ctx.0.senders.sms(&providers, message.international).ok_or(SendError::NoProvider)?;
    let outbound = Sms {
        to: &message.normalised_to,
        content: &sms.text,
        sender: message.reply_to_text.as_deref(),
        reference: message.id.0,
        international: message.international,
    };
    let result = provider.sender.send(&outbound).await;
    provider.breaker.record(&result);
    if result.is_err() {
        app.sms_provider_failed(provider.sender.name()).await;
    }
    let accepted = result.map_err(SendError::Provider)?;
    let status = if message.international || !accepted.receipts {
        NotificationStatus::Sent
    } else {
        NotificationStatus::Sending
    };
    record(app, message, status, provider.sender.name(), sms.fragments, accepted.reference).await
}

async fn send_email(ctx: &Context, message: &ToSend, attempt: &Attempt) -> Result<(), SendError> {
    let app = ctx.app();
    let email = app.compose_email(message).await?;
    if is_simulated(message) {
        return Ok(app.simulate(message, 0, &attempt.trace()).await?);
    }
    let providers = app.providers().await?;
    let provider = ctx.0.senders.email(&providers).ok_or(SendError::NoProvider)?;
    let outbound = Email {
        from_name: &email.from_name,
        from_address: &email.from_address,
        to: &message.normalised_to,
        subject: &email.subject,
        text: &email.text,
        html: &email.html,
        reply_to: message.reply_to_text.as_deref(),
        unsubscribe_link: email.unsubscribe_link.as_deref(),
        reference: message.id.0,
    };
    let result = provider.sender.send(&outbound).await;
    provider.breaker.record(&result);
    let accepted = result.map_err(SendError::Provider)?;
    let status =
        if accepted.receipts { NotificationStatus::Sending } else { NotificationStatus::Sent };
    record(app, message, status, provider.sender.name(), 0, accepted.reference).await
}

async fn record(
    app: &App,
    message: &ToSend,
    status: NotificationStatus,
    provider: &'static str,
    billable_units: i32,
    reference: Option<String>,
) -> Result<(), SendError> {
    let (id, sent_at) = (message.id, app.clock().now());
    let sent = Sent { id, status, sent_by: provider, sent_at, billable_units, reference };
    app.record_sent(sent).await?;
    info!(provider.name = provider, "accepted by {provider}");
    Ok(())
}

/// A message that was not sent, or not surely: given up when it never will be, else put off.
async fn failed(app: &App, message: &ToSend, attempt: &Attempt, error: SendError) -> TaskResult {
    let why = runtime::chain(&error).to_string();
    if error.is_permanent() {
        error!(error = %why, "given up");
        return Ok(app.give_up(message.id, Some(&why)).await?);
    }
    let Some(delay) = attempt.retry_delay() else { return Err(TaskError::retry(error)) };
    // Its receipt may be on its way.
    let delay = if error.is_maybe_sent() { delay.max(app.receipt_wait()) } else { delay };
    if let Err(error) = app.put_off(message, attempt, delay, &why).await {
        warn!(error = %runtime::chain(&error), "the claim stays until it runs out");
    }
    Err(TaskError::retry_in(error, delay))
}
