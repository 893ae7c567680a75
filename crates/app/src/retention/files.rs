//! The PDFs of letters that go.

use std::collections::HashSet;

use domain::letter::file;
use futures_util::{StreamExt, TryStreamExt};
use providers::objects::{Bucket, Listed, Place};
use store::retention::Leaving;
use time::{Duration, OffsetDateTime};
use tracing::{error, info, warn};

use crate::{App, Error, days, letters};

/// PDFs that are removed at the same time.
const AT_ONCE: usize = 16;
/// Files that are looked up at once.
const PAGE: usize = 1000;
/// The longest period for which a service may keep its letters.
const LONGEST_DAYS: u16 = 90;
/// How many days the sweep looks at: as many runs may be skipped.
const SWEPT_DAYS: u16 = 7;

impl App {
    /// Removes the PDFs of letters that are completed. One that is not there, or that the store does
    /// not let go, keeps nobody: [`App::sweep_letter_files`] finds what stays.
    pub(super) async fn remove_pdfs(&self, letters: &[Leaving]) {
        let completed = letters.iter().filter(|letter| letter.status.is_completed());
        futures_util::stream::iter(completed)
            .for_each_concurrent(AT_ONCE, async |letter| match self.remove_pdf(letter).await {
                Ok(true) => {}
                Ok(false) => warn!(notification.id = %letter.id, "the letter has no PDF"),
                Err(error) => error!(
                    notification.id = %letter.id,
                    error = %runtime::chain(&error),
                    "the letter's PDF stays"
                ),
            })
            .await;
    }

    async fn remove_pdf(&self, letter: &Leaving) -> Result<bool, Error> {
        let Some(reference) = &letter.reference else { return Ok(false) };
        let (bucket, folder) =
            letters::pdf_folder(letter.status, letter.key_type, letter.created_at)?;
        let prefix = bucket.at(folder + &file::prefix(reference));
        let Some(place) = self.objects().find(&prefix).await? else { return Ok(false) };
        self.objects().delete(&place).await?;
        Ok(true)
    }

    /// Removes PDFs that outlived their letters because the store did not let them go: those older
    /// than any retention that no live letter owns. Returns how many.
    ///
    /// # Errors
    /// Database and object store errors. What was removed until then stays removed.
    pub async fn sweep_letter_files(&self) -> Result<usize, Error> {
        let mut swept = 0;
        for back in 1..=SWEPT_DAYS {
            let day = days::ago(self.clock(), LONGEST_DAYS + back)?.date;
            swept += self.sweep(&Bucket::LettersPdf.at(format!("{day}/")), None).await?;
        }
        // These have no folders.
        let before = self.clock().now() - Duration::days((LONGEST_DAYS + 1).into());
        for bucket in [Bucket::TestLetters, Bucket::InvalidPdf] {
            swept += self.sweep(&bucket.at("NOTIFY."), Some(before)).await?;
        }
        Ok(swept)
    }

    async fn sweep(&self, from: &Place, before: Option<OffsetDateTime>) -> Result<usize, Error> {
        let is_old = |file: &Listed| {
            before.is_none_or(|before| file.written_at.is_some_and(|written| written < before))
        };
        let files = self.objects().list(from).await?;
        let old = files.try_filter(|file| std::future::ready(is_old(file)));
        let mut pages = std::pin::pin!(old.try_chunks(PAGE));
        let mut swept = 0;
        while let Some(page) = pages.next().await {
            swept += self.sweep_page(&page.map_err(|error| error.1)?).await?;
        }
        Ok(swept)
    }

    async fn sweep_page(&self, page: &[Listed]) -> Result<usize, Error> {
        let named: Vec<(&Place, &str)> = page
            .iter()
            .filter_map(|file| Some((&file.place, file::reference(&file.place.key)?)))
            .collect();
        let references: Vec<&str> = named.iter().map(|(_, reference)| *reference).collect();
        let live = store::retention::live_references(&self.db().await?, &references).await?;
        let live: HashSet<String> = live.into_iter().collect();
        let mut swept = 0;
        for (place, _) in named.iter().filter(|(_, reference)| !live.contains(*reference)) {
            self.objects().delete(place).await?;
            info!(file = %place, "a PDF without a letter is removed");
            swept += 1;
        }
        Ok(swept)
    }
}
