//! Pages of a service's notifications, the newest first.
//!
//! A page costs the same however many rows there are: each of the statements below follows an index
//! that is ordered by time and stops at the page's end. Which one fits depends on the filter, and
//! is chosen here and not left to the planner, which does not see the values. Times may be equal
//! (rows of one statement have one), so ids decide among them and no row is left out between pages.

use deadpool_postgres::GenericClient;
use domain::{KeyType, NotificationId, NotificationStatus, NotificationType, ServiceId};
use strum::VariantArray;
use time::{OffsetDateTime, PrimitiveDateTime, macros::datetime};
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use super::{Notification, from_row};
use crate::{Error, sql_time};

/// Which notifications are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Filter<'a> {
    /// Those that came in with this type of key.
    pub key_type: KeyType,
    /// In one of these statuses; empty: in any.
    pub statuses: &'a [NotificationStatus],
    /// Of one of these channels; empty: of any.
    pub channels: &'a [NotificationType],
    /// With this reference of the client's.
    pub reference: Option<&'a str>,
    /// Also those that are rows of a file.
    pub include_jobs: bool,
    /// Accepted before this one; none when the service has no such notification.
    pub older_than: Option<NotificationId>,
}

/// A page of `$rows`, a query for at most so many rows.
macro_rules! page {
    ($name:literal, $rows:expr) => {
        concat!(
            "-- notifications.list: ",
            $name,
            r#"
        SELECT n.id, n."to", n.template_id, n.template_version,
               n.notification_type::text AS notification_type, n.notification_status,
               n.created_at, n.sent_at, n.updated_at, n._personalisation, n.key_type, n.reference,
               n.client_reference, n.billable_units, n.rate_multiplier, n.postage,
               n.unsubscribe_link, u.name AS created_by_name,
               (SELECT due_at FROM scheduled_notifications WHERE notification_id = n.id) AS due_at
          FROM ("#,
            $rows,
            ") n LEFT JOIN users u ON u.id = n.created_by_id
         ORDER BY n.created_at DESC, n.id DESC LIMIT $8"
        )
    };
}

/// The rows of a page, of all those that also meet `$condition`; they come by `$first`, which is the
/// same in all of them, and then by time.
macro_rules! rows {
    ($condition:literal) => {
        rows!($condition, "")
    };
    ($condition:literal, $first:literal) => {
        concat!(
            "SELECT * FROM notifications
              WHERE service_id = $1 AND key_type = $2 AND ($3 OR job_id IS NULL)
                AND notification_status = ANY($4)
                AND created_at <= $6 AND (created_at < $6 OR id < $7) AND ",
            $condition,
            " ORDER BY ",
            $first,
            "created_at DESC, id DESC LIMIT $8"
        )
    };
}

/// The rows of a page for each channel, which the page is then made of. The channel is a range and
/// comes first in the order, so that only an index that has it before the time gives that order: where
/// one service has most of the rows, the planner else walks the index of all times, and past the whole
/// table for a channel with few rows.
macro_rules! rows_by_channel {
    ($condition:literal) => {
        concat!(
            "SELECT r.* FROM unnest($5::text[]::notification_type[]) AS c (channel)
              CROSS JOIN LATERAL (",
            rows!($condition, "notification_type DESC, "),
            ") r"
        )
    };
}

/// Follows `ix_notifications_service_id_ntype_created_at`.
const ANY_STATUS: &str = page!(
    "any status",
    rows_by_channel!(
        "notification_type >= c.channel AND (notification_type, created_at) <= (c.channel, $6)
         AND $9::text IS NULL"
    )
);

/// Follows `ix_notifications_nondelivered_service_id_composite`: most messages are delivered.
const UNDELIVERED: &str = page!(
    "undelivered",
    rows_by_channel!(
        "notification_type >= c.channel AND (notification_type, created_at) <= (c.channel, $6)
         AND $9::text IS NULL
         AND notification_status <> 'delivered'"
    )
);

/// Follows `ix_notifications_team_and_test`: few messages are sent with these keys.
const TEAM_AND_TEST: &str = page!(
    "team and test",
    rows!(
        "key_type <> 'normal' AND notification_type = ANY($5::text[]::notification_type[])
         AND $9::text IS NULL"
    )
);

/// Follows `ix_notifications_client_reference`, and sorts: few messages have the same reference.
const REFERENCE: &str = page!(
    "reference",
    rows!("client_reference = $9 AND notification_type = ANY($5::text[]::notification_type[])")
);

/// Up to `limit` of the service's notifications that pass the filter, the newest first.
///
/// # Errors
/// Database errors only.
pub async fn list(
    db: &impl GenericClient,
    service: ServiceId,
    filter: &Filter<'_>,
    limit: i64,
) -> Result<Vec<Notification>, Error> {
    let rows = run(db, statement(filter), service, filter, limit).await?;
    rows.iter().map(from_row).collect()
}

/// How the database finds that page, and what each part of it took: the lines of its plan.
///
/// # Errors
/// Database errors only.
pub async fn explain(
    db: &impl GenericClient,
    service: ServiceId,
    filter: &Filter<'_>,
    limit: i64,
) -> Result<Vec<String>, Error> {
    let sql = format!("EXPLAIN (ANALYZE, BUFFERS) {}", statement(filter));
    let lines = run(db, &sql, service, filter, limit).await?;
    lines.iter().map(|line| Ok(line.try_get(0)?)).collect()
}

async fn run(
    db: &impl GenericClient,
    sql: &str,
    service: ServiceId,
    filter: &Filter<'_>,
    limit: i64,
) -> Result<Vec<Row>, Error> {
    let Some((before, id)) = cursor(db, service, filter.older_than).await? else {
        return Ok(Vec::new());
    };
    let sql = db.prepare_cached(sql).await?;
    let (statuses, channels) = (names(filter.statuses), names(filter.channels));
    let key_type: &str = filter.key_type.into();
    let parameters: [&(dyn ToSql + Sync); 9] = [
        &service,
        &key_type,
        &filter.include_jobs,
        &statuses,
        &channels,
        &before,
        &id,
        &limit,
        &filter.reference,
    ];
    Ok(db.query(&sql, &parameters).await?)
}

fn statement(filter: &Filter<'_>) -> &'static str {
    use NotificationStatus::Delivered;
    if filter.reference.is_some() {
        REFERENCE
    } else if filter.key_type != KeyType::Normal {
        TEAM_AND_TEST
    } else if filter.statuses.is_empty() || filter.statuses.contains(&Delivered) {
        ANY_STATUS
    } else {
        UNDELIVERED
    }
}

/// Those that are asked for, or else all that there are.
fn names<T: Copy + Into<&'static str> + VariantArray>(asked: &[T]) -> Vec<&'static str> {
    let names = if asked.is_empty() { T::VARIANTS } else { asked };
    names.iter().map(|name| (*name).into()).collect()
}

/// Where the page begins; `None` when the service has no such notification.
async fn cursor(
    db: &impl GenericClient,
    service: ServiceId,
    older_than: Option<NotificationId>,
) -> Result<Option<(PrimitiveDateTime, NotificationId)>, Error> {
    let Some(id) = older_than else {
        const END_OF_TIME: OffsetDateTime = datetime!(9999-12-31 00:00 UTC);
        return Ok(Some((sql_time::to_column(END_OF_TIME), NotificationId(Uuid::nil()))));
    };
    let sql = db
        .prepare_cached(
            "-- notifications.list: where it begins
        SELECT created_at FROM notifications WHERE id = $2 AND service_id = $1",
        )
        .await?;
    let row = db.query_opt(&sql, &[&service, &id]).await?;
    row.map(|row| Ok((row.try_get("created_at")?, id))).transpose()
}
