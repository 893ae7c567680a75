//! API keys.

use deadpool_postgres::GenericClient;
use domain::{ApiKeyId, KeyType, ServiceId};
use time::{Duration, OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

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

/// A key, for people who look: without its secret.
pub struct ListedKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Its name, unique among the service's keys in force.
    pub name: String,
    /// What it may do.
    pub key_type: KeyType,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it was revoked.
    pub expiry_date: Option<OffsetDateTime>,
}

/// All keys that the service ever had, oldest first.
///
/// # Errors
/// Database errors only.
pub async fn list_all(
    db: &impl GenericClient,
    service: ServiceId,
) -> Result<Vec<ListedKey>, Error> {
    let sql = "-- api_keys.list_all
        SELECT id, name, key_type, created_at, expiry_date FROM api_keys
         WHERE service_id = $1 ORDER BY created_at, id";
    let rows = db.query(sql, &[&service]).await?;
    rows.iter()
        .map(|row| {
            let expiry: Option<PrimitiveDateTime> = row.try_get("expiry_date")?;
            Ok(ListedKey {
                id: row.try_get("id")?,
                name: row.try_get("name")?,
                key_type: parse(row, "key_type")?,
                created_at: sql_time::from_column(row.try_get("created_at")?),
                expiry_date: expiry.map(sql_time::from_column),
            })
        })
        .collect()
}

/// A key to be written.
pub struct NewKey<'a> {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub service_id: ServiceId,
    /// Its name.
    pub name: &'a str,
    /// What it may do.
    pub key_type: KeyType,
    /// Its secret, signed.
    pub signed_secret: &'a str,
    /// Who makes it.
    pub created_by: Uuid,
}

/// Writes a key and its first version.
///
/// # Errors
/// [`Error::Conflict`] when the service has a key of this name in force, or does not exist.
pub async fn insert(
    db: &impl GenericClient,
    key: &NewKey<'_>,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let sql = "-- api_keys.insert
        WITH new AS (
            INSERT INTO api_keys (id, name, secret, service_id, created_at, created_by_id, version,
                                  key_type)
            VALUES ($1, $2, $3, $4, $5, $6, 1, $7) RETURNING *)
        INSERT INTO api_keys_history (id, name, secret, service_id, created_at, created_by_id,
                                      version, key_type)
        SELECT id, name, secret, service_id, created_at, created_by_id, version, key_type FROM new";
    let (now, key_type) = (sql_time::to_column(now), <&str>::from(key.key_type));
    let NewKey { id, service_id, name, signed_secret, created_by, .. } = key;
    db.execute(sql, &[id, name, signed_secret, service_id, &now, created_by, &key_type]).await?;
    Ok(())
}

/// Revokes a key, and keeps that as its next version. False when the service has no such key in
/// force.
///
/// # Errors
/// Database errors only.
pub async fn revoke(
    db: &impl GenericClient,
    service: ServiceId,
    id: ApiKeyId,
    now: OffsetDateTime,
) -> Result<bool, Error> {
    let sql = "-- api_keys.revoke
        WITH revoked AS (
            UPDATE api_keys SET expiry_date = $3, updated_at = $3, version = version + 1
             WHERE id = $2 AND service_id = $1 AND expiry_date IS NULL RETURNING *)
        INSERT INTO api_keys_history (id, name, secret, service_id, expiry_date, created_at,
                                      updated_at, created_by_id, version, key_type)
        SELECT id, name, secret, service_id, expiry_date, created_at, updated_at, created_by_id,
               version, key_type FROM revoked";
    Ok(db.execute(sql, &[&service, &id, &sql_time::to_column(now)]).await? == 1)
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
