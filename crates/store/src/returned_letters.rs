//! Letters that came back from the addressee.

use deadpool_postgres::GenericClient;
use domain::{NotificationId, NotificationStatus, ServiceId, TemplateId};
use time::{Date, OffsetDateTime};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{Error, service_callbacks::ServiceCallback, sql_time};

/// A letter that came back, and what its service is told of it.
#[derive(Clone)]
pub struct Returned {
    /// The letter.
    pub id: NotificationId,
    /// Its reference.
    pub reference: String,
    /// Whose letter it is.
    pub service_id: ServiceId,
    /// When it was accepted.
    pub created_at: OffsetDateTime,
    /// What it was made from; none for PDFs that came whole.
    pub template: Option<(TemplateId, i32, String)>,
    /// The client's own reference, or the file name of a PDF that was uploaded in the admin app.
    pub client_reference: Option<String>,
    /// Whether a key sent it.
    pub by_key: bool,
    /// The address of whoever sent it from the admin app.
    pub sender: Option<String>,
    /// The file of recipients that it was made from, and its row there, counted from 0.
    pub job_row: Option<(String, i32)>,
    /// Where its service wants to hear of it.
    pub callback: Option<ServiceCallback>,
}

/// The letters of these references, live or archived.
///
/// # Errors
/// Database errors only.
pub async fn list(db: &impl GenericClient, references: &[String]) -> Result<Vec<Returned>, Error> {
    let sql = db
        .prepare_cached(
            "-- returned_letters.list
        WITH letters AS (
            SELECT id, reference, service_id, created_at, template_id, template_version, job_id,
                   job_row_number, client_reference, api_key_id, created_by_id
              FROM notifications WHERE reference = ANY($1) AND notification_type = 'letter'
            UNION ALL
            SELECT id, reference, service_id, created_at, template_id, template_version, job_id,
                   job_row_number, client_reference, api_key_id, created_by_id
              FROM notification_history WHERE reference = ANY($1) AND notification_type = 'letter'
        )
        SELECT l.id, l.reference, l.service_id, l.created_at, l.template_id, l.template_version,
               l.client_reference, l.job_row_number, t.name AS template_name,
               coalesce(t.hidden AND t.name = 'Pre-compiled PDF', false) AS came_whole,
               l.api_key_id IS NOT NULL AS by_key, coalesce(u.email_address, s.email_address) AS sender,
               j.original_file_name, c.url, c.bearer_token
          FROM letters l
          LEFT JOIN templates_history t ON t.id = l.template_id AND t.version = l.template_version
          LEFT JOIN users u ON u.id = l.created_by_id
          LEFT JOIN jobs j ON j.id = l.job_id
          LEFT JOIN users s ON s.id = j.created_by_id
          LEFT JOIN service_callback_api c
                 ON c.service_id = l.service_id AND c.callback_type = 'returned_letter'",
        )
        .await?;
    db.query(&sql, &[&references]).await?.iter().map(from_row).collect()
}

fn from_row(row: &Row) -> Result<Returned, Error> {
    let name: Option<String> = row.try_get("template_name")?;
    let came_whole: bool = row.try_get("came_whole")?;
    let template = match name.filter(|_| !came_whole) {
        Some(name) => Some((row.try_get("template_id")?, row.try_get("template_version")?, name)),
        None => None,
    };
    let file: Option<String> = row.try_get("original_file_name")?;
    let url: Option<String> = row.try_get("url")?;
    let token: Option<String> = row.try_get("bearer_token")?;
    Ok(Returned {
        id: row.try_get("id")?,
        reference: row.try_get("reference")?,
        service_id: row.try_get("service_id")?,
        created_at: sql_time::from_column(row.try_get("created_at")?),
        template,
        client_reference: row.try_get("client_reference")?,
        by_key: row.try_get("by_key")?,
        sender: row.try_get("sender")?,
        job_row: file.zip(row.try_get::<_, Option<i32>>("job_row_number")?),
        callback: url
            .zip(token)
            .map(|(url, signed_bearer_token)| ServiceCallback { url, signed_bearer_token }),
    })
}

/// Marks letters, live or archived, as returned and keeps the day; gives those that were not kept
/// before.
///
/// # Errors
/// Database errors only.
pub async fn record(
    db: &impl GenericClient,
    letters: &[Returned],
    ids: &[Uuid],
    today: Date,
    now: OffsetDateTime,
) -> Result<Vec<NotificationId>, Error> {
    let sql = db
        .prepare_cached(
            "-- returned_letters.record
        WITH live AS (
            UPDATE notifications SET notification_status = $6, updated_at = $5
             WHERE id = ANY($1) AND notification_status <> $6
        ), archived AS (
            UPDATE notification_history SET notification_status = $6, updated_at = $5
             WHERE id = ANY($1) AND notification_status <> $6
        )
        INSERT INTO returned_letters (id, reported_at, service_id, notification_id, created_at)
        SELECT r.id, $4, r.service_id, r.notification_id, $5
          FROM unnest($3::uuid[], $2::uuid[], $1::uuid[]) AS r (id, service_id, notification_id)
        ON CONFLICT (notification_id) DO NOTHING
        RETURNING notification_id",
        )
        .await?;
    let notifications: Vec<NotificationId> = letters.iter().map(|letter| letter.id).collect();
    let services: Vec<ServiceId> = letters.iter().map(|letter| letter.service_id).collect();
    let status: &str = NotificationStatus::ReturnedLetter.into();
    let rows = db
        .query(&sql, &[&notifications, &services, &ids, &today, &sql_time::to_column(now), &status])
        .await?;
    rows.iter().map(|row| Ok(row.try_get("notification_id")?)).collect()
}
