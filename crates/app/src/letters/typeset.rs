//! PDFs of letters that are made from templates (letters contract §2.1).

use anyhow::Context;
use domain::{KeyType, NotificationId, NotificationType, letter::LetterEvent};
use queue::Trace;
use store::letters::Letter;
use tasks::letters::{
    AttachmentToTypeset, CreatePdfForTemplatedLetter, LetterToTypeset,
    RecreatePdfForPrecompiledLetter, TemplateToTypeset,
};
use time::format_description::well_known::Rfc3339;
use tracing::{info, warn};

use super::pdf_place;
use crate::{App, Error};

impl App {
    /// Asks for the PDF of a letter, unless it has gone on without one.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such letter yet; database and broker errors.
    pub async fn request_pdf(&self, id: NotificationId, trace: &Trace) -> Result<(), Error> {
        let letter = store::letters::get(&self.db().await?, id).await?;
        // The event whose answer we ask for; the letters of test keys have been `delivered` by now.
        if !LetterEvent::TooLong.applies(letter.key_type, letter.status) {
            warn!(status = %letter.status, "the letter needs no PDF any more");
            return Ok(());
        }
        let payload = self.letter_to_typeset(&letter).await?;
        let signed_letter = self.signer().sign(&payload).map_err(anyhow::Error::from)?;
        self.send(&CreatePdfForTemplatedLetter { signed_letter }, trace).await
    }

    async fn letter_to_typeset(&self, letter: &Letter) -> Result<LetterToTypeset, Error> {
        let template = store::letters::template(
            &self.db().await?,
            letter.service_id,
            letter.template_id,
            letter.template_version,
        )
        .await?;
        let values = match &letter.signed_personalisation {
            Some(signed) => self.signer().unsign(signed).map_err(anyhow::Error::from)?,
            None => serde_json::Map::new(),
        };
        let date = letter.created_at.format(&Rfc3339).context("the letter's time")?;
        Ok(LetterToTypeset {
            letter_contact_block: letter.contact_block.clone(),
            template: TemplateToTypeset {
                subject: template.subject,
                content: template.content,
                template_type: NotificationType::Letter.to_string(),
                service: letter.service_id.to_string(),
                letter_languages: template.languages,
                letter_welsh_subject: template.welsh_subject,
                letter_welsh_content: template.welsh_content,
                letter_attachment: template
                    .attachment
                    .map(|(id, page_count)| AttachmentToTypeset { id: id.to_string(), page_count }),
            },
            values,
            logo_filename: template.logo,
            letter_filename: pdf_place(letter)?.key,
            notification_id: letter.id,
            key_type: letter.key_type.to_string(),
            // As Python writes it.
            date: date.replace('Z', "+00:00"),
        })
    }

    /// A letter's PDF has been made: keeps its sheets of paper. Letters of test keys cost nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`], and database errors.
    pub async fn letter_typeset(&self, id: NotificationId, pages: u32) -> Result<(), Error> {
        let letter = store::letters::get(&self.db().await?, id).await?;
        if letter.key_type == KeyType::Test {
            return Ok(());
        }
        self.happens(&letter, LetterEvent::Typeset, Some(sheets(pages)?)).await?;
        Ok(())
    }

    /// A letter's PDF has too many pages.
    ///
    /// # Errors
    /// [`Error::NotFound`], and database errors.
    pub async fn letter_too_long(&self, id: NotificationId, pages: u32) -> Result<(), Error> {
        let letter = store::letters::get(&self.db().await?, id).await?;
        let changed = self.happens(&letter, LetterEvent::TooLong, None).await?;
        info!(pages, changed, "the letter is too long");
        Ok(())
    }

    /// Asks for the PDF of a letter to be made again from what came with it.
    ///
    /// # Errors
    /// [`Error::NotFound`], and database and broker errors.
    pub async fn resanitise(&self, id: NotificationId, trace: &Trace) -> Result<(), Error> {
        let letter = store::letters::get(&self.db().await?, id).await?;
        let task = RecreatePdfForPrecompiledLetter {
            notification_id: id,
            file_location: pdf_place(&letter)?.key,
            allow_international_letters: self.may_send_abroad(&letter).await?,
        };
        self.send(&task, trace).await
    }
}

/// Sheets of paper, printed on both sides.
pub(super) fn sheets(pages: u32) -> Result<i32, Error> {
    Ok(i32::try_from(pages.div_ceil(2)).context("more pages than there can be")?)
}
