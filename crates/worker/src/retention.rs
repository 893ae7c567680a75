//! Messages past their service's retention (tasks contract §6.2).

use domain::NotificationType;
use queue::{Attempt, Envelope, Task, TaskError, TaskResult};
use store::retention::Old;
use tasks::{
    DeleteEmailNotifications, DeleteLetterNotifications, DeleteNotificationsForServiceAndType,
    DeleteNotificationsOlderThanRetention, DeleteSmsNotifications,
    DeleteTestNotificationsForServiceAndType,
};
use tracing::{error, info, instrument};

use crate::Context;

/// `delete-notifications-older-than-retention`: one task for each channel.
pub async fn nightly(
    ctx: Context,
    _task: DeleteNotificationsOlderThanRetention,
    attempt: Attempt,
) -> TaskResult {
    fn message<T: Task + Default>(ctx: &Context, attempt: &Attempt) -> Result<Envelope, TaskError> {
        let id = ctx.app().clock().new_id();
        Envelope::new(&T::default(), id, &attempt.trace()).map_err(TaskError::fail)
    }
    let channels = [
        message::<DeleteEmailNotifications>(&ctx, &attempt)?,
        message::<DeleteSmsNotifications>(&ctx, &attempt)?,
        message::<DeleteLetterNotifications>(&ctx, &attempt)?,
    ];
    Ok(ctx.app().enqueue_all(&channels).await?)
}

/// `delete-email-notifications`: a child for each service that has old ones; and the files whose time
/// is up.
pub async fn emails(ctx: Context, _: DeleteEmailNotifications, attempt: Attempt) -> TaskResult {
    fan_out(&ctx, NotificationType::Email, &attempt).await?;
    match ctx.app().sweep_documents().await {
        Ok(swept) => info!(swept, "files whose time was up have been removed"),
        // Nobody gets them any more, and the next night looks at the same days.
        Err(error) => error!(error = %runtime::chain(&error), "the sweep of files failed"),
    }
    Ok(())
}

/// `delete-sms-notifications`: a child for each service that has old ones.
pub async fn texts(ctx: Context, _: DeleteSmsNotifications, attempt: Attempt) -> TaskResult {
    fan_out(&ctx, NotificationType::Sms, &attempt).await
}

/// `delete-letter-notifications`: a child for each service that has old ones; and the files that were
/// left behind long ago.
pub async fn letters(ctx: Context, _: DeleteLetterNotifications, attempt: Attempt) -> TaskResult {
    fan_out(&ctx, NotificationType::Letter, &attempt).await?;
    match ctx.app().sweep_letter_files().await {
        Ok(swept) => info!(swept, "PDFs without a letter have been removed"),
        // The letters do not wait for it, and the next night looks at the same days.
        Err(error) => error!(error = %runtime::chain(&error), "the sweep of PDFs failed"),
    }
    Ok(())
}

async fn fan_out(ctx: &Context, channel: NotificationType, attempt: &Attempt) -> TaskResult {
    let services = ctx.app().fan_out_retention(channel, &attempt.trace()).await?;
    info!(services, channel = %channel, "old messages are going to be removed");
    Ok(())
}

/// `delete-notifications-for-service-and-type`: one batch goes to the history.
#[instrument(skip_all, fields(
    service.id = %task.service_id, channel = %task.notification_type
))]
pub async fn archive(
    ctx: Context,
    task: DeleteNotificationsForServiceAndType,
    attempt: Attempt,
) -> TaskResult {
    let old = Old {
        service_id: task.service_id,
        channel: task.notification_type,
        before: task.datetime_to_delete_before.0,
    };
    ctx.app().archive_old(&old, &attempt.trace()).await?;
    Ok(())
}

/// `delete-test-notifications-for-service-and-type`: one batch of test keys' messages is deleted.
#[instrument(skip_all, fields(
    service.id = %task.service_id, channel = %task.notification_type
))]
pub async fn delete_test(
    ctx: Context,
    task: DeleteTestNotificationsForServiceAndType,
    attempt: Attempt,
) -> TaskResult {
    let old = Old {
        service_id: task.service_id,
        channel: task.notification_type,
        before: task.datetime_to_delete_before.0,
    };
    ctx.app().delete_old_test(&old, &attempt.trace()).await?;
    Ok(())
}
