//! Complaints of recipients, as told by the email provider.

use deadpool_postgres::GenericClient;
use domain::{NotificationId, ServiceId};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, outbox::OutboxRow, sql_time};

/// A recipient marked an email as spam.
#[derive(Clone, Debug)]
pub struct Complaint {
    /// Its id. Derived by the caller from the provider's, so that a receipt told twice is one complaint.
    pub id: Uuid,
    /// The email.
    pub notification_id: NotificationId,
    /// Whose email it was.
    pub service_id: ServiceId,
    /// The provider's id of the complaint.
    pub ses_feedback_id: Option<String>,
    /// The provider's word for it, e.g. `abuse`.
    pub complaint_type: Option<String>,
    /// When the recipient complained.
    pub complaint_date: Option<OffsetDateTime>,
    /// When we heard.
    pub created_at: OffsetDateTime,
}

/// Keeps a complaint and, in the same statement, the message that tells the service. False, and
/// nothing is kept, when it was kept before.
///
/// # Errors
/// Database errors only.
pub async fn insert(
    db: &impl GenericClient,
    complaint: &Complaint,
    callback: Option<&OutboxRow>,
) -> Result<bool, Error> {
    let sql = db
        .prepare_cached(
            "-- complaints.insert
        WITH kept AS (
            INSERT INTO complaints (id, notification_id, service_id, ses_feedback_id,
                                    complaint_type, complaint_date, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING
            RETURNING id
        ), callback AS (
            INSERT INTO outbox (id, created_at, queue, task, message, claimed_until)
            SELECT $8::uuid, $7, $9::text, $10::text, $11::jsonb, $12::timestamp FROM kept
             WHERE $8::uuid IS NOT NULL
        )
        SELECT count(*) FROM kept",
        )
        .await?;
    let row = db
        .query_one(
            &sql,
            &[
                &complaint.id,
                &complaint.notification_id,
                &complaint.service_id,
                &complaint.ses_feedback_id,
                &complaint.complaint_type,
                &complaint.complaint_date.map(sql_time::to_column),
                &sql_time::to_column(complaint.created_at),
                &callback.map(|row| row.id),
                &callback.map(|row| row.queue.as_str()),
                &callback.map(|row| row.task.as_str()),
                &callback.map(|row| &row.message),
                &callback.and_then(|row| row.claimed_until).map(sql_time::to_column),
            ],
        )
        .await?;
    Ok(row.try_get::<_, i64>(0)? > 0)
}
