//! Which entries of the schedule have fired.
//!
//! The time here is the database's own, so that all beats agree on it whatever their own clocks
//! say, and however long one of them was paused.

use deadpool_postgres::GenericClient;
use serde_json::Value;
use time::{OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use crate::{Error, outbox::OutboxRow, sql_time};

/// An entry's slot, and the message to publish for it.
pub struct Due<'a> {
    /// The entry's name.
    pub entry: &'a str,
    /// When it was due.
    pub slot: OffsetDateTime,
    /// When it is due again: from then on this slot is past.
    pub next: OffsetDateTime,
    /// The message.
    pub message: OutboxRow,
}

/// The database's time.
///
/// # Errors
/// Database errors only.
pub async fn now(db: &impl GenericClient) -> Result<OffsetDateTime, Error> {
    let sql = db
        .prepare_cached("-- beat.now\nSELECT clock_timestamp() AT TIME ZONE 'UTC' AS now")
        .await?;
    let now: PrimitiveDateTime = db.query_one(&sql, &[]).await?.try_get("now")?;
    Ok(sql_time::from_column(now))
}

/// Takes slots that nobody has taken, and writes their messages. Returns the ids of the messages.
///
/// One statement, so that a slot is taken if and only if its message is written, and a beat that
/// is paused holds no lock. A slot is taken only while it is its entry's latest: what a beat chose
/// before it was paused may be past. The first slot ever of an entry is taken without a message:
/// it notes where the entry begins.
///
/// # Errors
/// Database errors only.
pub async fn fire(db: &impl GenericClient, due: &[Due<'_>]) -> Result<Vec<Uuid>, Error> {
    let sql = db
        .prepare_cached(
            "-- beat.fire
        WITH due AS (
            SELECT * FROM unnest($1::text[], $2::timestamp[], $3::timestamp[], $4::uuid[],
                                 $5::timestamp[], $6::text[], $7::text[], $8::jsonb[])
                       AS due (entry, slot, next, id, created_at, queue, task, message)
             WHERE slot <= clock_timestamp() AT TIME ZONE 'UTC'
               AND next > clock_timestamp() AT TIME ZONE 'UTC'
        ), taken AS (
            INSERT INTO beat_slots (entry, slot, created_at)
            SELECT entry, slot, clock_timestamp() AT TIME ZONE 'UTC' FROM due ORDER BY entry
                ON CONFLICT (entry, slot) DO NOTHING
            RETURNING entry
        )
        INSERT INTO outbox (id, created_at, queue, task, message)
        SELECT id, created_at, queue, task, message FROM due JOIN taken USING (entry)
         WHERE EXISTS (SELECT FROM beat_slots WHERE beat_slots.entry = due.entry)
        RETURNING id",
        )
        .await?;
    let column = |time: fn(&Due<'_>) -> OffsetDateTime| -> Vec<PrimitiveDateTime> {
        due.iter().map(|due| sql_time::to_column(time(due))).collect()
    };
    let (slots, next) = (column(|due| due.slot), column(|due| due.next));
    let created = column(|due| due.message.created_at);
    let entries: Vec<&str> = due.iter().map(|due| due.entry).collect();
    let ids: Vec<Uuid> = due.iter().map(|due| due.message.id).collect();
    let queues: Vec<&str> = due.iter().map(|due| due.message.queue.as_str()).collect();
    let tasks: Vec<&str> = due.iter().map(|due| due.message.task.as_str()).collect();
    let messages: Vec<&Value> = due.iter().map(|due| &due.message.message).collect();
    let rows = db
        .query(&sql, &[&entries, &slots, &next, &ids, &created, &queues, &tasks, &messages])
        .await?;
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

/// Forgets slots of these entries that are more than a week old, except the latest hundred of each.
///
/// Both are needed for a slot not to be taken twice: the week when the clock falls behind, the
/// hundred when it jumps ahead, and everything is old for a while.
///
/// # Errors
/// Database errors only.
pub async fn forget(db: &impl GenericClient, entries: &[&str]) -> Result<(), Error> {
    let sql = db
        .prepare_cached(
            "-- beat.forget
        DELETE FROM beat_slots USING (
            SELECT entry, (SELECT slot FROM beat_slots WHERE beat_slots.entry = known.entry
                            ORDER BY slot DESC OFFSET 99 LIMIT 1) AS slot
              FROM unnest($1::text[]) AS known (entry)
        ) AS kept
         WHERE beat_slots.entry = kept.entry AND beat_slots.slot < kept.slot
           AND beat_slots.slot < clock_timestamp() AT TIME ZONE 'UTC' - interval '7 days'",
        )
        .await?;
    db.execute(&sql, &[&entries]).await?;
    Ok(())
}
