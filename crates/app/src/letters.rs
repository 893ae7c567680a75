//! Letters on their way to the printer (letters contract §1-2, §5).
//!
//! Each step is an answer of another app: a PDF was made, scanned, checked. An answer may come late,
//! twice, or after a run that died half way. What happened to the letter is compared with its status
//! ([`LetterEvent`]), and files are moved so that the next run can finish: copied before the letter
//! is changed, deleted after it. A letter that may be printed always has its PDF.

mod checked;
mod collated;
mod overdue;
mod printed;
mod printing;
mod rescued;
mod returned;
mod served;
mod typeset;
mod unscanned;

use anyhow::{Context, anyhow};
use domain::{
    KeyType, NotificationId, NotificationStatus, Permission,
    letter::{LetterEvent, file},
};
use providers::objects::{Bucket, Object, Place};
use queue::Trace;
use store::letters::{Change, Letter};
use time::OffsetDateTime;
use tracing::{error, info, warn};

use crate::{App, Error};

pub use collated::parse_deadline;
pub use printed::PrinterWord;
pub use printing::{ClaimedLetter, PrintableLetter};

/// Settings of letters.
#[derive(clap::Args, Clone, Debug)]
#[group(id = "letters")]
pub struct LettersConfig {
    /// Scan letters that come as PDFs for viruses: 0 has them checked unscanned, and only where
    /// NOTIFY_ENVIRONMENT is development
    #[arg(long, env = "ANTIVIRUS_ENABLED", default_value = "1")]
    pub antivirus_enabled: String,
    /// Have letters of test keys answered for as the printer would; 0 makes them delivered at once
    #[arg(long, env = "TEST_LETTERS_FAKE_DELIVERY", default_value = "1")]
    pub test_letters_fake_delivery: String,
}

/// Where files whose scan failed are set aside.
const SCAN_ERRORS: &str = "ERROR/";

impl App {
    /// Changes a letter as this event says. False when the letter is past the point where the event
    /// belongs.
    async fn happens(
        &self,
        letter: &Letter,
        event: LetterEvent,
        billable_units: Option<i32>,
    ) -> Result<bool, Error> {
        let (from, to) = event.transition(letter.key_type);
        let change = Change { from, to, at: self.clock().now(), billable_units, address: None };
        let changed = store::letters::change(&self.db().await?, letter.id, &change).await?;
        info!(notification.id = %letter.id, event = %event, changed, "{event}");
        Ok(changed)
    }

    /// The letter of this id ends in technical failure, unless it has gone on in the meantime.
    ///
    /// # Errors
    /// [`Error::NotFound`], and database errors.
    pub async fn give_up_letter(&self, id: NotificationId) -> Result<(), Error> {
        let letter = store::letters::get(&self.db().await?, id).await?;
        if self.happens(&letter, LetterEvent::GivenUp, None).await? {
            error!(notification.id = %id, "the letter is given up");
        }
        Ok(())
    }

    /// The letter whose file this is ends in technical failure, as [`App::give_up_letter`].
    ///
    /// # Errors
    /// As [`App::give_up_letter`].
    pub async fn give_up_letter_of(&self, filename: &str) -> Result<(), Error> {
        let letter = self.letter_of(filename).await?;
        self.give_up_letter(letter.id).await
    }

    /// The letter that a file in the scan bucket belongs to.
    async fn letter_of(&self, filename: &str) -> Result<Letter, Error> {
        let reference = file::reference(filename).context("the file's name holds no reference")?;
        let mut letters = store::letters::list_by_reference(&self.db().await?, reference).await?;
        match (letters.pop(), letters.len()) {
            (None, _) => Err(Error::NotFound),
            (Some(letter), 0) => Ok(letter),
            (Some(_), others) => Err(anyhow!(
                "there should be one letter for each reference, and there are {}",
                others + 1
            )
            .into()),
        }
    }

