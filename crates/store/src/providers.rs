//! The providers and their current priorities.

use deadpool_postgres::GenericClient;
use domain::NotificationType;

use crate::{Error, parse};

/// A provider that operators have not switched off.
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
}

/// Every active provider.
///
/// # Errors
/// Database errors only.
pub async fn list_active(db: &impl GenericClient) -> Result<Vec<Provider>, Error> {
    let sql = db
        .prepare_cached(
            "-- providers.list_active
        SELECT identifier, notification_type::text AS notification_type, priority,
               supports_international
          FROM provider_details WHERE active ORDER BY priority, identifier",
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
            })
        })
        .collect()
}
