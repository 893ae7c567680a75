//! Which entries of the schedule have fired.

use deadpool_postgres::GenericClient;
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::{Error, sql_time};

/// Takes a slot of an entry. False when another beat, or this one before, has taken it.
///
/// # Errors
/// Database errors only.
pub async fn take_slot(
    db: &impl GenericClient,
    entry: &str,
    slot: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<bool, Error> {
    let sql = db
        .prepare_cached(
            "-- beat.take_slot
        INSERT INTO beat_slots (entry, slot, created_at) VALUES ($1, $2, $3)
        ON CONFLICT (entry, slot) DO NOTHING",
        )
        .await?;
    let taken =
        db.execute(&sql, &[&entry, &sql_time::to_column(slot), &sql_time::to_column(now)]).await?;
    Ok(taken == 1)
}

/// The latest slot of an entry that any beat has taken.
///
/// # Errors
/// Database errors only.
pub async fn last_slot(
    db: &impl GenericClient,
    entry: &str,
) -> Result<Option<OffsetDateTime>, Error> {
    let sql = db
        .prepare_cached("-- beat.last_slot\nSELECT max(slot) FROM beat_slots WHERE entry = $1")
        .await?;
    let slot: Option<PrimitiveDateTime> = db.query_one(&sql, &[&entry]).await?.try_get(0)?;
    Ok(slot.map(sql_time::from_column))
}

/// Forgets an entry's slots from before `before`, all but the latest.
///
/// # Errors
/// Database errors only.
pub async fn forget_slots(
    db: &impl GenericClient,
    entry: &str,
    before: OffsetDateTime,
) -> Result<(), Error> {
    let sql = db
        .prepare_cached(
            "-- beat.forget_slots
        DELETE FROM beat_slots WHERE entry = $1 AND slot < $2
           AND slot < (SELECT max(slot) FROM beat_slots WHERE entry = $1)",
        )
        .await?;
    db.execute(&sql, &[&entry, &sql_time::to_column(before)]).await?;
    Ok(())
}
