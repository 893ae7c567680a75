//! Where services want to be called.

use deadpool_postgres::GenericClient;
use domain::ServiceId;

use crate::Error;

/// A service's callback.
#[derive(Clone)]
pub struct ServiceCallback {
    /// Where to post.
    pub url: String,
    /// The bearer token, signed.
    pub signed_bearer_token: String,
}

/// The service's callback for delivery statuses, if it has one.
///
/// # Errors
/// Database errors only.
pub async fn find_delivery_status(
    db: &impl GenericClient,
    service: ServiceId,
) -> Result<Option<ServiceCallback>, Error> {
    let sql = db
        .prepare_cached(
            "-- service_callbacks.find_delivery_status
        SELECT url, bearer_token FROM service_callback_api
         WHERE service_id = $1 AND callback_type = 'delivery_status'",
        )
        .await?;
    let row = db.query_opt(&sql, &[&service]).await?;
    row.map(|row| {
        Ok(ServiceCallback {
            url: row.try_get("url")?,
            signed_bearer_token: row.try_get("bearer_token")?,
        })
    })
    .transpose()
}
