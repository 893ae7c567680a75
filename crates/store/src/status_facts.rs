//! How many messages of each day are in which status (tasks contract §5.4).

use deadpool_postgres::GenericClient;

use crate::{Error, facts::Portion, sql_time};

/// Counts anew, in a transaction that holds [`facts::lock`](crate::facts::lock). All statuses are
/// counted; messages of test keys are not. Returns how many facts there are now.
///
/// # Errors
/// Database errors only.
pub async fn replace(
    tx: &impl GenericClient,
    portion: &Portion,
    now: time::OffsetDateTime,
) -> Result<u64, Error> {
    let Portion { day, channel, service_id } = portion;
    let channel = <&str>::from(channel);
    let sql = tx
        .prepare_cached(
            "-- status_facts.replace, 1
        DELETE FROM ft_notification_status
         WHERE bst_date = $1 AND notification_type = $2 AND service_id = $3",
        )
        .await?;
    tx.execute(&sql, &[&day.date, &channel, &service_id]).await?;
    let sql = tx.prepare_cached(COUNT).await?;
    let (from, before) = (sql_time::to_column(day.start), sql_time::to_column(day.end));
    let now = sql_time::to_column(now);
    Ok(tx.execute(&sql, &[&day.date, &channel, &service_id, &from, &before, &now]).await?)
}

/// The second statement of [`replace`]. Rows of long ago may lack a template or a status: they have no
/// place among the facts. Key types are named, as what is only excluded is not found in the history's
/// index.
pub const COUNT: &str = "-- status_facts.replace, 2
        INSERT INTO ft_notification_status
               (bst_date, template_id, service_id, job_id, notification_type, key_type,
                notification_status, notification_count, created_at)
        SELECT $1, template_id, $3, coalesce(job_id, '00000000-0000-0000-0000-000000000000'), $2,
               key_type, notification_status, count(*), $6
          FROM notifications_all_time_view
         WHERE service_id = $3 AND notification_type = $2::text::notification_type
           AND created_at >= $4 AND created_at < $5 AND key_type IN ('normal', 'team')
           AND template_id IS NOT NULL AND notification_status IS NOT NULL
         GROUP BY template_id, job_id, key_type, notification_status";
