//! Files past their retention.

use domain::NotificationType;
use tracing::{error, info};

use super::rows::file_of;
use crate::{App, Error};

/// Jobs read at once.
const PAGE: i64 = 100;

impl App {
    /// Removes the files of these channels' jobs that are past their service's retention; the jobs
    /// stay. One that cannot be removed does not keep the others. Gives how many were removed.
    ///
    /// # Errors
    /// Database errors.
    pub async fn remove_job_files(&self, channels: &[NotificationType]) -> Result<usize, Error> {
        let today = self.clock().now().replace_time(time::Time::MIDNIGHT);
        let (mut after, mut removed) = (None, 0);
        loop {
            let db = self.db().await?;
            let page = store::jobs::list_outdated(&db, channels, today, after, PAGE).await?;
            drop(db);
            if page.is_empty() {
                return Ok(removed);
            }
            after = page.last().copied();
            for job in page {
                if let Err(error) = self.objects().delete(&file_of(job.service_id, job.id)).await {
                    error!(job.id = %job.id, error = %runtime::chain(&error), "the file stays");
                    continue;
                }
                store::jobs::archive(&self.db().await?, job.id, self.clock().now()).await?;
                info!(job.id = %job.id, "the job's file is removed");
                removed += 1;
            }
        }
    }
}
