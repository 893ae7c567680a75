//! Files that email templates link to: those that nobody wants any more (tasks contract §3.7).

use providers::objects::Bucket;
use store::email_files;
use time::Duration;
use tracing::error;

use crate::{App, Error};

/// How long an upload may wait to be put into its template.
const PENDING: Duration = Duration::hours(24);
/// How long a file outlives its end: emails that link to it may still be on their way.
const KEPT: Duration = Duration::days(14);
/// How long it is tried to remove it.
const TRIED: Duration = Duration::days(3);
/// Files read at once.
const PAGE: i64 = 250;

impl App {
    /// Archives uploads that were not put into their template within a day. Returns how many.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn archive_pending_files(&self) -> Result<u64, Error> {
        let now = self.clock().now();
        Ok(email_files::archive_pending(&self.db().await?, now - PENDING, now).await?)
    }

    /// Removes files that were archived two weeks ago. One that cannot be removed keeps none of the
    /// others, and is tried again by the runs of three more days. Returns how many were removed.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn remove_archived_files(&self) -> Result<usize, Error> {
        let before = self.clock().now() - KEPT;
        let (mut after, mut removed) = (None, 0);
        loop {
            let db = self.db().await?;
            let page = email_files::list_archived(&db, before - TRIED, before, after, PAGE).await?;
            drop(db);
            let Some((_, last)) = page.last() else { return Ok(removed) };
            after = Some(*last);
            for (service, id) in page {
                let file = Bucket::TemplateEmailFiles.at(format!("{service}/{id}"));
                match self.objects().delete(&file).await {
                    Ok(()) => removed += 1,
                    Err(error) => {
                        error!(%file, error = %runtime::chain(&error), "the file stays");
                    }
                }
            }
        }
    }
}
