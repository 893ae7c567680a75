//! Answers that are given again to requests of the same key.

use deadpool_postgres::GenericClient;
use domain::ServiceId;
use time::OffsetDateTime;

use crate::{Error, sql_time};

/// A key with the answer to its request.
pub struct IdempotencyKey<'a> {
    /// Whose key it is.
    pub service: ServiceId,
    /// The key.
    pub key: &'a str,
    /// Tells the request from others.
    pub fingerprint: &'a [u8],
    /// The body of its answer.
    pub answer: &'a str,
    /// When it was accepted.
    pub created_at: OffsetDateTime,
    /// From when on the key is as good as new.
    pub expires_at: OffsetDateTime,
}

/// What is kept under a key.
pub struct Kept {
    /// Tells the request from others.
    pub fingerprint: Vec<u8>,
    /// The body of its answer.
    pub answer: String,
}

/// Keeps an answer; false when there is one under this key already. Waits for whoever is about to write
/// one under the same key.
///
/// # Errors
/// Database errors only.
pub async fn insert(db: &impl GenericClient, new: &IdempotencyKey<'_>) -> Result<bool, Error> {
    let sql = db
        .prepare_cached(
            "-- idempotency_keys.insert
        INSERT INTO idempotency_keys AS k
               (service_id, key, fingerprint, answer, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (service_id, key) DO UPDATE
           SET fingerprint = $3, answer = $4, created_at = $5, expires_at = $6
         WHERE k.expires_at <= $5",
        )
        .await?;
    let (created, expires) =
        (sql_time::to_column(new.created_at), sql_time::to_column(new.expires_at));
    let written = db
        .execute(&sql, &[&new.service, &new.key, &new.fingerprint, &new.answer, &created, &expires])
        .await?;
    Ok(written == 1)
}

/// What is kept under the service's key now, if anything is.
///
/// # Errors
/// Database errors only.
pub async fn find(
    db: &impl GenericClient,
    service: ServiceId,
    key: &str,
    now: OffsetDateTime,
) -> Result<Option<Kept>, Error> {
    let sql = db
        .prepare_cached(
            "-- idempotency_keys.find
        SELECT fingerprint, answer FROM idempotency_keys
         WHERE service_id = $1 AND key = $2 AND expires_at > $3",
        )
        .await?;
    let row = db.query_opt(&sql, &[&service, &key, &sql_time::to_column(now)]).await?;
    row.map(|row| {
        Ok(Kept { fingerprint: row.try_get("fingerprint")?, answer: row.try_get("answer")? })
    })
    .transpose()
}

/// Deletes up to `limit` keys that are as good as new. Returns how many.
///
/// # Errors
/// Database errors only.
pub async fn delete_expired(
    db: &impl GenericClient,
    now: OffsetDateTime,
    limit: i64,
) -> Result<u64, Error> {
    let sql = db
        .prepare_cached(
            "-- idempotency_keys.delete_expired
        DELETE FROM idempotency_keys WHERE (service_id, key) IN (
            SELECT service_id, key FROM idempotency_keys
             WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        )
        .await?;
    Ok(db.execute(&sql, &[&sql_time::to_column(now), &limit]).await?)
}
