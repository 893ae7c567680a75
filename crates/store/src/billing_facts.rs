//! What each day's messages cost (tasks contract §5.5).

use deadpool_postgres::GenericClient;
use domain::{NotificationStatus, NotificationType, ServiceId, london::Day};
use time::OffsetDateTime;

use crate::{Error, facts::Portion, sql_time};

/// A part of the bill, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Billed {
    /// How many facts there are.
    pub facts: i64,
    /// The groups that have no price, in words; they are not among the facts.
    pub without_rate: Vec<String>,
}

/// The services whose bill of a channel and day has more than `messages` messages, as it stands.
///
/// # Errors
/// Database errors only.
pub async fn list_large(
    db: &impl GenericClient,
    day: Day,
    channel: NotificationType,
    messages: i64,
) -> Result<Vec<ServiceId>, Error> {
    let sql = db
        .prepare_cached(
            "-- billing_facts.list_large
        SELECT service_id FROM ft_billing
         WHERE bst_date = $1 AND notification_type = $2
         GROUP BY service_id HAVING sum(notifications_sent) > $3::bigint",
        )
        .await?;
    let rows = db.query(&sql, &[&day.date, &<&str>::from(channel), &messages]).await?;
    rows.iter().map(|row| Ok(row.try_get("service_id")?)).collect()
}

/// Bills anew, in a transaction that holds [`facts::lock`](crate::facts::lock).
///
/// A text message costs the rate of that day for each fragment, a letter the rate for its sheets and
/// class of post, an email nothing. The rate is the latest that began by the day's first instant; of
/// letters the one of crown bodies, whoever sends them, as Notify bills: the others' is the same since
/// 2019.
/// Groups that have the same key in the table are added up.
///
/// # Errors
/// Database errors only.
pub async fn replace(
    tx: &impl GenericClient,
    portion: &Portion,
    now: OffsetDateTime,
) -> Result<Billed, Error> {
    let Portion { day, channel, service_id } = portion;
    let statuses: Vec<&str> =
        NotificationStatus::billed(*channel).iter().map(<&str>::from).collect();
    let channel = <&str>::from(channel);
    let sql = tx
        .prepare_cached(
            "-- billing_facts.replace, 1
        DELETE FROM ft_billing
         WHERE bst_date = $1 AND notification_type = $2 AND service_id = $3",
        )
        .await?;
    tx.execute(&sql, &[&day.date, &channel, &service_id]).await?;
    let sql = tx
        .prepare_cached(
            "-- billing_facts.replace, 2
        WITH counted AS (
            SELECT template_id,
                   CASE $2 WHEN 'sms' THEN coalesce(sent_by, 'unknown')
                           WHEN 'email' THEN 'ses' ELSE 'dvla' END AS provider,
                   CASE $2 WHEN 'email' THEN 0
                           ELSE trunc(coalesce(rate_multiplier, 1))::int END AS multiplier,
                   $2 <> 'email' AND coalesce(international, false) AS abroad,
                   CASE $2 WHEN 'letter' THEN coalesce(postage, 'none') ELSE 'none' END AS post,
                   CASE $2 WHEN 'letter' THEN billable_units ELSE 0 END AS sheets,
                   CASE $2 WHEN 'email' THEN 0 ELSE sum(billable_units) END AS units,
                   count(*) AS sent
              FROM notifications_all_time_view
             WHERE service_id = $3 AND notification_type = $2::text::notification_type
               AND created_at >= $4 AND created_at < $5 AND key_type IN ('normal', 'team')
               AND notification_status = ANY($6) AND template_id IS NOT NULL
             GROUP BY 1, 2, 3, 4, 5, 6
        ), priced AS MATERIALIZED (
            SELECT counted.*,
                   CASE WHEN $2 = 'email' OR ($2 = 'letter' AND sheets = 0) THEN 0
                        WHEN $2 = 'sms' THEN
                            (SELECT rate FROM rates
                              WHERE notification_type = 'sms' AND valid_from <= $4
                              ORDER BY valid_from DESC LIMIT 1)
                        ELSE
                            (SELECT rate FROM letter_rates
                              WHERE start_date <= $4 AND sheet_count = sheets AND post_class = post
                                AND crown
                              ORDER BY start_date DESC LIMIT 1)
                   END AS rate
              FROM counted
        ), written AS (
            INSERT INTO ft_billing
                   (bst_date, template_id, service_id, notification_type, provider, rate_multiplier,
                    international, rate, postage, billable_units, notifications_sent, created_at)
            SELECT $1, template_id, $3, $2, provider, multiplier, abroad, rate, post,
                   sum(units), sum(sent), $7
              FROM priced WHERE rate IS NOT NULL
             GROUP BY template_id, provider, multiplier, abroad, rate, post
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM written) AS facts,
               coalesce(array_agg(format('template %s, %s sheets, %s post', template_id, sheets, post))
                            FILTER (WHERE rate IS NULL), '{}') AS without_rate
          FROM priced",
        )
        .await?;
    let (from, before) = (sql_time::to_column(day.start), sql_time::to_column(day.end));
    let now = sql_time::to_column(now);
    let row = tx
        .query_one(&sql, &[&day.date, &channel, &service_id, &from, &before, &statuses, &now])
        .await?;
    Ok(Billed { facts: row.try_get("facts")?, without_rate: row.try_get("without_rate")? })
}

