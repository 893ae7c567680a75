//! What is kept for a while and then deleted: received texts, sign-in codes, invitations, events.

use deadpool_postgres::GenericClient;
use domain::ServiceId;
use time::OffsetDateTime;

use crate::{Error, sql_time};

/// The services that have received texts, and how many days each keeps them: its own period for text
/// messages where it has a number of its own, else `default_days` (tasks contract §6.5).
///
/// # Errors
/// Database errors only.
pub async fn list_receiving(
    db: &impl GenericClient,
    default_days: i32,
) -> Result<Vec<(ServiceId, i32)>, Error> {
    let sql = "-- leftovers.list_receiving
        SELECT s.id,
               CASE WHEN EXISTS (SELECT FROM inbound_numbers n WHERE n.service_id = s.id)
                    THEN coalesce(r.days_of_retention, $1) ELSE $1 END AS days
          FROM services s
          LEFT JOIN service_data_retention r
                 ON r.service_id = s.id AND r.notification_type = 'sms'
         WHERE EXISTS (SELECT FROM inbound_sms i WHERE i.service_id = s.id)";
    let rows = db.query(sql, &[&default_days]).await?;
    rows.iter().map(|row| Ok((row.try_get("id")?, row.try_get("days")?))).collect()
}

/// Moves up to `limit` texts that a service received before `cutoff` to the history, without their words
/// and senders. Returns how many.
///
/// # Errors
/// Database errors only.
pub async fn archive_received(
    db: &impl GenericClient,
    service: ServiceId,
    cutoff: OffsetDateTime,
    limit: i64,
) -> Result<u64, Error> {
    let sql = db
        .prepare_cached(
            "-- leftovers.archive_received
        WITH due AS MATERIALIZED (
            SELECT id FROM inbound_sms WHERE service_id = $1 AND created_at < $2
             ORDER BY created_at LIMIT $3
        ), gone AS (
            DELETE FROM inbound_sms WHERE id IN (SELECT id FROM due)
            RETURNING id, created_at, service_id, notify_number, provider_date,
                      provider_reference, provider
        ), kept AS (
            INSERT INTO inbound_sms_history (id, created_at, service_id, notify_number,
                                             provider_date, provider_reference, provider)
            SELECT * FROM gone ON CONFLICT (id) DO NOTHING
        )
        SELECT count(*) FROM gone",
        )
        .await?;
    let row = db.query_one(&sql, &[&service, &sql_time::to_column(cutoff), &limit]).await?;
    Ok(u64::try_from(row.try_get::<_, i64>(0)?).unwrap_or_default())
}

/// Deletes sign-in codes made before `cutoff`. Returns how many.
///
/// # Errors
/// Database errors only.
pub async fn delete_verify_codes(
    db: &impl GenericClient,
    cutoff: OffsetDateTime,
) -> Result<u64, Error> {
    let sql = "-- leftovers.delete_verify_codes
        DELETE FROM verify_codes WHERE created_at < $1";
    Ok(db.execute(sql, &[&sql_time::to_column(cutoff)]).await?)
}

/// Deletes invitations to services and organisations made before `cutoff`. Returns how many.
///
/// # Errors
/// Database errors only.
pub async fn delete_invitations(
    db: &impl GenericClient,
    cutoff: OffsetDateTime,
) -> Result<u64, Error> {
    let sql = "-- leftovers.delete_invitations
        WITH users AS (DELETE FROM invited_users WHERE created_at < $1 RETURNING 1),
             members AS (
                 DELETE FROM invited_organisation_users WHERE created_at < $1 RETURNING 1)
        SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM members)";
    let row = db.query_one(sql, &[&sql_time::to_column(cutoff)]).await?;
    Ok(u64::try_from(row.try_get::<_, i64>(0)?).unwrap_or_default())
}

/// Deletes up to `limit` events of before `cutoff`, the oldest first. Returns how many.
///
/// # Errors
/// Database errors only.
pub async fn delete_events(
    db: &impl GenericClient,
    cutoff: OffsetDateTime,
    limit: i64,
) -> Result<u64, Error> {
    let sql = db
        .prepare_cached(
            "-- leftovers.delete_events
        DELETE FROM events WHERE id IN (
            SELECT id FROM events WHERE created_at < $1 ORDER BY created_at LIMIT $2)",
        )
        .await?;
    Ok(db.execute(&sql, &[&sql_time::to_column(cutoff), &limit]).await?)
}
