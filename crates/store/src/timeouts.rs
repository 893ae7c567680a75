//! Messages whose receipt never came.

use deadpool_postgres::GenericClient;
use domain::{NotificationId, NotificationStatus, NotificationType};
use time::{OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use crate::{
    Error,
    outbox::OutboxRow,
    receipts::{Receivable, from_row},
    sql_time,
};

/// Up to `limit` messages of this channel and status accepted from `from` until before `cutoff`,
/// oldest first. One channel and one status, so that the index gives them in this order however many
/// there are.
///
/// # Errors
/// Database errors only.
pub async fn list(
    db: &impl GenericClient,
    (channel, status): (NotificationType, NotificationStatus),
    from: OffsetDateTime,
    cutoff: OffsetDateTime,
    limit: i64,
) -> Result<Vec<Receivable>, Error> {
    let sql = db
        .prepare_cached(
            r#"-- timeouts.list
        SELECT id, service_id, template_id, template_version,
               notification_type::text AS notification_type, key_type, notification_status, "to",
               client_reference, created_at, sent_at, sent_by, international, phone_prefix,
               billable_units, NULL AS _personalisation
          FROM notifications
         WHERE notification_type = $1::text::notification_type AND notification_status = $2
           AND created_at >= $3 AND created_at < $4
         ORDER BY created_at LIMIT $5"#,
        )
        .await?;
    let (channel, status): (&str, &str) = (channel.into(), status.into());
    let (from, cutoff) = (sql_time::to_column(from), sql_time::to_column(cutoff));
    let rows = db.query(&sql, &[&channel, &status, &from, &cutoff, &limit]).await?;
    rows.iter().map(from_row).collect()
}

/// Ends messages that still wait for a receipt as `temporary-failure` and, in the same statement,
/// keeps the messages that tell their services. A receipt that was faster wins, and is not told
/// again. Returns how many have been ended.
///
/// # Errors
/// Database errors only.
pub async fn end(
    db: &impl GenericClient,
    ids: &[NotificationId],
    callbacks: &[(NotificationId, OutboxRow)],
    now: OffsetDateTime,
) -> Result<u64, Error> {
    let sql = db
        .prepare_cached(
            "-- timeouts.end
        WITH ended AS (
            UPDATE notifications
               SET notification_status = 'temporary-failure', updated_at = $2
             WHERE id = ANY($1)
               AND notification_status = ANY((SELECT '{sending,pending}'::text[])::text[])
            RETURNING id
        ), callbacks AS (
            INSERT INTO outbox (id, created_at, queue, task, message, claimed_until)
            SELECT c.id, $2, c.queue, c.task, c.message, NULL
              FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::jsonb[])
                       AS c (notification_id, id, queue, task, message)
              JOIN ended ON ended.id = c.notification_id
        )
        SELECT count(*) FROM ended",
        )
        .await?;
    let of: Vec<NotificationId> = callbacks.iter().map(|(id, _)| *id).collect();
    let rows: Vec<&OutboxRow> = callbacks.iter().map(|(_, row)| row).collect();
    let outbox: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let queues: Vec<&str> = rows.iter().map(|row| row.queue.as_str()).collect();
    let tasks: Vec<&str> = rows.iter().map(|row| row.task.as_str()).collect();
    let messages: Vec<&serde_json::Value> = rows.iter().map(|row| &row.message).collect();
    let now: PrimitiveDateTime = sql_time::to_column(now);
    let row = db.query_one(&sql, &[&ids, &now, &of, &outbox, &queues, &tasks, &messages]).await?;
    Ok(u64::try_from(row.try_get::<_, i64>(0)?).unwrap_or_default())
}
