//! How quickly each day's messages were handed to a provider (tasks contract §3.7).

use deadpool_postgres::GenericClient;
use domain::london::Day;
use time::OffsetDateTime;

use crate::{Error, sql_time};

/// Counts a day's emails and text messages that came with a key, other than a test key, and those of
/// them that a provider had within ten seconds; replaces what was counted before.
///
/// # Errors
/// Database errors only.
pub async fn replace(db: &impl GenericClient, day: Day, now: OffsetDateTime) -> Result<(), Error> {
    let sql = db
        .prepare_cached(
            "-- processing_times.replace
        INSERT INTO ft_processing_time (bst_date, messages_total, messages_within_10_secs, created_at)
        SELECT $1, count(*), count(*) FILTER (WHERE sent_at - created_at <= interval '10 seconds'), $4
          FROM notifications
         WHERE created_at >= $2 AND created_at < $3 AND api_key_id IS NOT NULL
           AND key_type IN ('normal', 'team') AND notification_type IN ('sms', 'email')
        ON CONFLICT (bst_date) DO UPDATE
           SET messages_total = excluded.messages_total,
               messages_within_10_secs = excluded.messages_within_10_secs, updated_at = $4",
        )
        .await?;
    let (from, before) = (sql_time::to_column(day.start), sql_time::to_column(day.end));
    db.execute(&sql, &[&day.date, &from, &before, &sql_time::to_column(now)]).await?;
    Ok(())
}
