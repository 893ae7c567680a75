//! What letters are made from.

use deadpool_postgres::GenericClient;
use domain::{ServiceId, TemplateId, letter::Postage};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, sql_time};

/// What a template says beside its text, for letters.
#[derive(Clone)]
pub struct LetterTemplate {
    /// The heading.
    pub subject: Option<String>,
    /// The text.
    pub content: String,
    /// `english` or `welsh_then_english`.
    pub languages: Option<String>,
    /// The heading in Welsh.
    pub welsh_subject: Option<String>,
    /// The text in Welsh.
    pub welsh_content: Option<String>,
    /// The file that goes with each letter: id and pages.
    pub attachment: Option<(Uuid, i16)>,
    /// File name of the logo of the service's letters, without its extension.
    pub logo: Option<String>,
    /// How its letters are posted.
    pub postage: Option<Postage>,
    /// The service's address, as its letters show it.
    pub contact_block: Option<String>,
}

/// One version of a template of the service, with the logo and the address of today.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub async fn template(
    db: &impl GenericClient,
    service: ServiceId,
    id: TemplateId,
    version: i32,
) -> Result<LetterTemplate, Error> {
    let sql = db
        .prepare_cached(
            "-- letters.template
        SELECT t.subject, t.content, t.letter_languages::text AS languages, t.letter_welsh_subject,
               t.letter_welsh_content, a.id AS attachment_id, a.page_count, b.filename,
               t.postage, c.contact_block
          FROM templates_history t
          LEFT JOIN letter_attachment a ON a.id = t.letter_attachment_id
          LEFT JOIN service_letter_branding s ON s.service_id = t.service_id
          LEFT JOIN letter_branding b ON b.id = s.letter_branding_id
          LEFT JOIN service_letter_contacts c ON c.id = t.service_letter_contact_id
         WHERE t.id = $2 AND t.version = $3 AND t.service_id = $1",
        )
        .await?;
    let row = db.query_opt(&sql, &[&service, &id, &version]).await?;
    let row = row.ok_or(Error::NotFound("template version"))?;
    let postage: Option<&str> = row.try_get("postage")?;
    let attachment: Option<Uuid> = row.try_get("attachment_id")?;
    let pages: Option<i16> = row.try_get("page_count")?;
    Ok(LetterTemplate {
        subject: row.try_get("subject")?,
        content: row.try_get("content")?,
        languages: row.try_get("languages")?,
        welsh_subject: row.try_get("letter_welsh_subject")?,
        welsh_content: row.try_get("letter_welsh_content")?,
        attachment: attachment.zip(pages),
        logo: row.try_get("filename")?,
        postage: postage.and_then(|text| text.parse().ok()),
        contact_block: row.try_get("contact_block")?,
    })
}

/// The organisation that a service belongs to.
///
/// # Errors
/// Database errors only.
pub async fn organisation_of(
    db: &impl GenericClient,
    service: ServiceId,
) -> Result<Option<Uuid>, Error> {
    let sql = db
        .prepare_cached(
            "-- letters.organisation_of\nSELECT organisation_id FROM services WHERE id = $1",
        )
        .await?;
    let row = db.query_opt(&sql, &[&service]).await?.ok_or(Error::NotFound("service"))?;
    Ok(row.try_get("organisation_id")?)
}

/// Id and version of the service's template of letters that come as PDFs, once there is one.
///
/// # Errors
/// Database errors only.
pub async fn precompiled_template(
    db: &impl GenericClient,
    service: ServiceId,
) -> Result<Option<(TemplateId, i32)>, Error> {
    let sql = db
        .prepare_cached(
            "-- letters.precompiled_template
        SELECT id, version FROM templates
         WHERE service_id = $1 AND hidden AND template_type = 'letter'
           AND name = 'Pre-compiled PDF'
         ORDER BY created_at LIMIT 1",
        )
        .await?;
    let Some(row) = db.query_opt(&sql, &[&service]).await? else { return Ok(None) };
    Ok(Some((row.try_get("id")?, row.try_get("version")?)))
}

/// Makes that template under `id`, unless another transaction was faster. Call it in a transaction:
/// it keeps the service's others out until that ends.
///
/// # Errors
/// Database errors only.
pub async fn make_precompiled_template(
    tx: &impl GenericClient,
    service: ServiceId,
    id: TemplateId,
    now: OffsetDateTime,
) -> Result<(TemplateId, i32), Error> {
    let lock = tx
        .prepare_cached(
            "-- letters.make_precompiled_template: one at a time
        SELECT FROM services WHERE id = $1 FOR NO KEY UPDATE",
        )
        .await?;
    tx.query(&lock, &[&service]).await?;
    if let Some(found) = precompiled_template(tx, service).await? {
        return Ok(found);
    }
    let sql = tx
        .prepare_cached(
            "-- letters.make_precompiled_template: by the platform's own user
        WITH template AS (
            INSERT INTO templates (id, name, template_type, created_at, content, service_id,
                                   subject, created_by_id, version, archived, hidden, postage,
                                   letter_languages, has_unsubscribe_link)
            VALUES ($2, 'Pre-compiled PDF', 'letter', $3, '', $1, 'Pre-compiled PDF',
                    '6af522d0-2915-4e52-83a3-3690455a5fe6', 1, false, true, 'second', 'english',
                    false)
            RETURNING *
        ), version AS (
            INSERT INTO templates_history (id, name, template_type, created_at, content,
                                           service_id, subject, created_by_id, version, archived,
                                           hidden, postage, letter_languages,
                                           has_unsubscribe_link)
            SELECT id, name, template_type, created_at, content, service_id, subject,
                   created_by_id, version, archived, hidden, postage, letter_languages,
                   has_unsubscribe_link
              FROM template
        )
        INSERT INTO template_redacted (template_id, redact_personalisation, updated_at,
                                       updated_by_id)
        SELECT id, false, created_at, created_by_id FROM template",
        )
        .await?;
    tx.execute(&sql, &[&service, &id, &sql_time::to_column(now)]).await?;
    Ok((id, 1))
}
