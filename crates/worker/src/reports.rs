//! Reports that people ask for in the admin app (tasks contract §3.12).

use std::time::Duration;

use app::reports::Outcome;
use queue::{Attempt, TaskError, TaskResult};
use tasks::{ProcessReportRequest, UpdateReportStatusToDeleted};
use tracing::{info, instrument};

use crate::Context;

/// Another worker writes the report.
#[derive(Debug, thiserror::Error)]
#[error("another worker has the report")]
struct Elsewhere;

/// `process-report-request`: writes a report, unless somebody has. Failing, it is not tried again:
/// whoever asked for it is told, and asks again.
#[instrument(skip_all, fields(report.id = %task.report_request_id))]
pub async fn write(ctx: Context, task: ProcessReportRequest, _: Attempt) -> TaskResult {
    let written = ctx.app().write_report(task.service_id, task.report_request_id).await;
    match written.map_err(TaskError::fail)? {
        Outcome::Stored(rows) => info!(rows, "the report is stored"),
        Outcome::Over(status) => info!(%status, "the report is not pending"),
        // This message stays to see whether that worker dies.
        Outcome::Elsewhere(wait) => {
            let wait = Duration::try_from(wait).unwrap_or_default();
            return Err(TaskError::postpone(Elsewhere, wait + Duration::from_secs(1)));
        }
    }
    Ok(())
}

/// Ends a report that took too long.
pub async fn give_up(ctx: Context, task: ProcessReportRequest, _: Attempt) -> TaskResult {
    Ok(ctx.app().give_up_report(task.service_id, task.report_request_id).await?)
}

/// `update-report-status-to-deleted`: removes reports of more than a day ago.
pub async fn delete_old(ctx: Context, _: UpdateReportStatusToDeleted, _: Attempt) -> TaskResult {
    let deleted = ctx.app().delete_old_reports().await?;
    info!(deleted, "old reports have gone");
    Ok(())
}
