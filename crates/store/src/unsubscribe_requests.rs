//! Requests of recipients to get no more emails of a kind: new ones, and those that go to the history.

use deadpool_postgres::GenericClient;
use domain::{NotificationId, ServiceId, TemplateId};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, sql_time};

/// A request about to be stored.
pub struct NewUnsubscribeRequest<'a> {
    /// Its id.
    pub id: Uuid,
    /// The email that it is about.
    pub notification_id: NotificationId,
    /// Whose email that was.
    pub service_id: ServiceId,
    /// What it was made from.
    pub template_id: TemplateId,
    /// And in which version.
    pub template_version: i32,
    /// Who asks.
    pub email_address: &'a str,
    /// When.
    pub created_at: OffsetDateTime,
}

/// Whether a request about this email waits for its service. Once a service has worked through one,
/// the recipient may ask again.
///
/// # Errors
/// Database errors only.
pub async fn is_waiting(
    db: &impl GenericClient,
    notification: NotificationId,
) -> Result<bool, Error> {
    let sql = db
        .prepare_cached(
            "-- unsubscribe_requests.is_waiting
        SELECT EXISTS (
            SELECT FROM unsubscribe_request q
              LEFT JOIN unsubscribe_request_report r ON r.id = q.unsubscribe_request_report_id
             WHERE q.notification_id = $1 AND r.processed_by_service_at IS NULL) AS is_waiting",
        )
        .await?;
    Ok(db.query_one(&sql, &[&notification]).await?.try_get("is_waiting")?)
}

/// Whose email this was, and what it was made from; `None` when it is in neither table.
///
/// # Errors
/// Database errors only.
pub async fn find_origin(
    db: &impl GenericClient,
    notification: NotificationId,
) -> Result<Option<(ServiceId, TemplateId, i32)>, Error> {
    let sql = db
        .prepare_cached(
            "-- unsubscribe_requests.find_origin
        SELECT service_id, template_id, template_version FROM notifications_all_time_view
         WHERE id = $1",
        )
        .await?;
    let Some(row) = db.query_opt(&sql, &[&notification]).await? else { return Ok(None) };
    let (service, template) = (row.try_get("service_id")?, row.try_get("template_id")?);
    Ok(Some((service, template, row.try_get("template_version")?)))
}

/// Stores a request, unless one about the same email waits already. Of several that come at once,
/// the lock on the email's id lets one through.
///
/// # Errors
/// Database errors only.
pub async fn insert(
    tx: &deadpool_postgres::Transaction<'_>,
    request: &NewUnsubscribeRequest<'_>,
) -> Result<(), Error> {
    let sql = "-- unsubscribe_requests.insert: one at a time
        SELECT pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))";
    tx.execute(&tx.prepare_cached(sql).await?, &[&request.notification_id]).await?;
    if is_waiting(tx, request.notification_id).await? {
        return Ok(());
    }
    let sql = tx
        .prepare_cached(
            "-- unsubscribe_requests.insert
        INSERT INTO unsubscribe_request (id, notification_id, service_id, template_id,
                                         template_version, email_address, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .await?;
    tx.execute(
        &sql,
        &[
            &request.id,
            &request.notification_id,
            &request.service_id,
            &request.template_id,
            &request.template_version,
            &request.email_address,
            &sql_time::to_column(request.created_at),
        ],
    )
    .await?;
    Ok(())
}

/// How far a service is with a request. Once it is among those of a report, it is kept for that report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// In a report that the service has asked for.
    Batched,
    /// In none yet.
    Unbatched,
}

/// The services that have requests in reports made before `reported_before`, or requests made before
/// `asked_before` that are in no report; which of the two is said with each.
///
/// # Errors
/// Database errors only.
pub async fn list_due(
    db: &impl GenericClient,
    reported_before: OffsetDateTime,
    asked_before: OffsetDateTime,
) -> Result<Vec<(ServiceId, Stage)>, Error> {
    let sql = db
        .prepare_cached(
            "-- unsubscribe_requests.list_due
        SELECT s.id, true AS is_batched FROM services s
         WHERE EXISTS (SELECT FROM unsubscribe_request q
                         JOIN unsubscribe_request_report r
                           ON r.id = q.unsubscribe_request_report_id
                        WHERE q.service_id = s.id AND r.created_at < $1)
        UNION ALL
        SELECT s.id, false FROM services s
         WHERE EXISTS (SELECT FROM unsubscribe_request q
                        WHERE q.service_id = s.id AND q.created_at < $2
                          AND q.unsubscribe_request_report_id IS NULL)",
        )
        .await?;
    let (reported, asked) =
        (sql_time::to_column(reported_before), sql_time::to_column(asked_before));
    let rows = db.query(&sql, &[&reported, &asked]).await?;
    rows.iter()
        .map(|row| {
            let stage = if row.try_get("is_batched")? { Stage::Batched } else { Stage::Unbatched };
            Ok((row.try_get("id")?, stage))
        })
        .collect()
}

/// Moves up to `limit` requests of a service to the history, without the address: those in reports made
/// before `before`, or those made before it that are in none. Returns how many.
///
/// # Errors
/// Database errors only.
pub async fn archive(
    db: &impl GenericClient,
    service: ServiceId,
    stage: Stage,
    before: OffsetDateTime,
    limit: i64,
) -> Result<u64, Error> {
    let sql = db
        .prepare_cached(
            "-- unsubscribe_requests.archive
        WITH due AS MATERIALIZED (
            SELECT q.id FROM unsubscribe_request q
              LEFT JOIN unsubscribe_request_report r ON r.id = q.unsubscribe_request_report_id
             WHERE q.service_id = $1
               AND CASE WHEN $2 THEN r.created_at < $3
                        ELSE r.id IS NULL AND q.created_at < $3 END
             LIMIT $4
        ), gone AS (
            -- Looks again: the service may be making a report of them just now.
            DELETE FROM unsubscribe_request
             WHERE id IN (SELECT id FROM due)
               AND (unsubscribe_request_report_id IS NOT NULL) = $2
            RETURNING id, notification_id, service_id, template_id, template_version, created_at,
                      unsubscribe_request_report_id
        ), kept AS (
            INSERT INTO unsubscribe_request_history
                  (id, notification_id, service_id, template_id, template_version, created_at,
                   unsubscribe_request_report_id)
            SELECT * FROM gone ON CONFLICT (id) DO NOTHING
        )
        SELECT count(*) FROM gone",
        )
        .await?;
    let (is_batched, before) = (stage == Stage::Batched, sql_time::to_column(before));
    let row = db.query_one(&sql, &[&service, &is_batched, &before, &limit]).await?;
    Ok(u64::try_from(row.try_get::<_, i64>(0)?).unwrap_or_default())
}
