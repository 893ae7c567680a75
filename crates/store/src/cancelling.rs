//! Calling back what has not been sent.

use deadpool_postgres::GenericClient;
use domain::{NotificationId, ServiceId};
use time::OffsetDateTime;

use crate::{Error, sql_time};

/// What was called back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled {
    /// Whether it is a text message that would have gone abroad.
    pub abroad: bool,
}

/// Calls back a notification of the service that has not been sent and that nobody is about to send.
/// `None`, and nothing is changed, when that is not so.
///
/// # Errors
/// Database errors only.
pub async fn cancel(
    db: &impl GenericClient,
    service: ServiceId,
    id: NotificationId,
    now: OffsetDateTime,
) -> Result<Option<Cancelled>, Error> {
    let sql = db
        .prepare_cached(
            "-- cancelling.cancel
        UPDATE notifications SET notification_status = 'cancelled', updated_at = $3
         WHERE id = $2 AND service_id = $1 AND claimed_until IS NULL
           AND notification_status
               = ANY((SELECT '{created,pending-virus-check}'::text[])::text[])
        RETURNING phone_prefix IS DISTINCT FROM '44' AND notification_type = 'sms' AS abroad",
        )
        .await?;
    let row = db.query_opt(&sql, &[&service, &id, &sql_time::to_column(now)]).await?;
    row.map(|row| Ok(Cancelled { abroad: row.try_get("abroad")? })).transpose()
}
