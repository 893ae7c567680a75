//! Daily statistics and bills (tasks contract §3.6, §5).

use queue::{Attempt, TaskResult};
use tasks::{CreateNightlyNotificationStatus, CreateNightlyNotificationStatusForServiceAndDay};
use tracing::{info, instrument};

use crate::Context;

/// `create-nightly-notification-status`: a child for each part that has something to count.
pub async fn nightly_status(
    ctx: Context,
    _task: CreateNightlyNotificationStatus,
    attempt: Attempt,
) -> TaskResult {
    let children = ctx.app().fan_out_status(&attempt.trace()).await?;
    info!(children, "the statuses of the last days are going to be counted");
    Ok(())
}

/// `create-nightly-notification-status-for-service-and-day`: counts one part's statuses anew.
#[instrument(skip_all, fields(
    day = %task.process_day.0, service.id = %task.service_id, channel = %task.notification_type
))]
pub async fn status(
    ctx: Context,
    task: CreateNightlyNotificationStatusForServiceAndDay,
    _attempt: Attempt,
) -> TaskResult {
    let portion =
        app::aggregation::portion(task.process_day, task.notification_type, task.service_id)?;
    let facts = ctx.app().replace_status(&portion).await?;
    info!(facts, "the statuses have been counted");
    Ok(())
}
