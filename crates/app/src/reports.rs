//! Reports that people ask for: a service's messages as a file (tasks contract §3.12).
//!
//! A worker takes a report for five minutes and says with every page that it still has it. One that
//! falls silent has died, and the message that the broker delivers again takes the report from it. So a
//! report is written once, whatever happens to its worker, and two workers never end the same one.

mod file;

use domain::{ReportRequestId, ServiceId, report::ReportStatus};
use providers::objects::{Bucket, Place, Upload};
use store::reports::{self, Held, Wanted};
use time::Duration;
use tracing::error;

use crate::{App, Error, days};

/// Messages read at once.
const PAGE: i64 = 2500;
/// How long a worker may be silent before it is thought dead. Far longer than a page takes.
const LEASE: Duration = Duration::minutes(5);
/// Between these ages, a report goes.
const OLD: Duration = Duration::days(1);
const OLDEST: Duration = Duration::days(5);
/// Reports that go at once.
const BATCH: i64 = 250;

/// What came of a task that asks for a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored, with so many messages in it.
    Stored(u64),
    /// It is over and done with.
    Over(ReportStatus),
    /// Another worker has it, unless that falls silent for as long as this.
    Elsewhere(Duration),
}

impl App {
    /// Writes a report that waits, or whose worker has died.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the service has no such report. After any other error it has failed; or
    /// its lease runs out, when the database did not even take that.
    pub async fn write_report(
        &self,
        service_id: ServiceId,
        id: ReportRequestId,
    ) -> Result<Outcome, Error> {
        let now = self.clock().now();
        let mut held = Held { service_id, id, since: now };
        let db = self.db().await?;
        if !reports::claim(&db, &held, now - LEASE).await? {
            let (status, since) = reports::get_status(&db, service_id, id).await?;
            return Ok(match status {
                ReportStatus::InProgress => Outcome::Elsewhere(since + LEASE - now),
                status => Outcome::Over(status),
            });
        }
        drop(db);
        let written = self.write_held(&mut held).await;
        let status = if written.is_ok() { ReportStatus::Stored } else { ReportStatus::Failed };
        match (written, self.set_report(&mut held, status).await) {
            (Ok(Some(rows)), Ok(true)) => Ok(Outcome::Stored(rows)),
            // Lost to another worker, which writes all of it again.
            (Ok(_), Ok(_)) => Ok(Outcome::Elsewhere(LEASE)),
            (Ok(_), Err(error)) | (Err(error), Ok(_)) => Err(error),
            (Err(first), Err(second)) => {
                error!(error = %runtime::chain(&second), "the report stays in progress");
                Err(first)
            }
        }
    }

    /// Writes the file; `None` when the report was lost to another worker. Returns how many messages.
    async fn write_held(&self, held: &mut Held) -> Result<Option<u64>, Error> {
        let wanted = reports::get_wanted(&self.db().await?, held.service_id, held.id).await?;
        let mut upload = self.objects().upload(&file_of(held.id)).await?;
        let written = self.write_rows(held, &wanted, &mut upload).await;
        match written {
            Ok(Some(_)) => upload.finish().await?,
            _ => {
                if let Err(error) = upload.abort().await {
                    error!(error = %runtime::chain(&error), "the report's beginning stays");
                }
            }
        }
        written
    }

    async fn write_rows(
        &self,
        held: &mut Held,
        wanted: &Wanted,
        upload: &mut Upload,
    ) -> Result<Option<u64>, Error> {
        let kept = u16::try_from(wanted.days).unwrap_or_default();
        let from = days::ago(self.clock(), kept)?.start;
        let (mut last, mut rows) = (None, 0);
        upload.append(file::header()).await?;
        loop {
            let db = self.db().await?;
            let after = last.as_ref();
            let page = reports::list_rows(&db, held.service_id, wanted, from, after, PAGE).await?;
            drop(db);
            if page.is_empty() {
                return Ok(Some(rows));
            }
            rows += page.len() as u64;
            upload.append(file::page(&page, wanted.channel)).await?;
            if !self.set_report(held, ReportStatus::InProgress).await? {
                return Ok(None);
            }
            last = page.into_iter().next_back();
        }
    }

    async fn set_report(&self, held: &mut Held, status: ReportStatus) -> Result<bool, Error> {
        let now = self.clock().now();
        let is_ours = reports::set_status(&self.db().await?, held, status, now).await?;
        held.since = now;
        Ok(is_ours)
    }

    /// Gives a report up whose worker was cut short.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn give_up_report(
        &self,
        service_id: ServiceId,
        id: ReportRequestId,
    ) -> Result<(), Error> {
        let now = self.clock().now();
        Ok(reports::give_up(&self.db().await?, service_id, id, now).await?)
    }

    /// Removes the files of reports of one to five days ago. One that cannot be removed keeps none of
    /// the others. Returns how many reports have gone.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn delete_old_reports(&self) -> Result<u64, Error> {
        let now = self.clock().now();
        let (mut after, mut deleted) = (None, 0);
        loop {
            let db = self.db().await?;
            let page = reports::list_outdated(&db, now - OLDEST, now - OLD, after, BATCH).await?;
            drop(db);
            let Some(last) = page.last() else { return Ok(deleted) };
            after = Some(*last);
            let mut gone = Vec::new();
            for id in page {
                match self.objects().delete(&file_of(id)).await {
                    Ok(()) => gone.push(id),
                    Err(error) => error!(
                        report.id = %id, error = %runtime::chain(&error), "the report stays"
                    ),
                }
            }
            deleted += reports::set_deleted(&self.db().await?, &gone, now).await?;
        }
    }
}

fn file_of(id: ReportRequestId) -> Place {
    Bucket::ReportRequests.at(format!("notifications_report/{id}.csv"))
}
