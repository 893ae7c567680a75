//! The providers, their current priorities, and what becomes of those.

use deadpool_postgres::GenericClient;
use domain::NotificationType;

use crate::{Error, parse};

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
