//! API keys.

use deadpool_postgres::GenericClient;
use domain::{ApiKeyId, KeyType, ServiceId};
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use crate::{Error, parse, sql_time};

/// How long a revoked key is still told apart from an unknown one (public API contract §1.3).
const REMEMBERED: Duration = Duration::days(7);

/// A key as stored: its secret is signed.
pub struct StoredKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What it may do.
    pub key_type: KeyType,
    /// The signed secret.
    pub signed_secret: String,
    /// When it was revoked.
    pub expiry_date: Option<OffsetDateTime>,
}

/// The service's keys: those in force, and those revoked within the last 7 days.
///
/// # Errors
/// Database errors only.
pub async fn list(
    db: &impl GenericClient,
    service: ServiceId,
    now: OffsetDateTime,
) -> Result<Vec<StoredKey>, Error> {
    let sql = db
        .prepare_cached(
            "-- api_keys.list
        SELECT id, key_type, secret, expiry_date FROM api_keys
         WHERE service_id = $1 AND (expiry_date IS NULL OR expiry_date > $2)
         ORDER BY created_at",
        )
        .await?;
    let rows = db.query(&sql, &[&service, &sql_time::to_column(now - REMEMBERED)]).await?;
    rows.iter()
        .map(|row| {
            let expiry: Option<PrimitiveDateTime> = row.try_get("expiry_date")?;
            Ok(StoredKey {
                id: row.try_get("id")?,
                key_type: parse(row, "key_type")?,
                signed_secret: row.try_get("secret")?,
                expiry_date: expiry.map(sql_time::from_column),
            })
        })
        .collect()
}
