//! What the monitors look at. They count many rows, so each runs once in a while and never on the
//! way of a message.

use deadpool_postgres::GenericClient;
use domain::ServiceId;
use time::{Duration, OffsetDateTime};

use crate::{Error, sql_time};

/// How fast the text messages of one provider arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speed {
    /// The provider's identifier.
    pub provider: String,
    /// Messages of the window that a provider has taken.
    pub total: i64,
    /// Those that took 1, 5 and 10 minutes or more, or have been waiting for so long.
    pub slow: [i64; 3],
}

/// How long a message may be on its way, for each count of [`Speed::slow`].
pub const SLOW_AFTER: [Duration; 3] =
    [Duration::minutes(1), Duration::minutes(5), Duration::minutes(10)];

/// The speed of every provider that took text messages accepted after `since`, test keys aside.
/// Reads the window's rows by the index of type, status and time.
///
/// # Errors
/// Database errors only.
pub async fn list_speeds(
    db: &impl GenericClient,
    since: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<Vec<Speed>, Error> {
    let sql = db
        .prepare_cached(
            "-- monitors.list_speeds
        SELECT sent_by, count(*) AS total,
               count(*) FILTER (WHERE took >= interval '1 minute') AS minute,
               count(*) FILTER (WHERE took >= interval '5 minutes') AS five_minutes,
               count(*) FILTER (WHERE took >= interval '10 minutes') AS ten_minutes
          FROM (SELECT sent_by,
                       CASE notification_status WHEN 'delivered' THEN updated_at ELSE $2 END
                           - sent_at AS took
                  FROM notifications
                 WHERE notification_type = 'sms'
                   AND notification_status = ANY('{delivered,pending,sending}')
                   AND created_at > $1 AND key_type = ANY('{normal,team}')
                   AND sent_at IS NOT NULL AND sent_by IS NOT NULL) AS sent
         GROUP BY sent_by ORDER BY sent_by",
        )
        .await?;
    let rows = db.query(&sql, &[&sql_time::to_column(since), &sql_time::to_column(now)]).await?;
    rows.iter()
        .map(|row| {
            Ok(Speed {
                provider: row.try_get("sent_by")?,
                total: row.try_get("total")?,
                slow: [
                    row.try_get("minute")?,
                    row.try_get("five_minutes")?,
                    row.try_get("ten_minutes")?,
                ],
            })
        })
        .collect()
}

/// How many emails and text messages accepted before `before` are still `created`, those that wait for their
/// time left out.
///
/// # Errors
/// Database errors only.
pub async fn count_still_created(
    db: &impl GenericClient,
    before: OffsetDateTime,
) -> Result<i64, Error> {
    let sql = db
        .prepare_cached(
            "-- monitors.count_still_created
        SELECT count(*) FROM notifications
         WHERE notification_type = ANY('{sms,email}') AND notification_status = 'created'
           AND created_at < $1
           AND NOT EXISTS (SELECT FROM scheduled_notifications WHERE notification_id = notifications.id)",
        )
        .await?;
    Ok(db.query_one(&sql, &[&sql_time::to_column(before)]).await?.try_get(0)?)
}

/// What a live service sent that looks wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspicious {
    /// The service.
    pub service_id: ServiceId,
    /// Its name.
    pub name: String,
    /// Text messages.
    pub total: i64,
    /// Those that failed for good.
    pub failed: i64,
    /// Those to numbers that belong to nobody, as in films: 07700 900xxx.
    pub to_tv_numbers: i64,
}

/// The live services whose text messages accepted after `since` fail too often (`failed_percent` of
/// at least `volume`) or go to numbers of television (more than `tv_numbers`), test keys aside.
///
/// # Errors
/// Database errors only.
pub async fn list_suspicious(
    db: &impl GenericClient,
    since: OffsetDateTime,
    (volume, failed_percent): (i64, i64),
    tv_numbers: i64,
) -> Result<Vec<Suspicious>, Error> {
    let sql = db
        .prepare_cached(
            "-- monitors.list_suspicious
        SELECT s.id, s.name, sent.total, sent.failed, sent.to_tv_numbers
          FROM (SELECT service_id, count(*) AS total,
                       count(*) FILTER (WHERE notification_status = 'permanent-failure') AS failed,
                       count(*) FILTER (WHERE normalised_to LIKE '447700900___') AS to_tv_numbers
                  FROM notifications
                 WHERE notification_type = 'sms' AND created_at > $1
                   AND key_type = ANY('{normal,team}')
                 GROUP BY service_id) AS sent
          JOIN services s ON s.id = sent.service_id
         WHERE s.active AND NOT s.restricted
           AND ((sent.total >= $2 AND sent.failed * 100 >= sent.total * $3)
                OR sent.to_tv_numbers > $4)
         ORDER BY s.name",
        )
        .await?;
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
        [&sql_time::to_column(since), &volume, &failed_percent, &tv_numbers];
    let rows = db.query(&sql, &values).await?;
    rows.iter()
        .map(|row| {
            Ok(Suspicious {
                service_id: row.try_get("id")?,
                name: row.try_get("name")?,
                total: row.try_get("total")?,
                failed: row.try_get("failed")?,
                to_tv_numbers: row.try_get("to_tv_numbers")?,
            })
        })
        .collect()
}
