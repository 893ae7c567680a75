//! Messages past their service's retention (tasks contract §6.2).
//!
//! A batch is read by its key range, oldest first, and moved by one statement: so every snapshot sees
//! each message in exactly one of the two tables.

use deadpool_postgres::GenericClient;
use domain::{KeyType, NotificationId, NotificationStatus, NotificationType, ServiceId};
use time::{OffsetDateTime, PrimitiveDateTime};
use tokio_postgres::Row;

use crate::{Error, sql_time};

/// A service's old messages of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Old {
    /// The service.
    pub service_id: ServiceId,
    /// The channel.
    pub channel: NotificationType,
    /// Accepted before this.
    pub before: OffsetDateTime,
}

/// A message that is to go, with what names a letter's file.
#[derive(Clone, Debug)]
pub struct Leaving {
    /// Its id.
    pub id: NotificationId,
    /// The type of the key it came in with.
    pub key_type: KeyType,
    /// Where it is in its life.
    pub status: NotificationStatus,
    /// What names its file.
    pub reference: Option<String>,
    /// When it was accepted.
    pub created_at: OffsetDateTime,
}

/// Every service with the days for which it keeps its messages of a channel: its own, or 7.
///
/// # Errors
/// Database errors only.
pub async fn list_periods(
    db: &impl GenericClient,
    channel: NotificationType,
) -> Result<Vec<(ServiceId, i32)>, Error> {
    let sql = db
        .prepare_cached(
            "-- retention.list_periods
        SELECT s.id, coalesce(r.days_of_retention, 7) AS days
          FROM services s LEFT JOIN service_data_retention r
            ON r.service_id = s.id AND r.notification_type = $1::text::notification_type",
        )
        .await?;
    let rows = db.query(&sql, &[&<&str>::from(channel)]).await?;
    rows.iter().map(|row| Ok((row.try_get("id")?, row.try_get("days")?))).collect()
}

/// Those of the services that have a message of the channel from before their time: one look into an
/// index for each service, however many messages there are.
///
/// # Errors
/// Database errors only.
pub async fn list_due(
    db: &impl GenericClient,
    channel: NotificationType,
    services: &[(ServiceId, OffsetDateTime)],
) -> Result<Vec<Old>, Error> {
    let sql = db.prepare_cached(LIST_DUE).await?;
    let ids: Vec<ServiceId> = services.iter().map(|(id, _)| *id).collect();
    let times: Vec<PrimitiveDateTime> =
        services.iter().map(|(_, before)| sql_time::to_column(*before)).collect();
    let rows = db.query(&sql, &[&<&str>::from(channel), &ids, &times]).await?;
    let old = |row: &Row| {
        Ok(Old {
            service_id: row.try_get("id")?,
            channel,
            before: sql_time::from_column(row.try_get("before")?),
        })
    };
    rows.iter().map(old).collect()
}

/// The query of [`list_due`]. Asking for the oldest message, and not for any old one, leaves the planner
/// no other way than the index.
pub const LIST_DUE: &str = "-- retention.list_due
        SELECT s.id, s.before FROM unnest($2::uuid[], $3::timestamp[]) AS s (id, before)
         WHERE (SELECT created_at FROM notifications
                 WHERE service_id = s.id AND notification_type = $1::text::notification_type
                 ORDER BY created_at LIMIT 1) < s.before";

/// Up to `limit` messages of normal and team keys that may be archived, the oldest first. Letters that
/// are not finished stay, whatever their age; emails and text messages go in any status.
///
/// # Errors
/// Database errors only.
pub async fn list(db: &impl GenericClient, old: &Old, limit: i64) -> Result<Vec<Leaving>, Error> {
    list_by(db, LIST, old, limit).await
}

/// The query of [`list`].
pub const LIST: &str = "-- retention.list
        SELECT id, key_type, notification_status, reference, created_at FROM notifications
         WHERE service_id = $1 AND notification_type = $2::text::notification_type
           AND created_at < $3 AND key_type IN ('normal', 'team')
           AND (notification_type <> 'letter'
                OR notification_status NOT IN ('pending-virus-check', 'created', 'sending'))
         ORDER BY created_at LIMIT $4";

