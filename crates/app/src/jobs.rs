//! Files of recipients (tasks contract §3.3, internal API contract §7).
//!
//! A job is queued in the order of its rows, in messages of a few rows each, and every row's
//! notification has an id that follows from the job and the row ([`domain::job::notification_of`]).
//! So a job that stopped anywhere is resumed by queuing every row that is no notification yet: what is
//! queued twice is saved once.

mod accept;
mod remove;
mod rows;
mod save;

pub use accept::{AcceptedJob, BulkFault, BulkRequest};
pub use save::RowToSave;
pub(crate) use save::new_reference;

use std::collections::HashSet;

use domain::{JobId, KeyType, job::JobStatus};
use queue::{Envelope, Trace};
use store::jobs::Job;
use tasks::{ProcessIncompleteJobs, ProcessJob};
use time::Duration;
use tracing::{error, info, warn};

use crate::{App, Error, outbox};

/// How long a job may be in progress.
const LONGEST_JOB: Duration = Duration::minutes(30);
/// How long the rows of a finished job may take to become notifications.
const LONGEST_SAVE: Duration = Duration::minutes(20);
/// How long missing rows are looked for.
const SEARCH: Duration = Duration::hours(24);
/// How long rows that were queued again are left alone: they may wait behind many others.
const REST: Duration = Duration::hours(1);
/// How soon after its end a job may be complete.
const SOONEST: Duration = Duration::minutes(1);
/// Jobs taken at once.
const PAGE: i64 = 100;

impl App {
    /// Queues the rows of a pending job. One that a worker died over is resumed; any other that is not
    /// pending is left alone.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such job; database, object store and broker errors. The
    /// job is then resumed later.
    pub async fn process_job(
        &self,
        id: JobId,
        sender: Option<&str>,
        redelivered: bool,
        trace: &Trace,
    ) -> Result<(), Error> {
        let job = store::jobs::get(&self.db().await?, id).await?;
        let resumed = redelivered && job.status == JobStatus::InProgress;
        let now = self.clock().now();
        if !resumed
            && !store::jobs::begin(&self.db().await?, id, &[JobStatus::Pending], now).await?
        {
            info!(job.status = %job.status, "the job is not pending");
            return Ok(());
        }
        let account = self.account(job.service_id).await?.ok_or(Error::NotFound)?;
        let template =
            self.template_version(job.service_id, job.template_id, job.template_version).await?;
        let limit = template.template_type.into();
        let rows = i64::from(job.notification_count);
        if !resumed
            && !job.is_counted
            && account.service.active
            && !self.0.limits.has_room_for(&account.service, KeyType::Normal, limit, rows).await
        {
            info!(rows, "the job has more rows than its service may send messages today");
            return self.end_job(&job, JobStatus::LimitsExceeded).await;
        }
        let saved = if resumed { self.saved_rows(id).await? } else { HashSet::new() };
        self.queue_all_rows(&job, sender, &saved, trace).await
    }

    /// Queues the rows of jobs that stopped half way. One that cannot be resumed does not keep the
    /// others waiting.
    ///
    /// # Errors
    /// Database errors.
    pub async fn resume_jobs(&self, ids: &[JobId], trace: &Trace) -> Result<(), Error> {
        let resumable = [JobStatus::Error, JobStatus::InProgress, JobStatus::Pending];
        let mut resumed = Vec::new();
        for id in ids {
            let (db, now) = (self.db().await?, self.clock().now());
            if store::jobs::begin(&db, *id, &resumable, now).await? {
                resumed.push(*id);
            }
        }
        for id in resumed {
            if let Err(error) = self.resume_job(id, trace).await {
                error!(job.id = %id, error = %runtime::chain(&error), "the job was not resumed");
            }
        }
        Ok(())
    }

    async fn resume_job(&self, id: JobId, trace: &Trace) -> Result<(), Error> {
        let job = store::jobs::get(&self.db().await?, id).await?;
        let saved = self.saved_rows(id).await?;
        info!(job.id = %id, saved = saved.len(), "resuming the job");
        self.queue_all_rows(&job, None, &saved, trace).await
    }

    /// Queues the rows that are not saved, and ends the job's work.
    async fn queue_all_rows(
        &self,
        job: &Job,
        sender: Option<&str>,
        saved: &HashSet<i32>,
        trace: &Trace,
    ) -> Result<(), Error> {
        let account = self.account(job.service_id).await?.ok_or(Error::NotFound)?;
        if !account.service.active {
            warn!(service.id = %job.service_id, "the job's service is no longer in use");
            return self.end_job(job, JobStatus::Cancelled).await;
        }
        let ends = match self.queue_rows(job, sender, saved, trace).await? {
            Some(queued) => {
                info!(job.id = %job.id, queued, "the job's rows are queued");
                JobStatus::Finished
            }
            None => JobStatus::Error,
        };
        self.end_job(job, ends).await
    }

