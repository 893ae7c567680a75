//! Files of recipients, row by row (tasks contract §3.3).

use app::jobs::RowToSave;
use domain::{NotificationId, NotificationType, ServiceId};
use queue::{Attempt, Envelope, Task, TaskError, TaskResult};
use serde_json::{Map, Value};
use tasks::{
    CheckForMissingRowsInCompletedJobs, CheckJobStatus, ProcessIncompleteJobs, ProcessJob,
    RemoveLetterJobs, RemoveSmsEmailJobs, RunScheduledJobs, SaveEmail, SaveLetter, SaveSms,
    ShatterJobRows, UpdateStatusOfFullyProcessedJobs, queues,
};
use tracing::{info, instrument};

use crate::Context;

/// `process-job`: queues the rows of a file. Repeating it does nothing; one whose worker died is
/// resumed.
#[instrument(skip_all, fields(job.id = %task.job_id))]
pub async fn process(ctx: Context, task: ProcessJob, attempt: Attempt) -> TaskResult {
    let (sender, redelivered) = (task.sender_id.as_deref(), attempt.redelivered());
    Ok(ctx.app().process_job(task.job_id, sender, redelivered, &attempt.trace()).await?)
}

/// `shatter-job-rows`: queues rows one by one. What is queued twice is saved once.
pub async fn shatter(ctx: Context, task: ShatterJobRows, attempt: Attempt) -> TaskResult {
    let name = match task.template_type {
        NotificationType::Sms => SaveSms::NAME,
        NotificationType::Email => SaveEmail::NAME,
        NotificationType::Letter => SaveLetter::NAME,
    };
    let queue = if task.has_files { queues::DATABASE_DOCUMENTS } else { queues::DATABASE };
    let (app, trace) = (ctx.app(), attempt.trace());
    let message = |(args, kwargs): (Vec<Value>, Map<String, Value>)| {
        Envelope::untyped(name, queue, args, kwargs, app.clock().new_id(), &trace)
    };
    let messages: Vec<Envelope> = task.args_kwargs_seq.into_iter().map(message).collect();
    Ok(app.enqueue_all(&messages).await?)
}

/// `process-incomplete-jobs`: queues what is left of jobs. What is queued twice is saved once.
pub async fn resume(ctx: Context, task: ProcessIncompleteJobs, attempt: Attempt) -> TaskResult {
    Ok(ctx.app().resume_jobs(&task.job_ids, &attempt.trace()).await?)
}

/// A row's task, whatever the row becomes.
struct Row {
    service: ServiceId,
    id: NotificationId,
    signed: String,
    sender: Option<String>,
}

/// `save-sms`: makes a row a text message. Repeating it changes nothing.
#[instrument(skip_all, fields(notification.id = %task.notification_id))]
pub async fn save_sms(ctx: Context, task: SaveSms, attempt: Attempt) -> TaskResult {
    let SaveSms { service_id, notification_id, encoded_notification, sender_id } = task;
    let row = Row {
        service: service_id,
        id: notification_id,
        signed: encoded_notification,
        sender: sender_id,
    };
    save(ctx, row, NotificationType::Sms, attempt).await
}

/// `save-email`: makes a row an email. Repeating it changes nothing.
#[instrument(skip_all, fields(notification.id = %task.notification_id))]
pub async fn save_email(ctx: Context, task: SaveEmail, attempt: Attempt) -> TaskResult {
    let SaveEmail { service_id, notification_id, encoded_notification, sender_id } = task;
    let row = Row {
        service: service_id,
        id: notification_id,
        signed: encoded_notification,
        sender: sender_id,
    };
    save(ctx, row, NotificationType::Email, attempt).await
}

/// `save-letter`: makes a row a letter. Repeating it changes nothing.
#[instrument(skip_all, fields(notification.id = %task.notification_id))]
pub async fn save_letter(ctx: Context, task: SaveLetter, attempt: Attempt) -> TaskResult {
    let SaveLetter { service_id, notification_id, encoded_notification } = task;
    let row = Row {
        service: service_id,
        id: notification_id,
        signed: encoded_notification,
        sender: None,
    };
    save(ctx, row, NotificationType::Letter, attempt).await
}

async fn save(ctx: Context, row: Row, channel: NotificationType, attempt: Attempt) -> TaskResult {
    let app = ctx.app();
    // What nobody of ours signed will not be read next time either.
    let read = app.read_row(&row.signed).map_err(TaskError::fail)?;
    let saved = RowToSave {
        service: row.service,
        id: row.id,
        row: &read,
        channel,
        sender: row.sender.as_deref(),
    };
    Ok(app.save_row(&saved, &attempt.trace()).await?)
}

/// `run-scheduled-jobs`: starts the jobs whose time has come.
pub async fn run_scheduled(ctx: Context, _: RunScheduledJobs, attempt: Attempt) -> TaskResult {
    let started = ctx.app().run_scheduled_jobs(&attempt.trace()).await?;
    info!(started, "scheduled jobs");
    Ok(())
}

/// `check-job-status`: has jobs resumed that stopped half way.
pub async fn check_status(ctx: Context, _: CheckJobStatus, attempt: Attempt) -> TaskResult {
    let found = ctx.app().resume_stuck_jobs(&attempt.trace()).await?;
    info!(found, "jobs that stopped half way");
    Ok(())
}

/// `check-for-missing-rows-in-completed-jobs`: queues rows again that are no notifications.
pub async fn missing_rows(
    ctx: Context,
    _: CheckForMissingRowsInCompletedJobs,
    attempt: Attempt,
) -> TaskResult {
    let queued = ctx.app().queue_missing_rows(&attempt.trace()).await?;
    info!(queued, "missing rows");
    Ok(())
}

/// `update-status-of-fully-processed-jobs`: marks the jobs whose rows are all notifications.
pub async fn complete(ctx: Context, _: UpdateStatusOfFullyProcessedJobs, _: Attempt) -> TaskResult {
    let complete = ctx.app().complete_recent_jobs().await?;
    info!(complete, "complete jobs");
    Ok(())
}

/// `remove_sms_email_jobs`: removes files past their retention.
pub async fn remove_sms_email(ctx: Context, _: RemoveSmsEmailJobs, _: Attempt) -> TaskResult {
    remove(&ctx, &[NotificationType::Sms, NotificationType::Email]).await
}

/// `remove_letter_jobs`: removes files of letters past their retention.
pub async fn remove_letter(ctx: Context, _: RemoveLetterJobs, _: Attempt) -> TaskResult {
    remove(&ctx, &[NotificationType::Letter]).await
}

async fn remove(ctx: &Context, channels: &[NotificationType]) -> TaskResult {
    let removed = ctx.app().remove_job_files(channels).await?;
    info!(removed, "files of jobs past their retention");
    Ok(())
}
