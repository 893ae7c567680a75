//! What messages cost.

use deadpool_postgres::GenericClient;
use rust_decimal::Decimal;
use time::OffsetDateTime;

use crate::{Error, sql_time};

/// The rate of a text message from some moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmsRate {
    /// When it begins.
    pub valid_from: OffsetDateTime,
    /// Pounds per fragment.
    pub rate: Decimal,
}

/// Every rate of text messages, the latest first.
///
/// # Errors
/// Database errors only.
pub async fn list_sms(db: &impl GenericClient) -> Result<Vec<SmsRate>, Error> {
    let sql = db
        .prepare_cached(
            "-- rates.list_sms
        SELECT valid_from, rate FROM rates WHERE notification_type = 'sms'
         ORDER BY valid_from DESC",
        )
        .await?;
    let rows = db.query(&sql, &[]).await?;
    rows.iter()
        .map(|row| {
            let valid_from = sql_time::from_column(row.try_get("valid_from")?);
            Ok(SmsRate { valid_from, rate: row.try_get("rate")? })
        })
        .collect()
}