    async fn end_job(&self, job: &Job, status: JobStatus) -> Result<(), Error> {
        let now = self.clock().now();
        Ok(store::jobs::end(&self.db().await?, job.id, status, now).await?)
    }

    async fn saved_rows(&self, id: JobId) -> Result<HashSet<i32>, Error> {
        Ok(store::jobs::saved_rows(&self.db().await?, id).await?.into_iter().collect())
    }

    /// Starts the jobs whose time has come; gives how many.
    ///
    /// # Errors
    /// Database errors.
    pub async fn run_scheduled_jobs(&self, trace: &Trace) -> Result<usize, Error> {
        let mut started = 0;
        loop {
            let (mut db, now) = (self.db().await?, self.clock().now());
            let tx = db.transaction().await.map_err(store::Error::from)?;
            let ids = store::jobs::take_scheduled(&tx, now, PAGE).await?;
            if ids.is_empty() {
                return Ok(started);
            }
            let task =
                |id: &JobId| self.message(&ProcessJob { job_id: *id, sender_id: None }, trace);
            let messages: Vec<Envelope> = ids.iter().map(task).collect::<Result<_, _>>()?;
            self.commit_with(tx, &messages).await?;
            started += ids.len();
        }
    }

    /// Has jobs resumed that began half an hour ago and have not ended; gives how many.
    ///
    /// # Errors
    /// Database errors.
    pub async fn resume_stuck_jobs(&self, trace: &Trace) -> Result<usize, Error> {
        let mut found = 0;
        loop {
            let (mut db, now) = (self.db().await?, self.clock().now());
            let tx = db.transaction().await.map_err(store::Error::from)?;
            let job_ids = store::jobs::take_stuck(&tx, now - LONGEST_JOB, now, PAGE).await?;
            if job_ids.is_empty() {
                return Ok(found);
            }
            found += job_ids.len();
            warn!(jobs = job_ids.len(), "jobs have stopped half way; they are resumed");
            let message = self.message(&ProcessIncompleteJobs { job_ids }, trace)?;
            self.commit_with(tx, &[message]).await?;
        }
    }

    /// Marks the jobs that ended a minute to twenty minutes ago and whose rows are all notifications.
    ///
    /// # Errors
    /// Database errors.
    pub async fn complete_recent_jobs(&self) -> Result<u64, Error> {
        let now = self.clock().now();
        let db = self.db().await?;
        Ok(store::jobs::complete(&db, now - LONGEST_SAVE, now - SOONEST, now).await?)
    }

    /// The same for those that ended up to a day ago; and queues the missing rows of the others, once an
    /// hour. Gives how many rows that were.
    ///
    /// # Errors
    /// Database, object store and broker errors.
    pub async fn queue_missing_rows(&self, trace: &Trace) -> Result<usize, Error> {
        let now = self.clock().now();
        let (from, before) = (now - SEARCH, now - LONGEST_SAVE);
        store::jobs::complete(&self.db().await?, from, before, now).await?;
        let (mut after, mut queued) = (None, 0);
        loop {
            let db = self.db().await?;
            let page =
                store::jobs::list_with_missing_rows(&db, from, before, now - REST, after, PAGE)
                    .await?;
            drop(db);
            let Some(last) = page.last() else { return Ok(queued) };
            after = Some(last.id);
            for job in &page {
                match self.queue_rows_of(job, trace).await {
                    Ok(rows) => queued += rows,
                    Err(error) => error!(job.id = %job.id, error = %runtime::chain(&error),
                                         "the job's missing rows were not queued"),
                }
            }
        }
    }

    async fn queue_rows_of(&self, job: &Job, trace: &Trace) -> Result<usize, Error> {
        let saved = self.saved_rows(job.id).await?;
        let queued = self.queue_rows(job, None, &saved, trace).await?.unwrap_or_default();
        store::jobs::touch(&self.db().await?, job.id, self.clock().now()).await?;
        warn!(job.id = %job.id, queued, "rows were missing; they are queued again");
        Ok(queued)
    }

    /// Commits, with messages that follow from what is committed.
    pub(crate) async fn commit_with(
        &self,
        tx: store::pool::Transaction<'_>,
        messages: &[Envelope],
    ) -> Result<(), Error> {
        let rows = messages.iter().map(|message| outbox::row(message, self.clock(), None));
        let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
        store::outbox::insert(&tx, &rows).await?;
        tx.commit().await.map_err(store::Error::from)?;
        Ok(())
    }
}
