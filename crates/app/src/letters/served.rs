//! A letter's PDF as its service gets it (letters contract §7.1).

use bytes::Bytes;
use domain::{NotificationId, NotificationStatus, NotificationType};
use tracing::{info, warn};

use crate::{App, Caller, Error};

impl App {
    /// The PDF of one of the caller's letters. Another key of the same service may read it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the service has no such notification, or it is archived; then
    /// [`Error::NotALetter`], [`Error::VirusInLetter`], [`Error::NoPdf`]; [`Error::PdfNotReady`] when
    /// the PDF is not there yet or cannot be had now.
    pub async fn served_pdf(&self, caller: &Caller, id: NotificationId) -> Result<Bytes, Error> {
        let db = self.db().await?;
        let found = store::notifications::get(&db, caller.service().id, id).await?;
        if found.notification_type != NotificationType::Letter {
            return Err(Error::NotALetter);
        }
        let letter = store::letters::get(&db, id).await?;
        drop(db); // the object store may be slow
        if letter.key_type != caller.key_type {
            info!(notification.id = %id, key_type = %letter.key_type, "read with another type of key");
        }
        match letter.status {
            NotificationStatus::VirusScanFailed => return Err(Error::VirusInLetter),
            NotificationStatus::TechnicalFailure => return Err(Error::NoPdf(letter.status)),
            NotificationStatus::PendingVirusCheck => return Err(Error::PdfNotReady),
            _ => {}
        }
        match self.letter_pdf(&letter).await {
            Ok(Some(pdf)) => Ok(pdf.body),
            Ok(None) => Err(Error::PdfNotReady),
            Err(error) => {
                warn!(notification.id = %id, error = %runtime::chain(&error), "no PDF can be had");
                Err(Error::PdfNotReady)
            }
        }
    }
}
