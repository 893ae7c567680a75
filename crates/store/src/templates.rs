//! Templates.

use deadpool_postgres::GenericClient;
use domain::{NotificationType, ServiceId, Template, TemplateFile, TemplateId};
use time::PrimitiveDateTime;
use tokio_postgres::{Row, types::Json};

use crate::{Error, parse, sql_time};

/// The service's template in its latest version, with its live files. Hidden ones are not found.
///
/// # Errors
/// [`Error::NotFound`] when the service has none of this id.
pub async fn get(
    db: &impl GenericClient,
    service: ServiceId,
    id: TemplateId,
) -> Result<Template, Error> {
    let sql = db
        .prepare_cached(
            "-- templates.get
        SELECT t.id, t.version, t.name, t.template_type::text AS template_type, t.content,
               t.subject, t.archived, t.hidden, t.has_unsubscribe_link, t.created_at, t.updated_at,
               t.postage, t.letter_welsh_subject, t.letter_welsh_content, c.contact_block,
               u.email_address AS created_by,
               (SELECT json_agg(f ORDER BY f.created_at, f.id) FROM template_email_files f
                 WHERE f.template_id = t.id AND f.archived_at IS NULL
                   AND f.pending IS NOT TRUE) AS files
          FROM templates t JOIN users u ON u.id = t.created_by_id
          LEFT JOIN service_letter_contacts c ON c.id = t.service_letter_contact_id
         WHERE t.id = $2 AND t.service_id = $1 AND NOT t.hidden",
        )
        .await?;
    let row = db.query_opt(&sql, &[&service, &id]).await?;
    from_row(&row.ok_or(Error::NotFound("template"))?)
}

/// One version of the service's template, hidden or not, with its files as they were at the end of it.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub async fn get_version(
    db: &impl GenericClient,
    service: ServiceId,
    id: TemplateId,
    version: i32,
) -> Result<Template, Error> {
    // Of a file's own versions that belong to this one or an earlier one, the last counts.
    let sql = db
        .prepare_cached(
            "-- templates.get_version
        SELECT t.id, t.version, t.name, t.template_type::text AS template_type, t.content,
               t.subject, t.archived, t.hidden, t.has_unsubscribe_link, t.created_at, t.updated_at,
               t.postage, t.letter_welsh_subject, t.letter_welsh_content, c.contact_block,
               u.email_address AS created_by,
               (SELECT json_agg(f ORDER BY f.created_at, f.id) FROM
                 (SELECT DISTINCT ON (f.id) f.* FROM
                   (SELECT id, filename, link_text, retention_period, validate_users_email, version,
                           template_id, template_version, created_at, archived_at, pending
                      FROM template_email_files
                     UNION ALL
                    SELECT id, filename, link_text, retention_period, validate_users_email, version,
                           template_id, template_version, created_at, archived_at, pending
                      FROM template_email_files_history) f
                   WHERE f.template_id = t.id AND f.template_version <= t.version
                   ORDER BY f.id, f.version DESC) f
                 WHERE f.archived_at IS NULL AND f.pending IS NOT TRUE) AS files
          FROM templates_history t JOIN users u ON u.id = t.created_by_id
          LEFT JOIN service_letter_contacts c ON c.id = t.service_letter_contact_id
         WHERE t.id = $2 AND t.version = $3 AND t.service_id = $1",
        )
        .await?;
    let row = db.query_opt(&sql, &[&service, &id, &version]).await?;
    from_row(&row.ok_or(Error::NotFound("template version"))?)
}

/// The service's templates that its team sees and has not deleted, by name and channel, without their
/// files.
///
/// # Errors
/// Database errors only.
pub async fn list(
    db: &impl GenericClient,
    service: ServiceId,
    channel: Option<NotificationType>,
) -> Result<Vec<Template>, Error> {
    let sql = db
        .prepare_cached(
            "-- templates.list
        SELECT t.id, t.version, t.name, t.template_type::text AS template_type, t.content,
               t.subject, t.archived, t.hidden, t.has_unsubscribe_link, t.created_at, t.updated_at,
               t.postage, t.letter_welsh_subject, t.letter_welsh_content, c.contact_block,
               u.email_address AS created_by, NULL::json AS files
          FROM templates t JOIN users u ON u.id = t.created_by_id
          LEFT JOIN service_letter_contacts c ON c.id = t.service_letter_contact_id
         WHERE t.service_id = $1 AND NOT t.hidden AND NOT t.archived
           AND ($2::text IS NULL OR t.template_type = $2::text::template_type)
         ORDER BY t.name, t.template_type, t.id",
        )
        .await?;
    let channel: Option<&str> = channel.map(Into::into);
    db.query(&sql, &[&service, &channel]).await?.iter().map(from_row).collect()
}

fn from_row(row: &Row) -> Result<Template, Error> {
    let postage: Option<&str> = row.try_get("postage")?;
    let updated_at: Option<PrimitiveDateTime> = row.try_get("updated_at")?;
    let files: Option<Json<Vec<TemplateFile>>> = row.try_get("files")?;
    Ok(Template {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        version: row.try_get("version")?,
        template_type: parse(row, "template_type")?,
        content: row.try_get("content")?,
        subject: row.try_get("subject")?,
        archived: row.try_get("archived")?,
        hidden: row.try_get("hidden")?,
        created_at: sql_time::from_column(row.try_get("created_at")?),
        updated_at: updated_at.map(sql_time::from_column),
        created_by: row.try_get("created_by")?,
        has_unsubscribe_link: row.try_get("has_unsubscribe_link")?,
        postage: postage.map(|_| parse(row, "postage")).transpose()?,
        contact_block: row.try_get("contact_block")?,
        welsh_subject: row.try_get("letter_welsh_subject")?,
        welsh_content: row.try_get("letter_welsh_content")?,
        files: files.map(|files| files.0).unwrap_or_default(),
    })
}
