//! What messages cost.

use deadpool_postgres::GenericClient;
use rust_decimal::Decimal;
use time::OffsetDateTime;

use crate::{Error, sql_time};

/// Pounds per fragment of a text message sent at this time.
///
/// # Errors
/// [`Error::NotFound`] when no rate had begun by then.
pub async fn sms_rate_at(db: &impl GenericClient, at: OffsetDateTime) -> Result<Decimal, Error> {
    let sql = db
        .prepare_cached(
            "-- rates.sms_rate_at
        SELECT rate FROM rates WHERE notification_type = 'sms' AND valid_from <= $1
         ORDER BY valid_from DESC LIMIT 1",
        )
        .await?;
    let row = db.query_opt(&sql, &[&sql_time::to_column(at)]).await?;
    Ok(row.ok_or(Error::NotFound("SMS rate"))?.try_get("rate")?)
}
