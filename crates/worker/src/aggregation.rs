//! Daily statistics and bills (tasks contract §3.6, §5).

use app::billing::Bill;
use queue::{Attempt, TaskError, TaskResult};
use tasks::{
    CreateNightlyBilling, CreateNightlyBillingForDay, CreateNightlyNotificationStatus,
    CreateNightlyNotificationStatusForServiceAndDay, CreateOrUpdateFtBillingForDay,
    CreateOrUpdateFtBillingLetterDespatchForDay, RunPopulateAnnualBilling,
    SaveDailyNotificationProcessingTime, UpdateFtBillingForToday,
};
use tracing::{error, info, instrument};

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

/// Some of a bill's groups have no rate, or the database refused some of its parts. All others are
/// billed.
#[derive(Debug, thiserror::Error)]
#[error("{0} groups or parts are not billed, the first of them: {1}")]
struct NotBilled(usize, String);

/// `create-nightly-billing`: two children for each of the last days.
pub async fn nightly_billing(
    ctx: Context,
    task: CreateNightlyBilling,
    attempt: Attempt,
) -> TaskResult {
    let last_day = task.day_start.map(|day| day.0);
    let children = ctx.app().fan_out_billing(last_day, task.n_days, &attempt.trace()).await?;
    info!(children, "the last days are going to be billed");
    Ok(())
}

/// `create-or-update-ft-billing-for-day`: bills a day anew, large services by tasks of their own.
/// Fails, when all else is billed, if a group has no rate; it waits among the dead letters then, to be
/// run again when there is one.
pub async fn billing(
    ctx: Context,
    task: CreateOrUpdateFtBillingForDay,
    attempt: Attempt,
) -> TaskResult {
    bill(&ctx, &task, &attempt).await
}

/// `create-nightly-billing-for-day`: the same.
pub async fn billing_by_its_old_name(
    ctx: Context,
    task: CreateNightlyBillingForDay,
    attempt: Attempt,
) -> TaskResult {
    let process_day = task.process_day;
    let task =
        CreateOrUpdateFtBillingForDay { process_day, notification_type: None, service_id: None };
    bill(&ctx, &task, &attempt).await
}

#[instrument(skip_all, fields(day = %task.process_day.0))]
async fn bill(
    ctx: &Context,
    task: &CreateOrUpdateFtBillingForDay,
    attempt: &Attempt,
) -> TaskResult {
    let (day, channel) = (task.process_day.0, task.notification_type);
    settle(match task.service_id {
        None => ctx.app().share_out_day(day, channel, &attempt.trace()).await?,
        service => ctx.app().bill_day(day, channel, service).await?,
    })
}

/// `create-or-update-ft-billing-letter-despatch-for-day`: bills the letters despatched on a day.
#[instrument(skip_all, fields(day = %task.process_day.0))]
pub async fn despatch_billing(
    ctx: Context,
    task: CreateOrUpdateFtBillingLetterDespatchForDay,
    _attempt: Attempt,
) -> TaskResult {
    settle(ctx.app().bill_despatched_letters(task.process_day.0).await?)
}

/// `update-ft-billing-for-today`: bills today so far.
pub async fn billing_of_today(
    ctx: Context,
    _task: UpdateFtBillingForToday,
    _attempt: Attempt,
) -> TaskResult {
    settle(ctx.app().bill_today().await?)
}

/// `run-populate-annual-billing`: free allowances of the financial year that it is.
pub async fn annual_billing(
    ctx: Context,
    _task: RunPopulateAnnualBilling,
    _attempt: Attempt,
) -> TaskResult {
    let decided = ctx.app().decide_allowances().await?;
    info!(decided, "services have their free allowance of the financial year");
    Ok(())
}

/// `save-daily-notification-processing-time`: how many of a day's messages went out quickly.
pub async fn processing_time(
    ctx: Context,
    task: SaveDailyNotificationProcessingTime,
    _attempt: Attempt,
) -> TaskResult {
    ctx.app().replace_processing_time(task.bst_date.map(|day| day.0)).await?;
    Ok(())
}

fn settle(bill: Bill) -> TaskResult {
    info!(facts = bill.facts, apart = bill.apart, "billed");
    for group in &bill.without_rate {
        error!(group, "there is no rate for it; it is not billed");
    }
    for part in &bill.refused {
        error!(part, "the database refused; it is not billed anew");
    }
    let count = bill.without_rate.len() + bill.refused.len();
    match bill.without_rate.into_iter().chain(bill.refused).next() {
        None => Ok(()),
        Some(first) => Err(TaskError::fail(NotBilled(count, first))),
    }
}
