//! Letters whose scan failed, taken up again by an operator (letters contract §5.2).

use std::pin::pin;

use domain::letter::LetterEvent;
use futures_util::TryStreamExt;
use providers::objects::Bucket;
use queue::Trace;
use tasks::letters::ScanFile;
use tracing::{info, warn};

use super::SCAN_ERRORS;
use crate::{App, Error};

impl App {
    /// Has the files scanned again whose scan failed, and lets their letters wait for it: one file, or
    /// all. What cannot be taken up stays where it is. Gives how many were.
    ///
    /// # Errors
    /// Object store errors.
    pub async fn rescue_failed_scans(
        &self,
        filename: Option<&str>,
        trace: &Trace,
    ) -> Result<usize, Error> {
        let prefix = format!("{SCAN_ERRORS}{}", filename.unwrap_or_default());
        // What is moved away while it is listed would confuse some stores.
        let listed = self.objects().list(&Bucket::LettersScan.at(prefix)).await?;
        let mut files = Vec::new();
        let mut listed = pin!(listed);
        while let Some(file) = listed.try_next().await? {
            files.push(file.place.key);
        }
        let mut rescued = 0;
        for key in files {
            let name = key.strip_prefix(SCAN_ERRORS).unwrap_or(&key);
            match self.rescue(name, trace).await {
                Ok(true) => rescued += 1,
                Ok(false) => warn!(file = name, "its letter does not wait for a scan"),
                Err(error) => warn!(file = name, error = %runtime::chain(&error), "it stays"),
            }
        }
        Ok(rescued)
    }

    /// The letter first, then its file, then the scan: whoever dies on the way leaves what another run,
    /// or the task that looks after waiting letters, takes up.
    async fn rescue(&self, filename: &str, trace: &Trace) -> Result<bool, Error> {
        let letter = self.letter_of(filename).await?;
        let waits = LetterEvent::Passed.applies(letter.key_type, letter.status);
        if !waits && !self.happens(&letter, LetterEvent::ScanRepeated, None).await? {
            return Ok(false);
        }
        let aside = Bucket::LettersScan.at(format!("{SCAN_ERRORS}{filename}"));
        self.objects().relocate(&aside, &Bucket::LettersScan.at(filename), None).await?;
        self.send(&ScanFile { filename: filename.to_owned() }, trace).await?;
        info!(notification.id = %letter.id, file = filename, "its file is scanned again");
        Ok(true)
    }
}
