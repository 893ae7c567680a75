//! Text messages that services received, as the public API shows them.

use deadpool_postgres::GenericClient;
use domain::ServiceId;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, sql_time};

/// A received text message.
pub struct ReceivedText {
    /// Its id.
    pub id: Uuid,
    /// When it came in.
    pub created_at: OffsetDateTime,
    /// Who received it: the number of the service.
    pub notify_number: String,
    /// Who sent it.
    pub user_number: String,
    /// What it says, signed.
    pub signed_content: String,
}

/// Up to `limit` of the service's received text messages, the newest first; after `older_than`, if
/// that is given: none when the service has no such message.
///
/// # Errors
/// Database errors only.
pub async fn list(
    db: &impl GenericClient,
    service: ServiceId,
    older_than: Option<Uuid>,
    limit: i64,
) -> Result<Vec<ReceivedText>, Error> {
    let sql = db
        .prepare_cached(
            "-- received_texts.list
        SELECT id, created_at, notify_number, user_number, content FROM inbound_sms
         WHERE service_id = $1
           AND ($2::uuid IS NULL OR (created_at, id) < (
                SELECT created_at, id FROM inbound_sms WHERE service_id = $1 AND id = $2))
         ORDER BY created_at DESC, id DESC LIMIT $3",
        )
        .await?;
    let rows = db.query(&sql, &[&service, &older_than, &limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(ReceivedText {
                id: row.try_get("id")?,
                created_at: sql_time::from_column(row.try_get("created_at")?),
                notify_number: row.try_get("notify_number")?,
                user_number: row.try_get("user_number")?,
                signed_content: row.try_get("content")?,
            })
        })
        .collect()
}
