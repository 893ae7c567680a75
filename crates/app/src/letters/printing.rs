//! One letter, on its way to the printer.

use domain::{KeyType, NotificationId, NotificationStatus};
use providers::objects::Object;
use queue::Attempt;
use store::{letters::Letter, notifications::ToSend};
use tracing::{error, warn};
use uuid::Uuid;

use crate::{App, Error, sending::Claimed};

/// A letter that is ours to print, with its file.
pub struct PrintableLetter {
    /// The letter.
    pub letter: Letter,
    /// Its claim.
    pub claimed: Box<ToSend>,
    /// The organisation of its service.
    pub organisation: Option<Uuid>,
    /// Its file; `None` when there is none.
    pub pdf: Option<Object>,
}

/// What became of an attempt to claim a letter.
pub enum ClaimedLetter {
    /// It is ours to print.
    Ours(Box<PrintableLetter>),
    /// Not now.
    Not(Claimed),
}

impl App {
    /// Claims a letter for printing, and reads its file.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such letter; database and object store errors.
    pub async fn claim_to_print(
        &self,
        id: NotificationId,
        attempt: &Attempt,
    ) -> Result<ClaimedLetter, Error> {
        let letter = store::letters::get(&self.db().await?, id).await?;
        if letter.status != NotificationStatus::Created {
            warn!(status = %letter.status, "the letter is not to be printed any more");
            return Ok(ClaimedLetter::Not(Claimed::Nothing));
        }
        if letter.key_type != KeyType::Normal {
            error!(key_type = %letter.key_type, "letters of such keys are not printed");
            return Ok(ClaimedLetter::Not(Claimed::Nothing));
        }
        let organisation =
            store::letters::organisation_of(&self.db().await?, letter.service_id).await?;
        let pdf = self.letter_pdf(&letter).await?;
        Ok(match self.claim_to_send(id, attempt).await? {
            Claimed::Ours(claimed) => ClaimedLetter::Ours(Box::new(PrintableLetter {
                letter,
                claimed,
                organisation,
                pdf,
            })),
            other => ClaimedLetter::Not(other),
        })
    }
}
