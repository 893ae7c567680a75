//! All that is known of one notification, for operators.

use deadpool_postgres::GenericClient;
use domain::{
    KeyType, NotificationId, NotificationStatus, NotificationType, ServiceId, TemplateId,
};
use time::{OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use crate::{Error, parse, sql_time};

/// One notification as it stands, without its recipient and its text.
pub struct Story {
    /// Whose message it is.
    pub service_id: ServiceId,
    /// That service's name.
    pub service_name: String,
    /// What it was made from.
    pub template_id: TemplateId,
    /// And in which version.
    pub template_version: i32,
    /// The channel.
    pub notification_type: NotificationType,
    /// The type of the key it came in with.
    pub key_type: KeyType,
    /// The file that it is a row of, and which row, from 0.
    pub job: Option<(Uuid, Option<i32>)>,
    /// Its status now.
    pub status: NotificationStatus,
    /// When it was accepted.
    pub created_at: OffsetDateTime,
    /// When a provider took it.
    pub sent_at: Option<OffsetDateTime>,
    /// Which one.
    pub sent_by: Option<String>,
    /// The provider's id of it.
    pub reference: Option<String>,
    /// When its status last changed.
    pub updated_at: Option<OffsetDateTime>,
    /// Fragments or sheets.
    pub billable_units: i32,
    /// Whether it is past its retention, in the history table.
    pub archived: bool,
    /// How it stands with its worker; nothing once archived.
    pub sending: Sending,
}

/// How it stands with the worker that sends it.
#[derive(Default)]
pub struct Sending {
    /// Attempts that were begun or are due, from 0.
    pub attempt: Option<i32>,
    /// Until when a worker holds it.
    pub claimed_until: Option<OffsetDateTime>,
    /// When the next attempt is due.
    pub next_attempt_at: Option<OffsetDateTime>,
    /// Why the last failed attempt failed.
    pub last_error: Option<String>,
}

/// A message of a task that the broker has not taken yet.
pub struct Waiting {
    /// The task's name.
    pub task: String,
    /// Its queue.
    pub queue: String,
    /// Since when it waits.
    pub since: OffsetDateTime,
}

/// The notification, live or archived.
///
/// # Errors
/// Database errors only.
pub async fn find(db: &impl GenericClient, id: NotificationId) -> Result<Option<Story>, Error> {
    let sql = "-- stories.find
        SELECT n.*, s.name AS service_name
          FROM (SELECT id, service_id, template_id, template_version, key_type, job_id,
                       notification_type::text AS notification_type, job_row_number,
                       notification_status, created_at, sent_at, sent_by, reference, updated_at,
                       billable_units, false AS archived, claim_attempt, claimed_until,
                       next_attempt_at, last_error
                  FROM notifications WHERE id = $1
                UNION ALL
                SELECT id, service_id, template_id, template_version, key_type, job_id,
                       notification_type::text, job_row_number, notification_status, created_at,
                       sent_at, sent_by, reference, updated_at, billable_units, true, NULL, NULL,
                       NULL, NULL
                  FROM notification_history WHERE id = $1) n
          JOIN services s ON s.id = n.service_id
         ORDER BY archived LIMIT 1";
    let Some(row) = db.query_opt(sql, &[&id]).await? else { return Ok(None) };
    let at = |column: &'static str| -> Result<Option<OffsetDateTime>, Error> {
        let at: Option<PrimitiveDateTime> = row.try_get(column)?;
        Ok(at.map(sql_time::from_column))
    };
    let (job, number): (Option<Uuid>, Option<i32>) =
        (row.try_get("job_id")?, row.try_get("job_row_number")?);
    Ok(Some(Story {
        service_id: row.try_get("service_id")?,
        service_name: row.try_get("service_name")?,
        template_id: row.try_get("template_id")?,
        template_version: row.try_get("template_version")?,
        notification_type: parse(&row, "notification_type")?,
        key_type: parse(&row, "key_type")?,
        job: job.map(|job| (job, number)),
        status: parse(&row, "notification_status")?,
        created_at: sql_time::from_column(row.try_get("created_at")?),
        sent_at: at("sent_at")?,
        sent_by: row.try_get("sent_by")?,
        reference: row.try_get("reference")?,
        updated_at: at("updated_at")?,
        billable_units: row.try_get("billable_units")?,
        archived: row.try_get("archived")?,
        sending: Sending {
            attempt: row.try_get("claim_attempt")?,
            claimed_until: at("claimed_until")?,
            next_attempt_at: at("next_attempt_at")?,
            last_error: row.try_get("last_error")?,
        },
    }))
}

/// The messages in the outbox that name the notification.
///
/// # Errors
/// Database errors only.
pub async fn waiting(db: &impl GenericClient, id: NotificationId) -> Result<Vec<Waiting>, Error> {
    // The outbox is short, or there are worse problems: no index is worth its upkeep.
    let sql = "-- stories.waiting
        SELECT task, queue, created_at FROM outbox
         WHERE message::text LIKE '%' || $1 || '%' ORDER BY id";
    let rows = db.query(sql, &[&id.to_string()]).await?;
    rows.iter()
        .map(|row| {
            Ok(Waiting {
                task: row.try_get("task")?,
                queue: row.try_get("queue")?,
                since: sql_time::from_column(row.try_get("created_at")?),
            })
        })
        .collect()
}
