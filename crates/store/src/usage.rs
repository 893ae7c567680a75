//! What services have used and owe in a financial year, of the daily facts (tasks contract §5.6).
//!
//! Text messages use up the year's free allowance in the order of their days, those abroad with
//! their multiplier. A service without an allowance for the year shows no text messages.

use deadpool_postgres::GenericClient;
use domain::{NotificationType, ServiceId, london};
use rust_decimal::Decimal;
use time::Date;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{Error, parse};

/// What was used of one thing that has one price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The channel.
    pub channel: NotificationType,
    /// Pounds for each unit.
    pub rate: Decimal,
    /// Messages.
    pub notifications_sent: i64,
    /// Fragments times their multiplier; letters; 0 for emails.
    pub chargeable_units: i64,
    /// How many of the units were free.
    pub free_allowance_used: i64,
    /// How many were not.
    pub charged_units: i64,
    /// Pounds for those.
    pub cost: Decimal,
}

/// The usage of a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthlyUsage {
    /// The first day of the month.
    pub month: Date,
    /// The class of post; `none` for what is not a letter.
    pub postage: String,
    /// What was used.
    pub usage: Usage,
}

/// The usage of one service of an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceUsage {
    /// The service.
    pub service_id: ServiceId,
    /// Its name.
    pub service_name: String,
    /// False when it is archived.
    pub active: bool,
    /// Its free fragments of the year.
    pub free_sms_limit: i64,
    /// Fragments times their multiplier.
    pub sms_units: i64,
    /// How many of them were not free.
    pub charged_sms_units: i64,
    /// Pounds for those.
    pub sms_cost: Decimal,
    /// Pounds for letters.
    pub letter_cost: Decimal,
    /// Emails.
    pub emails_sent: i64,
}

