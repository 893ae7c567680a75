//! Printers of letters.

use async_trait::async_trait;
use bytes::Bytes;
use uuid::Uuid;

use crate::Error;

/// One letter, ready to print.
#[derive(Clone)]
pub struct LetterToPrint<'a> {
    /// The notification's id. It comes back in the printer's callback, and a printer that has it
    /// already does not print it again.
    pub id: Uuid,
    /// The sixteen characters that name its files.
    pub reference: &'a str,
    /// The address, with line feeds between the lines.
    pub address: &'a str,
    /// How it is posted: `first`, `second`, `economy`, `europe` or `rest-of-world`.
    pub postage: &'static str,
    /// Whose letter it is.
    pub service: Uuid,
    /// The organisation of its service.
    pub organisation: Option<Uuid>,
    /// The file.
    pub pdf: Bytes,
}

/// Hands letters to one printer.
#[async_trait]
pub trait LetterPrinter: Send + Sync {
    /// The printer's identifier, as in the database.
    fn name(&self) -> &'static str;

    /// Hands over one letter and returns when the printer has it, also from an earlier call.
    ///
    /// # Errors
    /// [`Error`] when it has not. After a time-out the printer may have it all the same.
    async fn print(&self, letter: &LetterToPrint<'_>) -> Result<(), Error>;
}
