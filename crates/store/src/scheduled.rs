//! Notifications that wait for their time.

use deadpool_postgres::GenericClient;
use domain::{KeyType, NotificationId, NotificationType};
use time::OffsetDateTime;

use crate::{Error, parse, sql_time};

/// Has a notification of this transaction wait until `due`: no attempt to send it may begin before.
///
/// # Errors
/// Database errors only.
pub async fn insert(
    db: &impl GenericClient,
    id: NotificationId,
    due: OffsetDateTime,
) -> Result<(), Error> {
    let sql = db
        .prepare_cached(
            "-- scheduled.insert
        WITH waits AS (
            INSERT INTO scheduled_notifications (notification_id, due_at) VALUES ($1, $2))
        UPDATE notifications SET claim_attempt = 1, next_attempt_at = $2 WHERE id = $1",
        )
        .await?;
    db.execute(&sql, &[&id, &sql_time::to_column(due)]).await?;
    Ok(())
}

/// Ends the wait of a notification that is not to be sent. False when it does not wait (any more): its
/// message is queued.
///
/// # Errors
/// Database errors only.
pub async fn delete(db: &impl GenericClient, id: NotificationId) -> Result<bool, Error> {
    let sql = db
        .prepare_cached(
            "-- scheduled.delete
        DELETE FROM scheduled_notifications WHERE notification_id = $1",
        )
        .await?;
    Ok(db.execute(&sql, &[&id]).await? == 1)
}

/// A notification whose time has come.
#[derive(Clone, Copy)]
pub struct Due {
    /// The notification.
    pub id: NotificationId,
    /// Its channel.
    pub notification_type: NotificationType,
    /// The type of the key it came in with.
    pub key_type: KeyType,
}

/// Ends the wait of up to `limit` notifications whose time has come, the longest overdue first, and gives
/// them. What another transaction is taking or calling back is left to it.
///
/// # Errors
/// Database errors only.
pub async fn take_due(
    db: &impl GenericClient,
    now: OffsetDateTime,
    limit: i64,
) -> Result<Vec<Due>, Error> {
    let sql = db
        .prepare_cached(
            "-- scheduled.take_due
        WITH due AS (
            DELETE FROM scheduled_notifications WHERE notification_id IN (
                   SELECT notification_id FROM scheduled_notifications
                    WHERE due_at <= $1 ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
            RETURNING notification_id)
        UPDATE notifications n SET claim_attempt = NULL, next_attempt_at = NULL
          FROM due WHERE n.id = due.notification_id
        RETURNING n.id, n.notification_type::text AS notification_type, n.key_type",
        )
        .await?;
    let rows = db.query(&sql, &[&sql_time::to_column(now), &limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(Due {
                id: row.try_get("id")?,
                notification_type: parse(row, "notification_type")?,
                key_type: parse(row, "key_type")?,
            })
        })
        .collect()
}
