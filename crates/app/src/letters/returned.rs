//! Letters that came back (letters contract §6.5, "Returned letters").

use std::collections::HashSet;

use anyhow::Context;
use domain::london;
use queue::{Envelope, Trace};
use store::returned_letters::Returned;
use tasks::{
    SendReturnedLetter,
    callbacks::{ReturnedLetter, Signed},
};
use tracing::{error, warn};

use crate::{App, Error, callbacks::DATETIME, outbox};

/// The row number that people see of the first recipient's: the header is 1.
const FIRST_ROW: i32 = 2;

impl App {
    /// Marks the letters of these references as returned, and tells the services that want to hear
    /// of it. A letter that is reported twice is told of once. Gives how many are new.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn letters_returned(
        &self,
        references: &[String],
        trace: &Trace,
    ) -> Result<usize, Error> {
        let mut db = self.db().await?;
        let mut letters = store::returned_letters::list(&db, references).await?;
        let mut seen = HashSet::new();
        letters.retain(|letter| seen.insert(letter.id));
        let known: HashSet<&str> = letters.iter().map(|letter| letter.reference.as_str()).collect();
        for unknown in references.iter().filter(|reference| !known.contains(reference.as_str())) {
            warn!(reference = unknown, "a returned letter that we do not know");
        }
        let now = self.clock().now();
        let today = london::local(now).context("the clock is past the year 9999")?.date();
        let ids: Vec<_> = letters.iter().map(|_| self.clock().new_id()).collect();
        let tx = db.transaction().await.map_err(store::Error::from)?;
        let new = store::returned_letters::record(&tx, &letters, &ids, today, now).await?;
        let is_new: HashSet<_> = new.iter().copied().collect();
        let mut told = Vec::new();
        for letter in letters.iter().filter(|letter| is_new.contains(&letter.id)) {
            if let Some(message) = self.returned_letter_callback(letter, trace)? {
                told.push(outbox::row(&message, self.clock(), None)?);
            }
        }
        store::outbox::insert(&tx, &told).await?;
        tx.commit().await.map_err(store::Error::from)?;
        Ok(new.len())
    }

    fn returned_letter_callback(
        &self,
        letter: &Returned,
        trace: &Trace,
    ) -> Result<Option<Envelope>, Error> {
        let Some(callback) = &letter.callback else { return Ok(None) };
        let token: String = match self.signer().unsign(&callback.signed_bearer_token) {
            Ok(token) => token,
            Err(error) => {
                error!(service.id = %letter.service_id, %error, "the callback's token cannot be read");
                return Ok(None);
            }
        };
        let uploaded = !letter.by_key && letter.template.is_none();
        let body = ReturnedLetter {
            notification_id: letter.id.to_string(),
            reference: letter.client_reference.clone().filter(|_| letter.by_key),
            date_sent: letter.created_at.format(DATETIME).map_err(anyhow::Error::from)?,
            sent_by: letter.sender.clone().unwrap_or_else(|| "API".to_owned()),
            template_name: letter.template.as_ref().map(|(.., name)| name.clone()),
            template_id: letter.template.as_ref().map(|(id, ..)| id.to_string()),
            template_version: letter.template.as_ref().map(|(_, version, _)| *version),
            spreadsheet_file_name: letter.job_row.as_ref().map(|(file, _)| file.clone()),
            spreadsheet_row_number: letter.job_row.as_ref().map(|(_, row)| row + FIRST_ROW),
            upload_letter_file_name: letter.client_reference.clone().filter(|_| uploaded),
        };
        let told = Signed {
            body,
            service_callback_api_url: callback.url.clone(),
            service_callback_api_bearer_token: token,
        };
        let returned_letter_data = self.signer().sign(&told).map_err(anyhow::Error::from)?;
        Ok(Some(self.message(&SendReturnedLetter { returned_letter_data }, trace)?))
    }
}
