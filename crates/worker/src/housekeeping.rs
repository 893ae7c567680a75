//! Periodic repairs (tasks contract §3.8).

use queue::{Attempt, TaskResult};
use tasks::{ReplayCreatedNotifications, SendScheduledNotifications, TimeoutSendingNotifications};
use tracing::info;

use crate::Context;

/// `replay-created-notifications`: queues again what was accepted and never sent.
pub async fn replay_created_notifications(
    ctx: Context,
    _task: ReplayCreatedNotifications,
    attempt: Attempt,
) -> TaskResult {
    let replayed = ctx.app().replay_created(&attempt.trace()).await?;
    info!(replayed, "messages that were still created have been queued again");
    Ok(())
}

/// `send-scheduled-notifications`: queues the messages whose time has come.
pub async fn send_scheduled_notifications(
    ctx: Context,
    _task: SendScheduledNotifications,
    attempt: Attempt,
) -> TaskResult {
    let sent = ctx.app().send_scheduled(&attempt.trace()).await?;
    info!(sent, "messages whose time has come have been queued");
    Ok(())
}

/// `timeout-sending-notifications`: ends messages whose receipt never came.
pub async fn timeout_sending_notifications(
    ctx: Context,
    _task: TimeoutSendingNotifications,
    attempt: Attempt,
) -> TaskResult {
    let ended = ctx.app().time_out_sending(&attempt.trace()).await?;
    info!(ended, "messages without a receipt have been ended");
    Ok(())
}
