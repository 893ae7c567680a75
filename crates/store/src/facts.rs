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