    /// A letter's PDF is clean: sends it on to be checked and sanitised.
    ///
    /// # Errors
    /// [`Error::NotFound`] when no letter has this file; database and broker errors.
    pub async fn send_for_sanitising(&self, filename: &str, trace: &Trace) -> Result<(), Error> {
        let letter = self.letter_of(filename).await?;
        if !LetterEvent::Passed.applies(letter.key_type, letter.status) {
            info!(notification.id = %letter.id, status = %letter.status, "already sanitised");
            return Ok(());
        }
        let task = tasks::letters::SanitiseAndUploadLetter {
            notification_id: letter.id,
            filename: filename.to_owned(),
            allow_international_letters: self.may_send_abroad(&letter).await?,
        };
        self.send(&task, trace).await
    }

    /// A virus was found in a letter's PDF.
    ///
    /// # Errors
    /// [`Error::NotFound`] when no letter has this file; database and object store errors.
    pub async fn virus_found(&self, filename: &str) -> Result<(), Error> {
        self.set_aside(filename, LetterEvent::VirusFound, "FAILURE/").await
    }

    /// A letter's PDF could not be scanned.
    ///
    /// # Errors
    /// As [`App::virus_found`].
    pub async fn scan_failed(&self, filename: &str) -> Result<(), Error> {
        self.set_aside(filename, LetterEvent::ScanFailed, SCAN_ERRORS).await
    }

    /// Moves a file within the scan bucket and ends its letter. A run that died between the two is
    /// finished by the next.
    async fn set_aside(
        &self,
        filename: &str,
        event: LetterEvent,
        folder: &str,
    ) -> Result<(), Error> {
        let letter = self.letter_of(filename).await?;
        if !event.applies(letter.key_type, letter.status) {
            info!(notification.id = %letter.id, status = %letter.status, "already settled");
            return Ok(());
        }
        let aside = Bucket::LettersScan.at(format!("{folder}{filename}"));
        let moved =
            self.objects().relocate(&Bucket::LettersScan.at(filename), &aside, None).await?;
        if !moved {
            warn!(notification.id = %letter.id, "the letter's file is in neither place");
        }
        if self.happens(&letter, event, Some(0)).await? {
            error!(notification.id = %letter.id, file = filename, "{event}");
        }
        Ok(())
    }

    /// The PDF of a letter, wherever it is now; `None` when there is none.
    ///
    /// # Errors
    /// Object store errors.
    pub async fn letter_pdf(&self, letter: &Letter) -> Result<Option<Object>, Error> {
        match self.objects().find(&pdf_prefix(letter)?).await? {
            Some(place) => Ok(self.objects().get(&place).await?),
            None => Ok(None),
        }
    }

    async fn may_send_abroad(&self, letter: &Letter) -> Result<bool, Error> {
        let account = self.account(letter.service_id).await?.ok_or(Error::NotFound)?;
        Ok(account.service.may(Permission::InternationalLetters))
    }
}

/// Where a letter's PDF is to be written, or has been unless its postage changed since.
pub(crate) fn pdf_place(letter: &Letter) -> Result<Place, Error> {
    let (bucket, folder) = pdf_folder(letter.status, letter.key_type, letter.created_at)?;
    let name = file::name(reference(letter)?, letter.postage, letter.created_at)
        .context("the letter's time cannot be written")?;
    Ok(bucket.at(folder + &name))
}

/// How the key of a letter's PDF begins, and in which bucket it is: files are looked up by this,
/// since the postage may have changed after the key was made (letters contract §0.4).
///
/// # Errors
/// [`Error::Internal`] when the letter has no reference.
pub fn pdf_prefix(letter: &Letter) -> Result<Place, Error> {
    let (bucket, folder) = pdf_folder(letter.status, letter.key_type, letter.created_at)?;
    Ok(bucket.at(folder + &file::prefix(reference(letter)?)))
}

/// The bucket and folder of a letter's PDF.
pub(crate) fn pdf_folder(
    status: NotificationStatus,
    key_type: KeyType,
    created_at: OffsetDateTime,
) -> Result<(Bucket, String), Error> {
    Ok(if status == NotificationStatus::ValidationFailed {
        (Bucket::InvalidPdf, String::new())
    } else if key_type == KeyType::Test {
        (Bucket::TestLetters, String::new())
    } else {
        let folder = file::folder(created_at).context("the letter is of no day")?;
        (Bucket::LettersPdf, folder)
    })
}

fn reference(letter: &Letter) -> Result<&str, Error> {
    Ok(letter.reference.as_deref().context("the letter has no reference")?)
}
