//! What both kinds of daily facts, status and billing, have in common.
//!
//! Facts are replaced as a whole for one day, type and service, in one transaction: [`lock`], delete,
//! insert. So none is left behind, running twice changes nothing, and two at once wait for each other.

use deadpool_postgres::GenericClient;
use domain::{NotificationType, ServiceId, london::Day};
use time::{Date, OffsetDateTime};

use crate::{Error, parse, sql_time};

/// What is replaced together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portion {
    /// The London day on which the messages were accepted.
    pub day: Day,
    /// Their channel.
    pub channel: NotificationType,
    /// Their service.
    pub service_id: ServiceId,
}

/// The tables of facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Facts {
    /// `ft_notification_status`
    Status,
    /// `ft_billing`
    Billing,
    /// `ft_billing_letter_despatch`
    Despatch,
}

impl Facts {
    const fn table(self) -> &'static str {
        match self {
            Self::Status => "ft_notification_status",
            Self::Billing => "ft_billing",
            Self::Despatch => "ft_billing_letter_despatch",
        }
    }
}

/// The services for which there are facts to be made: they have messages of this channel and day, or
/// facts of it. One look into an index for each service, so the time depends on how many services
/// there are, and not on how many messages.
///
/// # Errors
/// Database errors only.
pub async fn list_services(
    db: &impl GenericClient,
    facts: Facts,
    day: Day,
    channel: NotificationType,
) -> Result<Vec<ServiceId>, Error> {
    let sql = db.prepare_cached(&list_services_sql(facts)).await?;
    let (from, before) = (sql_time::to_column(day.start), sql_time::to_column(day.end));
    let rows = db.query(&sql, &[&<&str>::from(channel), &from, &before, &day.date]).await?;
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

/// The query of [`list_services`]. LIMIT keeps the planner from reading a whole day to hash it.
#[must_use]
pub fn list_services_sql(facts: Facts) -> String {
    let table = facts.table();
    format!(
        "-- facts.list_services
        SELECT id FROM services AS s
         WHERE coalesce(
               (SELECT true FROM notifications
                 WHERE service_id = s.id AND notification_type = $1::text::notification_type
                   AND created_at >= $2 AND created_at < $3 LIMIT 1),
               (SELECT true FROM notification_history
                 WHERE service_id = s.id AND notification_type = $1::text::notification_type
                   AND key_type IN ('normal', 'team')
                   AND created_at >= $2 AND created_at < $3 LIMIT 1),
               (SELECT true FROM {table}
                 WHERE service_id = s.id AND notification_type = $1 AND bst_date = $4 LIMIT 1))"
    )
}

/// Makes this transaction the only one that replaces these facts, until it ends; and has it group
/// by hashing: a sort of many rows would go to the disk. A sort that it cannot do without then looks
/// so dear to the planner that it would compile the query, for seconds: so that is off too.
///
/// # Errors
/// Database errors only.
pub async fn lock(tx: &impl GenericClient, facts: Facts, portion: &Portion) -> Result<(), Error> {
    let Portion { day, channel, service_id } = portion;
    lock_name(tx, &format!("{facts:?} {} {channel} {service_id}", day.date)).await
}

/// The same for facts of a day that are not divided by service.
///
/// # Errors
/// Database errors only.
pub async fn lock_day(tx: &impl GenericClient, facts: Facts, day: Day) -> Result<(), Error> {
    lock_name(tx, &format!("{facts:?} {}", day.date)).await
}

async fn lock_name(tx: &impl GenericClient, name: &str) -> Result<(), Error> {
    let sql = tx
        .prepare_cached(
            "-- facts.lock
        SELECT pg_advisory_xact_lock(hashtextextended($1, 0)),
               set_config('enable_sort', 'off', true),
               set_config('jit', 'off', true),
               set_config('plan_cache_mode', 'force_custom_plan', true)",
        )
        .await?;
    tx.execute(&sql, &[&name]).await?;
    Ok(())
}

/// What there is of one day and channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The London day.
    pub date: Date,
    /// `status` or `billing`.
    pub facts: String,
    /// The channel.
    pub channel: NotificationType,
    /// Services that have facts.
    pub services: i64,
    /// Facts.
    pub rows: i64,
    /// Messages that they count.
    pub messages: i64,
    /// When the last of them was made, UTC.
    pub last_made: OffsetDateTime,
    /// How many of the services' facts are of that night.
    pub made_since: i64,
}

/// What there is of the days from `first` to `last`, the latest first; and for how many services it
/// was made after `night` began.
///
/// # Errors
/// Database errors only.
pub async fn progress(
    db: &impl GenericClient,
    first: Date,
    last: Date,
    night: OffsetDateTime,
) -> Result<Vec<Progress>, Error> {
    let sql = db
        .prepare_cached(
            "-- facts.progress
        SELECT bst_date, facts, channel, count(DISTINCT service_id) AS services, count(*) AS rows,
               sum(messages)::bigint AS messages, max(created_at) AS last_made,
               count(DISTINCT service_id) FILTER (WHERE created_at >= $3) AS made_since
          FROM (SELECT bst_date, 'status' AS facts, notification_type::text AS channel, service_id,
                       notification_count AS messages, created_at
                  FROM ft_notification_status WHERE bst_date BETWEEN $1 AND $2
                UNION ALL
                SELECT bst_date, 'billing', notification_type::text, service_id, notifications_sent,
                       created_at
                  FROM ft_billing WHERE bst_date BETWEEN $1 AND $2) AS fact
         GROUP BY bst_date, facts, channel
         ORDER BY bst_date DESC, facts DESC, channel",
        )
        .await?;
    let rows = db.query(&sql, &[&first, &last, &sql_time::to_column(night)]).await?;
    rows.iter()
        .map(|row| {
            Ok(Progress {
                date: row.try_get("bst_date")?,
                facts: row.try_get("facts")?,
                channel: parse(row, "channel")?,
                services: row.try_get("services")?,
                rows: row.try_get("rows")?,
                messages: row.try_get("messages")?,
                last_made: sql_time::from_column(row.try_get("last_made")?),
                made_since: row.try_get("made_since")?,
            })
        })
        .collect()
}
