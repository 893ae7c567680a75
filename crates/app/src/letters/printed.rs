//! What the printer says (letters contract §6.5).

use domain::{NotificationId, letter::LetterEvent, london};
use queue::Trace;
use store::letters::PrintReceipt;
use tasks::letters::{CreateFakeLetterCallback, ProcessLetterCallback};
use time::Date;
use tracing::{error, info};

use crate::{App, Error};

/// The printer's word for what became of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "UPPERCASE")]
pub enum PrinterWord {
    /// It was posted.
    Despatched,
    /// It cannot be printed.
    Rejected,
}

impl App {
    /// Applies what the printer says of a letter, live or archived. Said twice it changes nothing
    /// more. False when the letter is past the point where that belongs.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such letter; database errors.
    pub async fn apply_print_receipt(
        &self,
        id: NotificationId,
        word: PrinterWord,
        sheets: Option<i32>,
        despatch: Option<(Date, &str)>,
    ) -> Result<bool, Error> {
        let letter = store::letters::get_anywhere(&self.db().await?, id).await?;
        if word == PrinterWord::Despatched
            && let Some(sheets) = sheets.filter(|sheets| *sheets != letter.billable_units)
        {
            let billed = letter.billable_units;
            error!(billed, sheets, "the printer has counted other sheets than we");
        }
        let event = match word {
            PrinterWord::Despatched => LetterEvent::Despatched,
            PrinterWord::Rejected => LetterEvent::Rejected,
        };
        let (from, to) = event.transition(letter.key_type);
        let despatch = despatch.filter(|_| word == PrinterWord::Despatched);
        let receipt = PrintReceipt { from, to, at: self.clock().now(), despatch };
        let db = self.db().await?;
        let changed = store::letters::apply_print_receipt(&db, id, &receipt).await?;
        if !changed {
            info!(status = %letter.status, "repeated or late word of the printer");
        }
        Ok(changed)
    }

    /// Has a letter of a test key answered for as the printer would.
    ///
    /// # Errors
    /// Broker and database errors.
    pub async fn play_printer(
        &self,
        asked: &CreateFakeLetterCallback,
        trace: &Trace,
    ) -> Result<(), Error> {
        let today = london::local(self.clock().now()).map(|local| local.date().to_string());
        let answer = ProcessLetterCallback {
            notification_id: asked.notification_id,
            page_count: Some(asked.billable_units),
            dvla_status: PrinterWord::Despatched.to_string(),
            cost_threshold: Some("unsorted".to_owned()),
            despatch_date: today,
        };
        let message = self.message(&answer, trace)?;
        self.enqueue(message.on(tasks::queues::RESEARCH_MODE)).await
    }
}
