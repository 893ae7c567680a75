//! Files that email templates link to.

use deadpool_postgres::GenericClient;
use domain::ServiceId;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, sql_time};

/// Archives files that were uploaded before `before` and that nobody has put into their template since.
/// Returns how many.
///
/// # Errors
/// Database errors only.
pub async fn archive_pending(
    db: &impl GenericClient,
    before: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<u64, Error> {
    let sql = "-- email_files.archive_pending
        UPDATE template_email_files SET archived_at = $2, updated_at = $2
         WHERE pending AND archived_at IS NULL AND created_at < $1";
    Ok(db.execute(sql, &[&sql_time::to_column(before), &sql_time::to_column(now)]).await?)
}

/// Up to `limit` files that were archived from `from` to `before`, after the one given, with their
/// services.
///
/// # Errors
/// Database errors only.
pub async fn list_archived(
    db: &impl GenericClient,
    from: OffsetDateTime,
    before: OffsetDateTime,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<(ServiceId, Uuid)>, Error> {
    let sql = db
        .prepare_cached(
            "-- email_files.list_archived
        SELECT t.service_id, f.id
          FROM template_email_files f JOIN templates t ON t.id = f.template_id
         WHERE f.archived_at >= $1 AND f.archived_at < $2 AND ($3::uuid IS NULL OR f.id > $3)
         ORDER BY f.id LIMIT $4",
        )
        .await?;
    let (from, before) = (sql_time::to_column(from), sql_time::to_column(before));
    let rows = db.query(&sql, &[&from, &before, &after, &limit]).await?;
    rows.iter().map(|row| Ok((row.try_get("service_id")?, row.try_get("id")?))).collect()
}
