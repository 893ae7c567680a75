//! Task messages that the broker has not taken yet.
//!
//! A row is written in the transaction that makes the work, or when a publish failed. Whoever
//! writes or claims a row holds it until `claimed_until`, publishes, and deletes it; if that
//! process dies, the claim runs out and any relay takes the row.

use deadpool_postgres::GenericClient;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, column, sql_time};

/// One message that waits.
#[derive(Clone)]
pub struct OutboxRow {
    /// A UUIDv7, so that rows sort by time.
    pub id: Uuid,
    /// When it was written.
    pub created_at: OffsetDateTime,
    /// The queue, for operators who look.
    pub queue: String,
    /// The task's name, for the same.
    pub task: String,
    /// The whole message.
    pub message: Value,
    /// Until when its writer publishes it itself; `None` leaves it to the relay.
    pub claimed_until: Option<OffsetDateTime>,
}

/// Keeps messages for the relay.
///
/// # Errors
/// Database errors only.
pub async fn insert(db: &impl GenericClient, rows: &[OutboxRow]) -> Result<(), Error> {
    let sql = db
        .prepare_cached(
            "-- outbox.insert
        INSERT INTO outbox (id, created_at, queue, task, message, claimed_until)
        SELECT * FROM unnest($1::uuid[], $2::timestamp[], $3::text[], $4::text[], $5::jsonb[],
                             $6::timestamp[])",
        )
        .await?;
    db.execute(
        &sql,
        &[
            &column(rows, |row| row.id),
            &column(rows, |row| sql_time::to_column(row.created_at)),
            &column(rows, |row| row.queue.as_str()),
            &column(rows, |row| row.task.as_str()),
            &column(rows, |row| &row.message),
            &column(rows, |row| row.claimed_until.map(sql_time::to_column)),
        ],
    )
    .await?;
    Ok(())
}

/// Takes up to `limit` messages that nobody holds, oldest first, and holds them until `until`.
///
/// # Errors
/// Database errors only.
pub async fn claim(
    db: &impl GenericClient,
    limit: i64,
    now: OffsetDateTime,
    until: OffsetDateTime,
) -> Result<Vec<(Uuid, Value)>, Error> {
    let sql = db
        .prepare_cached(
            "-- outbox.claim
        UPDATE outbox SET claimed_until = $3
         WHERE id IN (SELECT id FROM outbox
                       WHERE claimed_until IS NULL OR claimed_until <= $2
                       ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
        RETURNING id, message",
        )
        .await?;
    let rows =
        db.query(&sql, &[&limit, &sql_time::to_column(now), &sql_time::to_column(until)]).await?;
    rows.iter().map(|row| Ok((row.try_get("id")?, row.try_get("message")?))).collect()
}

/// Forgets messages that the broker has confirmed.
///
/// # Errors
/// Database errors only.
pub async fn delete(db: &impl GenericClient, ids: &[Uuid]) -> Result<(), Error> {
    let sql = db
        .prepare_cached(
            "-- outbox.delete
        DELETE FROM outbox USING unnest((SELECT $1::uuid[])) AS done (done) WHERE id = done",
        )
        .await?;
    db.execute(&sql, &[&ids]).await?;
    Ok(())
}

/// Lets go of messages that could not be published, so that the next relay takes them at once.
///
/// # Errors
/// Database errors only.
pub async fn release(db: &impl GenericClient, ids: &[Uuid]) -> Result<(), Error> {
    let sql = db
        .prepare_cached(
            "-- outbox.release\nUPDATE outbox SET claimed_until = NULL WHERE id = ANY($1)",
        )
        .await?;
    db.execute(&sql, &[&ids]).await?;
    Ok(())
}

/// When the oldest message was written, if any waits.
///
/// # Errors
/// Database errors only.
pub async fn oldest(db: &impl GenericClient) -> Result<Option<OffsetDateTime>, Error> {
    let sql = db
        .prepare_cached("-- outbox.oldest\nSELECT created_at FROM outbox ORDER BY id LIMIT 1")
        .await?;
    let row = db.query_opt(&sql, &[]).await?;
    row.map(|row| Ok(sql_time::from_column(row.try_get(0)?))).transpose()
}

/// What waits, by task: how many messages, and since when the oldest does.
///
/// # Errors
/// Database errors only.
pub async fn waiting(db: &impl GenericClient) -> Result<Vec<(String, i64, OffsetDateTime)>, Error> {
    let sql = db
        .prepare_cached(
            "-- outbox.waiting
        SELECT task, count(*) AS messages, min(created_at) AS since FROM outbox
         GROUP BY task ORDER BY since",
        )
        .await?;
    let rows = db.query(&sql, &[]).await?;
    rows.iter()
        .map(|row| {
            let since = sql_time::from_column(row.try_get("since")?);
            Ok((row.try_get("task")?, row.try_get("messages")?, since))
        })
        .collect()
}