/// Up to `limit` messages of test keys, in any status, the oldest first.
///
/// # Errors
/// Database errors only.
pub async fn list_test(
    db: &impl GenericClient,
    old: &Old,
    limit: i64,
) -> Result<Vec<Leaving>, Error> {
    list_by(db, LIST_TEST, old, limit).await
}

/// The query of [`list_test`].
pub const LIST_TEST: &str = "-- retention.list_test
        SELECT id, key_type, notification_status, reference, created_at FROM notifications
         WHERE service_id = $1 AND notification_type = $2::text::notification_type
           AND created_at < $3 AND key_type = 'test'
         ORDER BY created_at LIMIT $4";

async fn list_by(
    db: &impl GenericClient,
    sql: &str,
    old: &Old,
    limit: i64,
) -> Result<Vec<Leaving>, Error> {
    let sql = db.prepare_cached(sql).await?;
    let (channel, before) = (<&str>::from(old.channel), sql_time::to_column(old.before));
    let rows = db.query(&sql, &[&old.service_id, &channel, &before, &limit]).await?;
    rows.iter().map(from_row).collect()
}

fn from_row(row: &Row) -> Result<Leaving, Error> {
    Ok(Leaving {
        id: row.try_get("id")?,
        key_type: crate::parse(row, "key_type")?,
        status: crate::parse(row, "notification_status")?,
        reference: row.try_get("reference")?,
        created_at: sql_time::from_column(row.try_get("created_at")?),
    })
}

/// Moves messages to the history, without what is personal in them, in one statement. What changed
/// since it was listed moves as it is now, or stays if it is a letter that is unfinished again; one
/// that is in the history already is only deleted. Returns how many have left the live table.
///
/// # Errors
/// Database errors only.
pub async fn archive(db: &impl GenericClient, ids: &[NotificationId]) -> Result<u64, Error> {
    let sql = db.prepare_cached(ARCHIVE).await?;
    let row = db.query_one(&sql, &[&ids]).await?;
    Ok(u64::try_from(row.try_get::<_, i64>(0)?).unwrap_or_default())
}

/// The statement of [`archive`].
pub const ARCHIVE: &str = "-- retention.archive
        WITH moved AS (
            DELETE FROM notifications
             WHERE id = ANY($1) AND key_type IN ('normal', 'team')
               AND (notification_type <> 'letter'
                    OR notification_status NOT IN ('pending-virus-check', 'created', 'sending'))
            RETURNING id, job_id, job_row_number, service_id, template_id, template_version,
                      api_key_id, key_type, notification_type, created_at, sent_at, sent_by,
                      updated_at, reference, billable_units, client_reference, international,
                      phone_prefix, rate_multiplier, notification_status, created_by_id, postage,
                      document_download_count
        ), archived AS (
            INSERT INTO notification_history
                  (id, job_id, job_row_number, service_id, template_id, template_version,
                   api_key_id, key_type, notification_type, created_at, sent_at, sent_by,
                   updated_at, reference, billable_units, client_reference, international,
                   phone_prefix, rate_multiplier, notification_status, created_by_id, postage,
                   document_download_count)
            SELECT * FROM moved
            ON CONFLICT (id) DO NOTHING
        )
        SELECT count(*) FROM moved";

/// Deletes messages of test keys. Returns how many there were.
///
/// # Errors
/// Database errors only.
pub async fn delete_test(db: &impl GenericClient, ids: &[NotificationId]) -> Result<u64, Error> {
    let sql = db
        .prepare_cached(
            "-- retention.delete_test
        DELETE FROM notifications WHERE id = ANY($1) AND key_type = 'test'",
        )
        .await?;
    Ok(db.execute(&sql, &[&ids]).await?)
}

/// Those of the references that name a live letter.
///
/// # Errors
/// Database errors only.
pub async fn live_references(
    db: &impl GenericClient,
    references: &[&str],
) -> Result<Vec<String>, Error> {
    let sql = db
        .prepare_cached(
            "-- retention.live_references
        SELECT reference FROM notifications WHERE reference = ANY($1)",
        )
        .await?;
    let rows = db.query(&sql, &[&references]).await?;
    rows.iter().map(|row| Ok(row.try_get("reference")?)).collect()
}
