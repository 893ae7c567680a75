//! Templates.

use deadpool_postgres::GenericClient;
use domain::{ServiceId, Template, TemplateId};
use tokio_postgres::Row;

use crate::{Error, parse};

/// The service's template in its latest version. Hidden ones are not found.
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
        SELECT id, version, template_type::text AS template_type, content, subject, archived,
               has_unsubscribe_link
          FROM templates WHERE id = $2 AND service_id = $1 AND NOT hidden",
        )
        .await?;
    let row = db.query_opt(&sql, &[&service, &id]).await?;
    from_row(&row.ok_or(Error::NotFound("template"))?)
}

/// One version of the service's template, hidden or not.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub async fn get_version(
    db: &impl GenericClient,
    service: ServiceId,
    id: TemplateId,
    version: i32,
) -> Result<Template, Error> {
    let sql = db
        .prepare_cached(
            "-- templates.get_version
        SELECT id, version, template_type::text AS template_type, content, subject, archived,
               has_unsubscribe_link
          FROM templates_history WHERE id = $2 AND version = $3 AND service_id = $1",
        )
        .await?;
    let row = db.query_opt(&sql, &[&service, &id, &version]).await?;
    from_row(&row.ok_or(Error::NotFound("template version"))?)
}

fn from_row(row: &Row) -> Result<Template, Error> {
    Ok(Template {
        id: row.try_get("id")?,
        version: row.try_get("version")?,
        template_type: parse(row, "template_type")?,
        content: row.try_get("content")?,
        subject: row.try_get("subject")?,
        archived: row.try_get("archived")?,
        has_unsubscribe_link: row.try_get("has_unsubscribe_link")?,
    })
}
