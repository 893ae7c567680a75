//! The providers, their current priorities, and what becomes of those.

use deadpool_postgres::GenericClient;
use domain::NotificationType;
use time::{OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use crate::{Error, parse, sql_time};

/// A provider's row.
#[derive(Clone, Debug)]
pub struct Provider {
    /// The name that its adapter answers to, e.g. `mmg`.
    pub identifier: String,
    /// The channel it serves.
    pub channel: NotificationType,
    /// Its weight in the choice among those that fit.
    pub priority: i32,
    /// True when it sends abroad.
    pub supports_international: bool,
    /// False when operators have switched it off.
    pub active: bool,
}

/// Every provider, the active ones and the others.
///
/// # Errors
/// Database errors only.
pub async fn list(db: &impl GenericClient) -> Result<Vec<Provider>, Error> {
    let sql = db
        .prepare_cached(
            "-- providers.list
        SELECT identifier, notification_type::text AS notification_type, priority,
               supports_international, active
          FROM provider_details ORDER BY priority, identifier",
        )
        .await?;
    let rows = db.query(&sql, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(Provider {
                identifier: row.try_get("identifier")?,
                channel: parse(row, "notification_type")?,
                priority: row.try_get("priority")?,
                supports_international: row.try_get("supports_international")?,
                active: row.try_get("active")?,
            })
        })
        .collect()
}

/// An active SMS provider whose row is locked.
#[derive(Clone, Debug)]
pub struct LockedProvider {
    /// Its row.
    pub id: Uuid,
    /// The name that its adapter answers to.
    pub identifier: String,
    /// Its weight.
    pub priority: i32,
    /// When the row last changed, if it ever did.
    pub updated_at: Option<OffsetDateTime>,
}

/// Locks the active SMS providers until the end of the transaction. Readers are not held up.
///
/// # Errors
/// Database errors only.
pub async fn lock_active_sms(db: &impl GenericClient) -> Result<Vec<LockedProvider>, Error> {
    let sql = db
        .prepare_cached(
            "-- providers.lock_active_sms
        SELECT id, identifier, priority, updated_at FROM provider_details
         WHERE notification_type = 'sms' AND active ORDER BY id FOR UPDATE",
        )
        .await?;
    let rows = db.query(&sql, &[]).await?;
    rows.iter()
        .map(|row| {
            let updated_at: Option<PrimitiveDateTime> = row.try_get("updated_at")?;
            Ok(LockedProvider {
                id: row.try_get("id")?,
                identifier: row.try_get("identifier")?,
                priority: row.try_get("priority")?,
                updated_at: updated_at.map(sql_time::from_column),
            })
        })
        .collect()
}

/// Sets a priority, and keeps the row's new version in its history. Nobody in particular did it.
///
/// # Errors
/// Database errors only.
pub async fn set_priority(
    db: &impl GenericClient,
    id: Uuid,
    priority: i32,
    reason: &str,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let sql = db
        .prepare_cached(
            "-- providers.set_priority
        WITH changed AS (
            UPDATE provider_details
               SET priority = $2, version = version + 1, updated_at = $3, created_by_id = NULL,
                   reason = $4
             WHERE id = $1
            RETURNING *
        )
        INSERT INTO provider_details_history
            (id, display_name, identifier, priority, notification_type, active, version,
             updated_at, created_by_id, supports_international, reason)
        SELECT id, display_name, identifier, priority, notification_type, active, version,
               updated_at, created_by_id, supports_international, reason
          FROM changed",
        )
        .await?;
    db.execute(&sql, &[&id, &priority, &sql_time::to_column(now), &reason]).await?;
    Ok(())
}
