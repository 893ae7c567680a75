//! What messages cost.

use deadpool_postgres::GenericClient;
use rust_decimal::Decimal;
use time::{OffsetDateTime, PrimitiveDateTime};

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

/// What a letter costs, from some moment on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterRate {
    /// When it begins.
    pub start: OffsetDateTime,
    /// When it ends; `None` while it is in force.
    pub end: Option<OffsetDateTime>,
    /// Sheets of paper.
    pub sheets: i32,
    /// How it is posted.
    pub postage: String,
    /// Pounds per letter.
    pub rate: Decimal,
}

/// Every rate of letters, the latest first. All services pay the rates of the Crown.
///
/// # Errors
/// Database errors only.
pub async fn list_letter(db: &impl GenericClient) -> Result<Vec<LetterRate>, Error> {
    let sql = db
        .prepare_cached(
            "-- rates.list_letter
        SELECT start_date, end_date, sheet_count, post_class, rate FROM letter_rates
         WHERE crown ORDER BY start_date DESC",
        )
        .await?;
    let rows = db.query(&sql, &[]).await?;
    rows.iter()
        .map(|row| {
            let end: Option<PrimitiveDateTime> = row.try_get("end_date")?;
            Ok(LetterRate {
                start: sql_time::from_column(row.try_get("start_date")?),
                end: end.map(sql_time::from_column),
                sheets: row.try_get("sheet_count")?,
                postage: row.try_get("post_class")?,
                rate: row.try_get("rate")?,
            })
        })
        .collect()
}
