//! PDFs that came with their letter, checked and sanitised (letters contract §2.2).

use content::{country::Zone, postal_address::PostalAddress};
use domain::letter::{LetterEvent, Postage};
use providers::objects::{Bucket, Metadata};
use store::letters::{Address, Change, Letter};
use tasks::letters::{SanitisedLetter, ValidationStatus};
use tracing::{info, warn};

use super::{pdf_place, reference, typeset::sheets};
use crate::{App, Error};

impl App {
    /// Takes over what the check of a letter's PDF found. A letter whose files cannot be had ends in
    /// technical failure.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such letter; database and object store errors.
    pub async fn take_over_check(&self, check: &SanitisedLetter) -> Result<(), Error> {
        let letter = store::letters::get(&self.db().await?, check.notification_id).await?;
        let taken_over = match check.validation_status {
            ValidationStatus::Passed => self.passed(letter.clone(), check).await,
            ValidationStatus::Failed => self.refused(&letter, check).await,
        };
        if matches!(&taken_over, Err(Error::Internal(source)) if is_refusal(source)) {
            self.give_up_letter(letter.id).await?;
        }
        taken_over
    }

    /// A PDF that can be printed.
    async fn passed(&self, mut letter: Letter, check: &SanitisedLetter) -> Result<(), Error> {
        let (from, to) = LetterEvent::Passed.transition(letter.key_type);
        // An earlier run may have died after it changed the letter.
        let again = letter.status == to;
        if !again && !from.contains(&letter.status) {
            info!(status = %letter.status, "already settled");
            return Ok(());
        }
        let address = address(check.address.as_deref().unwrap_or_default(), letter.postage);
        letter.postage = address.postage;
        let sanitised = Bucket::LetterSanitise.at(&check.filename);
        let pdf = pdf_place(&letter)?;
        if !self.objects().copy(&sanitised, &pdf, None).await?
            && !self.objects().exists(&pdf).await?
        {
            if again {
                warn!("the letter's PDF is in neither place; it may have been printed long ago");
                return Ok(());
            }
            let reason = format!("{sanitised} is not there");
            return Err(providers::Error::Permanent { reason }.into());
        }
        if !again {
            let units = sheets(check.page_count.unwrap_or_default())?;
            let change = Change {
                from,
                to,
                at: self.clock().now(),
                billable_units: Some(units),
                address: Some(address),
            };
            if !store::letters::change(&self.db().await?, letter.id, &change).await? {
                info!("another has settled it meanwhile");
                return Ok(());
            }
        }
        self.objects().delete(&sanitised).await?;
        self.objects().delete(&Bucket::LettersScan.at(&check.filename)).await?;
        info!(reference = reference(&letter)?, again, "the letter's PDF has been sanitised");
        Ok(())
    }

    /// A PDF that cannot be printed.
    async fn refused(&self, letter: &Letter, check: &SanitisedLetter) -> Result<(), Error> {
        let (_, to) = LetterEvent::Refused.transition(letter.key_type);
        let again = letter.status == to;
        if !again && !LetterEvent::Refused.applies(letter.key_type, letter.status) {
            info!(status = %letter.status, "already settled");
            return Ok(());
        }
        let scanned = Bucket::LettersScan.at(&check.filename);
        let invalid = Bucket::InvalidPdf.at(&check.filename);
        let why = reasons(check);
        let copied = self.objects().copy(&scanned, &invalid, Some(&why)).await?;
        if !copied && !again && !self.objects().exists(&invalid).await? {
            let reason = format!("{scanned} is not there");
            return Err(providers::Error::Permanent { reason }.into());
        }
        if !again && !self.happens(letter, LetterEvent::Refused, Some(0)).await? {
            return Ok(());
        }
        self.objects().delete(&scanned).await?;
        Ok(())
    }
}

/// Whether the object store said no, or that there is nothing: trying again does not help then.
fn is_refusal(error: &anyhow::Error) -> bool {
    error.downcast_ref::<providers::Error>().is_some_and(providers::Error::is_permanent)
}

/// Where the letter goes. Abroad has a postage of its own; within the country the letter keeps the one
/// it was sent with.
fn address(text: &str, asked_for: Postage) -> Address {
    let postal = PostalAddress::new(text, true);
    let postage = match postal.zone() {
        Zone::UnitedKingdom => asked_for,
        Zone::Europe => Postage::Europe,
        Zone::RestOfWorld => Postage::RestOfWorld,
    };
    Address {
        to: text.to_owned(),
        normalised_to: text.split_whitespace().collect::<String>().to_lowercase(),
        postage,
        international: postage.is_international(),
    }
}

/// Why a PDF cannot be printed, as the admin app reads it beside the file (letters contract §0.5).
fn reasons(check: &SanitisedLetter) -> Metadata {
    let mut reasons = Metadata::new();
    let mut add = |name: &str, value: String| reasons.insert(name.to_owned(), value);
    if let Some(message) = check.message.as_ref().filter(|message| !message.is_empty()) {
        add("message", message.clone());
    }
    if let Some(pages) = check.invalid_pages.as_ref().filter(|pages| !pages.is_empty()) {
        let pages: Vec<String> = pages.iter().map(ToString::to_string).collect();
        add("invalid_pages", format!("[{}]", pages.join(", ")));
    }
    if let Some(pages) = check.page_count.filter(|pages| *pages > 0) {
        add("page_count", pages.to_string());
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_abroad_get_their_own_postage() {
        let lines = |last: &str| format!("A. Person\n1 Street\n{last}");
        for (last, expected) in [
            ("SW1A 1AA", Postage::First),
            ("France", Postage::Europe),
            ("Australia", Postage::RestOfWorld),
        ] {
            let address = address(&lines(last), Postage::First);
            assert_eq!(address.postage, expected);
            assert_eq!(address.international, expected != Postage::First);
            assert!(address.normalised_to.starts_with("a.person1street"));
        }
    }
}
