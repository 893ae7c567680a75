//! Letters that go to the printer together (letters contract §6.2).
//!
//! A letter is printed when its sheets have been counted: one whose PDF is not made yet, or has too
//! many pages, has none.

use deadpool_postgres::GenericClient;
use domain::{NotificationId, letter::Postage};
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::{Error, parse, sql_time};

/// How many letters of one postage there are to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume {
    /// How they are posted.
    pub postage: Postage,
    /// Letters.
    pub letters: i64,
    /// Their sheets of paper together.
    pub sheets: i64,
}

/// The volumes of the letters that were accepted before `deadline` and are to be printed.
///
/// # Errors
/// Database errors only.
pub async fn volumes(
    db: &impl GenericClient,
    deadline: OffsetDateTime,
) -> Result<Vec<Volume>, Error> {
    let sql = db
        .prepare_cached(
            "-- print_runs.volumes
        SELECT coalesce(postage, 'second') AS postage, count(*) AS letters,
               sum(billable_units)::int8 AS sheets
          FROM notifications
         WHERE notification_type = 'letter' AND notification_status = 'created'
           AND key_type = 'normal' AND billable_units > 0 AND created_at < $1
         GROUP BY 1",
        )
        .await?;
    let rows = db.query(&sql, &[&sql_time::to_column(deadline)]).await?;
    rows.iter()
        .map(|row| {
            Ok(Volume {
                postage: parse(row, "postage")?,
                letters: row.try_get("letters")?,
                sheets: row.try_get("sheets")?,
            })
        })
        .collect()
}

/// A letter to print, and its place in the order of time.
#[derive(Clone, Copy)]
pub struct ToPrint {
    /// The letter.
    pub id: NotificationId,
    /// When it was accepted.
    pub created_at: OffsetDateTime,
}

/// Up to `limit` letters that were accepted before `deadline` and are to be printed, the oldest first,
/// after `after`.
///
/// # Errors
/// Database errors only.
pub async fn list(
    db: &impl GenericClient,
    deadline: OffsetDateTime,
    after: Option<ToPrint>,
    limit: i64,
) -> Result<Vec<ToPrint>, Error> {
    let sql = db
        .prepare_cached(
            "-- print_runs.list
        SELECT id, created_at FROM notifications
         WHERE notification_type = 'letter' AND notification_status = 'created'
           AND key_type = 'normal' AND billable_units > 0 AND created_at < $1
           AND ($2::timestamp IS NULL OR (created_at, id) > ($2, $3::uuid))
         ORDER BY created_at, id LIMIT $4",
        )
        .await?;
    let (at, id) = (after.map(|last| sql_time::to_column(last.created_at)), after.map(|l| l.id));
    let rows = db.query(&sql, &[&sql_time::to_column(deadline), &at, &id, &limit]).await?;
    rows.iter()
        .map(|row| {
            let created_at: PrimitiveDateTime = row.try_get("created_at")?;
            Ok(ToPrint { id: row.try_get("id")?, created_at: sql_time::from_column(created_at) })
        })
        .collect()
}

/// Notes that the printer is told the volumes of a run. False when that has been noted before.
///
/// # Errors
/// Database errors only.
pub async fn note_volume_email(
    db: &impl GenericClient,
    deadline: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<bool, Error> {
    let sql = db
        .prepare_cached(
            "-- print_runs.note_volume_email
        INSERT INTO letter_volume_emails (deadline, created_at) VALUES ($1, $2)
        ON CONFLICT (deadline) DO NOTHING",
        )
        .await?;
    let (deadline, now) = (sql_time::to_column(deadline), sql_time::to_column(now));
    Ok(db.execute(&sql, &[&deadline, &now]).await? > 0)
}
