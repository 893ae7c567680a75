//! Deleting and archiving what is kept for a while (tasks contract §3.7).

use domain::ServiceId;
use queue::{Attempt, TaskResult};
use store::unsubscribe_requests::Stage;
use tasks::{
    ArchiveBatchedUnsubscribeRequests, ArchiveOldUnsubscribeRequests, ArchivePendingFiles,
    ArchiveUnsubscribeRequests, DeleteInboundSms, DeleteInvitations,
    DeleteOldRecordsFromEventsTable, DeleteVerifyCodes, RemoveArchivedTemplateEmailFilesFromS3,
};
use tracing::{info, instrument};

use crate::Context;

/// `delete-inbound-sms`: archives received texts past their service's retention.
pub async fn received_texts(ctx: Context, _: DeleteInboundSms, _: Attempt) -> TaskResult {
    let archived = ctx.app().archive_received_texts().await?;
    info!(archived, "received texts past their retention are archived");
    Ok(())
}

/// `delete-verify-codes`: deletes sign-in codes older than a day, and the idempotency keys that are, too.
pub async fn codes(ctx: Context, _: DeleteVerifyCodes, _: Attempt) -> TaskResult {
    let deleted = ctx.app().delete_old_codes().await?;
    info!(deleted, "old sign-in codes are deleted");
    let deleted = ctx.app().delete_expired_keys().await?;
    info!(deleted, "expired idempotency keys are deleted");
    Ok(())
}

/// `delete-invitations`: deletes invitations older than two days.
pub async fn invitations(ctx: Context, _: DeleteInvitations, _: Attempt) -> TaskResult {
    let deleted = ctx.app().delete_old_invitations().await?;
    info!(deleted, "old invitations are deleted");
    Ok(())
}

/// `delete-old-records-from-events-table`: deletes events older than a year.
pub async fn events(ctx: Context, _: DeleteOldRecordsFromEventsTable, _: Attempt) -> TaskResult {
    let deleted = ctx.app().delete_old_events().await?;
    info!(deleted, "old events are deleted");
    Ok(())
}

/// `archive-unsubscribe-requests`: children for each service that has old requests.
pub async fn unsubscribe_requests(
    ctx: Context,
    _: ArchiveUnsubscribeRequests,
    attempt: Attempt,
) -> TaskResult {
    let children = ctx.app().fan_out_unsubscribe_archive(&attempt.trace()).await?;
    info!(children, "old unsubscribe requests are going to be archived");
    Ok(())
}

/// `archive-batched-unsubscribe-requests`: archives those of reports that are a week old.
pub async fn batched_unsubscribe_requests(
    ctx: Context,
    task: ArchiveBatchedUnsubscribeRequests,
    _: Attempt,
) -> TaskResult {
    archive(&ctx, task.service_id, Stage::Batched).await
}

/// `archive-old-unsubscribe-requests`: archives those that no report took for 90 days.
pub async fn old_unsubscribe_requests(
    ctx: Context,
    task: ArchiveOldUnsubscribeRequests,
    _: Attempt,
) -> TaskResult {
    archive(&ctx, task.service_id, Stage::Unbatched).await
}

#[instrument(skip(ctx), fields(service.id = %service))]
async fn archive(ctx: &Context, service: ServiceId, stage: Stage) -> TaskResult {
    let archived = ctx.app().archive_unsubscribe_requests(service, stage).await?;
    info!(archived, "old unsubscribe requests are archived");
    Ok(())
}

/// `archive-pending-files`: archives uploads that were not put into their template within a day.
pub async fn pending_files(ctx: Context, _: ArchivePendingFiles, _: Attempt) -> TaskResult {
    let archived = ctx.app().archive_pending_files().await?;
    info!(archived, "uploads that nobody used are archived");
    Ok(())
}

/// `remove-archived-template-email-files-from-s3`: removes files that were archived two weeks ago.
pub async fn archived_files(
    ctx: Context,
    _: RemoveArchivedTemplateEmailFilesFromS3,
    _: Attempt,
) -> TaskResult {
    let removed = ctx.app().remove_archived_files().await?;
    info!(removed, "archived files of email templates are removed");
    Ok(())
}
