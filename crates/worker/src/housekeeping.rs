//! Periodic repairs (tasks contract §3.8).

use queue::{Attempt, TaskResult};
use tasks::ReplayCreatedNotifications;
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
