//! Deleting what is kept for a while (tasks contract §3.7).

use queue::{Attempt, TaskResult};
use tasks::{
    DeleteInboundSms, DeleteInvitations, DeleteOldRecordsFromEventsTable, DeleteVerifyCodes,
};
use tracing::info;

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
