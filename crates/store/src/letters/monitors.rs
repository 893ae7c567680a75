//! Letters that wait too long.

use deadpool_postgres::GenericClient;
use domain::NotificationId;
use time::OffsetDateTime;

use super::{Letter, from_row};
use crate::{Error, sql_time};

/// Which letters that wait are meant.
#[derive(Clone, Copy)]
pub struct Waiting {
    /// Accepted from then on.
    pub from: OffsetDateTime,
    /// And before then.
    pub before: OffsetDateTime,
    /// After this one, in the order of time and id.
    pub after: Option<(OffsetDateTime, NotificationId)>,
}

/// Up to `limit` letters that wait for their virus scan, the oldest first.
///
/// # Errors
/// Database errors only.
pub async fn list_waiting_for_scan(
    db: &impl GenericClient,
    which: &Waiting,
    limit: i64,
) -> Result<Vec<Letter>, Error> {
    let sql = db
        .prepare_cached(
            "-- letters.list_waiting_for_scan
        SELECT id, service_id, template_id, template_version, key_type, notification_status,
               reference, postage, billable_units, created_at, _personalisation, reply_to_text
          FROM notifications
         WHERE notification_type = 'letter' AND notification_status = 'pending-virus-check'
           AND created_at >= $1 AND created_at < $2
           AND ($3::timestamp IS NULL OR (created_at, id) > ($3, $4::uuid))
         ORDER BY created_at, id LIMIT $5",
        )
        .await?;
    let rows = db
        .query(
            &sql,
            &[
                &sql_time::to_column(which.from),
                &sql_time::to_column(which.before),
                &which.after.map(|(at, _)| sql_time::to_column(at)),
                &which.after.map(|(_, id)| id),
                &limit,
            ],
        )
        .await?;
    rows.iter().map(from_row).collect()
}

/// How many letters that were accepted before `before` are still `created`.
///
/// # Errors
/// Database errors only.
pub async fn count_created(db: &impl GenericClient, before: OffsetDateTime) -> Result<i64, Error> {
    let sql = db
        .prepare_cached(
            "-- letters.count_created
        SELECT count(*) FROM notifications
         WHERE notification_type = 'letter' AND notification_status = 'created'
           AND created_at < $1",
        )
        .await?;
    Ok(db.query_one(&sql, &[&sql_time::to_column(before)]).await?.try_get(0)?)
}

/// How many letters that were accepted from `from` on are in technical failure.
///
/// # Errors
/// Database errors only.
pub async fn count_failed(db: &impl GenericClient, from: OffsetDateTime) -> Result<i64, Error> {
    let sql = db
        .prepare_cached(
            "-- letters.count_failed
        SELECT count(*) FROM notifications
         WHERE notification_type = 'letter' AND notification_status = 'technical-failure'
           AND created_at >= $1",
        )
        .await?;
    Ok(db.query_one(&sql, &[&sql_time::to_column(from)]).await?.try_get(0)?)
}

/// How many letters the printer has had since before `before` and said nothing of.
///
/// # Errors
/// Database errors only.
pub async fn count_sending(db: &impl GenericClient, before: OffsetDateTime) -> Result<i64, Error> {
    let sql = db
        .prepare_cached(
            "-- letters.count_sending
        SELECT count(*) FROM notifications
         WHERE notification_type = 'letter' AND notification_status = 'sending'
           AND key_type = 'normal' AND sent_at < $1",
        )
        .await?;
    Ok(db.query_one(&sql, &[&sql_time::to_column(before)]).await?.try_get(0)?)
}