/// The usage of a service in a financial year, by month, channel, rate and class of post.
///
/// # Errors
/// Database errors only.
pub async fn monthly(
    db: &impl GenericClient,
    service: ServiceId,
    year: i32,
) -> Result<Vec<MonthlyUsage>, Error> {
    let Some((first, last)) = london::financial_year_dates(year) else { return Ok(Vec::new()) };
    let sql = db
        .prepare_cached(
            "-- usage.monthly
        WITH fact AS (
            SELECT f.*, billable_units::bigint * rate_multiplier AS units,
                   coalesce(sum(billable_units::bigint * rate_multiplier) OVER (
                       ORDER BY bst_date, rate, template_id, provider, rate_multiplier, international
                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS used_before,
                   free_sms_fragment_limit AS allowance
              FROM ft_billing AS f JOIN annual_billing AS a USING (service_id)
             WHERE f.service_id = $1 AND bst_date BETWEEN $2 AND $3
               AND notification_type = 'sms' AND a.financial_year_start = $4
        ), sms AS (
            SELECT fact.*, least(units, greatest(allowance - used_before, 0)) AS free FROM fact
        )
        SELECT date_trunc('month', bst_date)::date AS month, notification_type, postage, rate,
               sum(notifications_sent)::bigint AS notifications_sent,
               sum(units)::bigint AS chargeable_units,
               sum(free)::bigint AS free_allowance_used, sum(units - free)::bigint AS charged_units,
               sum((units - free) * rate) AS cost
          FROM sms GROUP BY 1, 2, 3, 4
        UNION ALL
        SELECT date_trunc('month', bst_date)::date, notification_type, postage, rate,
               sum(notifications_sent)::bigint,
               CASE notification_type WHEN 'letter' THEN sum(notifications_sent)::bigint ELSE 0 END,
               0,
               CASE notification_type WHEN 'letter' THEN sum(notifications_sent)::bigint ELSE 0 END,
               CASE notification_type WHEN 'letter' THEN sum(notifications_sent * rate) ELSE 0 END
          FROM ft_billing
         WHERE service_id = $1 AND bst_date BETWEEN $2 AND $3 AND notification_type <> 'sms'
         GROUP BY 1, 2, 3, 4
         ORDER BY month, notification_type, postage, rate",
        )
        .await?;
    let rows = db.query(&sql, &[&service, &first, &last, &year]).await?;
    rows.iter()
        .map(|row| {
            Ok(MonthlyUsage {
                month: row.try_get("month")?,
                postage: row.try_get("postage")?,
                usage: usage(row)?,
            })
        })
        .collect()
}

/// The usage of a service in a financial year, by channel and rate.
///
/// # Errors
/// Database errors only.
pub async fn yearly(
    db: &impl GenericClient,
    service: ServiceId,
    year: i32,
) -> Result<Vec<Usage>, Error> {
    let mut sums: Vec<Usage> = Vec::new();
    for MonthlyUsage { usage, .. } in monthly(db, service, year).await? {
        let same = |sum: &&mut Usage| sum.channel == usage.channel && sum.rate == usage.rate;
        match sums.iter_mut().find(same) {
            None => sums.push(usage),
            Some(sum) => {
                sum.notifications_sent += usage.notifications_sent;
                sum.chargeable_units += usage.chargeable_units;
                sum.free_allowance_used += usage.free_allowance_used;
                sum.charged_units += usage.charged_units;
                sum.cost += usage.cost;
            }
        }
    }
    sums.sort_by_key(|sum| (<&str>::from(sum.channel), sum.rate));
    Ok(sums)
}

/// The usage of an organisation's live services in a financial year, by name.
///
/// # Errors
/// Database errors only.
pub async fn of_organisation(
    db: &impl GenericClient,
    organisation: Uuid,
    year: i32,
) -> Result<Vec<ServiceUsage>, Error> {
    let Some((first, last)) = london::financial_year_dates(year) else { return Ok(Vec::new()) };
    let sql = db
        .prepare_cached(
            "-- usage.of_organisation
        WITH service AS (
            SELECT s.id, name, active, free_sms_fragment_limit AS allowance
              FROM services AS s
              LEFT JOIN annual_billing AS a ON a.service_id = s.id AND financial_year_start = $4
             WHERE organisation_id = $1 AND NOT restricted
        ), fact AS (
            SELECT f.*, CASE notification_type WHEN 'sms'
                             THEN billable_units::bigint * rate_multiplier ELSE 0 END AS units,
                   allowance
              FROM ft_billing AS f JOIN service ON service.id = service_id
             WHERE bst_date BETWEEN $2 AND $3
               AND (notification_type <> 'sms' OR allowance IS NOT NULL)
        ), used AS (
            SELECT fact.*,
                   greatest(allowance - coalesce(sum(units) OVER (
                       PARTITION BY service_id
                       ORDER BY bst_date, rate, template_id, provider, rate_multiplier, international
                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0), 0) AS left_before
              FROM fact
        ), total AS (
            SELECT service_id, sum(units)::bigint AS units,
                   sum(greatest(units - left_before, 0))::bigint AS charged,
                   sum(greatest(units - left_before, 0) * rate) AS sms_cost,
                   sum(notifications_sent * rate) FILTER (WHERE notification_type = 'letter')
                       AS letter_cost,
                   sum(notifications_sent) FILTER (WHERE notification_type = 'email') AS emails
              FROM used GROUP BY service_id
        )
        SELECT id, name, active, coalesce(allowance, 0)::bigint AS allowance,
               coalesce(units, 0) AS units, coalesce(charged, 0) AS charged,
               coalesce(sms_cost, 0) AS sms_cost, coalesce(letter_cost, 0) AS letter_cost,
               coalesce(emails, 0)::bigint AS emails
          FROM service LEFT JOIN total ON service_id = id
         ORDER BY name",
        )
        .await?;
    let rows = db.query(&sql, &[&organisation, &first, &last, &year]).await?;
    rows.iter()
        .map(|row| {
            Ok(ServiceUsage {
                service_id: row.try_get("id")?,
                service_name: row.try_get("name")?,
                active: row.try_get("active")?,
                free_sms_limit: row.try_get("allowance")?,
                sms_units: row.try_get("units")?,
                charged_sms_units: row.try_get("charged")?,
                sms_cost: row.try_get("sms_cost")?,
                letter_cost: row.try_get("letter_cost")?,
                emails_sent: row.try_get("emails")?,
            })
        })
        .collect()
}

fn usage(row: &Row) -> Result<Usage, Error> {
    Ok(Usage {
        channel: parse(row, "notification_type")?,
        rate: row.try_get("rate")?,
        notifications_sent: row.try_get("notifications_sent")?,
        chargeable_units: row.try_get("chargeable_units")?,
        free_allowance_used: row.try_get("free_allowance_used")?,
        charged_units: row.try_get("charged_units")?,
        cost: row.try_get("cost")?,
    })
}
