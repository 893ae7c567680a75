//! Free text messages (tasks contract §5.7).

use deadpool_postgres::GenericClient;
use domain::{ServiceId, london};
use time::OffsetDateTime;

use crate::{Error, sql_time};

/// Fragments in a year above which a service has no free ones in the next.
const HIGH_VOLUME: i64 = 300_000;

/// A service's free fragments in a financial year; `None` where that is not decided yet.
///
/// # Errors
/// Database errors only.
pub async fn find(
    db: &impl GenericClient,
    service: ServiceId,
    year: i32,
) -> Result<Option<i32>, Error> {
    let sql = db
        .prepare_cached(
            "-- allowances.find
        SELECT free_sms_fragment_limit FROM annual_billing
         WHERE service_id = $1 AND financial_year_start = $2",
        )
        .await?;
    let row = db.query_opt(&sql, &[&service, &year]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Decides the allowance of a financial year where that has not been done: of one service, or of
/// every active one. Last year's, when it was made for the service; none after a year of high volume;
/// else what its type of organisation gets. Returns how many were decided.
///
/// # Errors
/// Database errors only.
pub async fn insert_missing(
    db: &impl GenericClient,
    year: i32,
    service: Option<ServiceId>,
    now: OffsetDateTime,
) -> Result<u64, Error> {
    let Some((first, last)) = london::financial_year_dates(year - 1) else { return Ok(0) };
    let sql = db
        .prepare_cached(
            "-- allowances.insert_missing
        INSERT INTO annual_billing
               (id, service_id, financial_year_start, free_sms_fragment_limit, created_at,
                high_volume_service_last_year, has_custom_allowance)
        SELECT gen_random_uuid(), s.id, $1,
               CASE WHEN last.has_custom_allowance THEN last.free_sms_fragment_limit
                    WHEN high THEN 0 ELSE coalesce(allowance, 0) END,
               $6, high, coalesce(last.has_custom_allowance, false)
          FROM services AS s
          LEFT JOIN annual_billing AS last
                 ON last.service_id = s.id AND last.financial_year_start = $1 - 1
          LEFT JOIN LATERAL (
              SELECT coalesce(sum(billable_units::bigint * rate_multiplier), 0) > $5 AS high
                FROM ft_billing
               WHERE service_id = s.id AND notification_type = 'sms' AND bst_date BETWEEN $2 AND $3
          ) AS volume ON true
          LEFT JOIN LATERAL (
              SELECT allowance FROM default_annual_allowance
               WHERE organisation_type = coalesce(s.organisation_type, 'other')
                 AND notification_type = 'sms' AND valid_from_financial_year_start <= $1
               ORDER BY valid_from_financial_year_start DESC LIMIT 1
          ) AS usual ON true
         WHERE CASE WHEN $4::uuid IS NULL THEN s.active ELSE s.id = $4 END
           AND NOT EXISTS (SELECT FROM annual_billing
                            WHERE service_id = s.id AND financial_year_start = $1)
        ON CONFLICT (service_id, financial_year_start) DO NOTHING",
        )
        .await?;
    let now = sql_time::to_column(now);
    let high = rust_decimal::Decimal::from(HIGH_VOLUME);
    Ok(db.execute(&sql, &[&year, &first, &last, &service, &high, &now]).await?)
}

/// Lets the planner know of the new rows.
///
/// # Errors
/// Database errors only.
pub async fn analyze(db: &impl GenericClient) -> Result<(), Error> {
    Ok(db.batch_execute("-- allowances.analyze\nANALYZE annual_billing").await?)
}
