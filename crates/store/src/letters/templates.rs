//! What letters are made from.

use deadpool_postgres::GenericClient;
use domain::{ServiceId, TemplateId, letter::Postage};
use uuid::Uuid;

use crate::Error;

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