/// Bills the letters that were despatched on a day, in a transaction that holds
/// [`facts::lock_day`](crate::facts::lock_day). All services together, at the rates of crown bodies:
/// it is the printer's bill.
///
/// # Errors
/// Database errors only.
pub async fn replace_despatch(
    tx: &impl GenericClient,
    day: Day,
    now: OffsetDateTime,
) -> Result<Billed, Error> {
    let sql = tx
        .prepare_cached(
            "-- billing_facts.replace_despatch, 1
        DELETE FROM ft_billing_letter_despatch WHERE bst_date = $1",
        )
        .await?;
    tx.execute(&sql, &[&day.date]).await?;
    let sql = tx
        .prepare_cached(
            "-- billing_facts.replace_despatch, 2
        WITH counted AS (
            SELECT cost_threshold, coalesce(live.postage, archived.postage, 'none') AS post,
                   coalesce(live.billable_units, archived.billable_units) AS sheets,
                   count(*) AS sent
              FROM notifications_letter_despatch AS despatch
              LEFT JOIN notifications AS live ON live.id = despatch.notification_id
              LEFT JOIN notification_history AS archived ON archived.id = despatch.notification_id
             WHERE despatched_on = $1 AND coalesce(live.id, archived.id) IS NOT NULL
             GROUP BY 1, 2, 3
        ), priced AS MATERIALIZED (
            SELECT counted.*,
                   CASE sheets WHEN 0 THEN 0 ELSE
                       (SELECT rate FROM letter_rates
                         WHERE start_date <= $2 AND sheet_count = sheets AND post_class = post
                           AND crown
                         ORDER BY start_date DESC LIMIT 1)
                   END AS rate
              FROM counted
        ), written AS (
            INSERT INTO ft_billing_letter_despatch
                   (bst_date, postage, cost_threshold, rate, billable_units, notifications_sent,
                    created_at)
            SELECT $1, post, cost_threshold, rate, sheets, sent, $3
              FROM priced WHERE rate IS NOT NULL
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM written) AS facts,
               coalesce(array_agg(format('%s sheets, %s post, %s', sheets, post, cost_threshold))
                            FILTER (WHERE rate IS NULL), '{}') AS without_rate
          FROM priced",
        )
        .await?;
    let (start, now) = (sql_time::to_column(day.start), sql_time::to_column(now));
    let row = tx.query_one(&sql, &[&day.date, &start, &now]).await?;
    Ok(Billed { facts: row.try_get("facts")?, without_rate: row.try_get("without_rate")? })
}
