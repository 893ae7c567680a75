//! A file of recipients becomes notifications: how fast; and how soon and how completely when its
//! worker is killed, alone or together with the messages in the queues.
//!
//! Nothing is sent: nobody serves the queues for that.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use anyhow::ensure;
use domain::{Clock, JobId, TemplateId};
use providers::objects::{Bucket, Metadata, Objects, ObjectsConfig};
use queue::{Broker, BrokerConfig, Envelope, Source, Trace, survey};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tasks::{
    ProcessJob,
    queues::{DATABASE, JOBS},
};
use testkit::TestService;

use crate::{Bench, PATIENCE, rows, worker::Worker};

/// Those that make notifications of rows, and those that look after jobs.
const ROLES: &str = "jobs,periodic";
/// How long the servers may take to see that a killed process is gone.
const NOTICE: Duration = Duration::from_millis(200);

/// What beat starts every few minutes.
const LOOKING_AFTER: [&str; 2] = ["check-job-status", "check-for-missing-rows-in-completed-jobs"];

/// Half an hour later, a job that has not ended is resumed, and rows that are missing are looked for.
const HALF_AN_HOUR_LATER: &str = "UPDATE jobs
       SET processing_started = processing_started - interval '31 minutes',
           processing_finished = processing_finished - interval '31 minutes',
           updated_at = updated_at - interval '31 minutes'
     WHERE id = $1";

/// When a worker is killed.
#[derive(Clone, Copy)]
enum Moment {
    /// So long after it has begun to queue the rows.
    Queuing(Duration),
    /// When so many of them are stored.
    Storing(i64),
}

/// Measures one job undisturbed, and one for each misfortune.
pub async fn measure(bench: &Bench) -> anyhow::Result<()> {
    rows::settle(&bench.db).await?;
    let jobs = Jobs::prepare(bench).await?;
    let queued = jobs.undisturbed().await?;
    let seed = bench.args.seed.unwrap_or_else(rand::random);
    println!("the moments at which workers are killed: --seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    for are_messages_lost in [false, true] {
        let queuing = Duration::from_secs_f64(queued * random.random_range(0.0..0.8));
        let storing = random.random_range(0..=i64::from(jobs.rows) * 4 / 5);
        for moment in [Moment::Queuing(queuing), Moment::Storing(storing)] {
            jobs.killed(moment, are_messages_lost).await?;
        }
    }
    jobs.broker.close().await;
    Ok(())
}

struct Jobs<'a> {
    bench: &'a Bench,
    clock: Clock,
    broker: Broker,
    objects: Objects,
    service: TestService,
    template: TemplateId,
    rows: i32,
}

/// How far a job is.
struct Progress {
    status: String,
    stored: i64,
}

impl<'a> Jobs<'a> {
    async fn prepare(bench: &'a Bench) -> anyhow::Result<Self> {
        let rows = bench.args.job_rows;
        let service = testkit::service(&bench.db).live().sms_limit(10 * i64::from(rows));
        let service = service.create().await;
        let template = testkit::template(&bench.db, &service).sms("Hello ((name))").create().await;
        let mut config = BrokerConfig::new(bench.broker.as_str());
        config.queue_prefix.clone_from(&bench.prefix);
        let clock = Clock::system();
        let (time, ids) = (clock.clone(), clock.clone());
        let source = Source::new(move || time.now(), move || ids.new_id());
        let broker = Broker::connect(&config, source).await;
        let folder = bench.objects.path().display().to_string();
        let objects = Objects::from_config(&ObjectsConfig::in_folder(&folder))?;
        Ok(Self { bench, clock, broker, objects, service, template, rows })
    }

    /// Takes the time from when a job is in progress until all its rows are stored. Returns the seconds
    /// until they were queued.
    async fn undisturbed(&self) -> anyhow::Result<f64> {
        let (worker, job) = (self.worker()?, self.start().await?);
        let begin = Instant::now();
        self.until(job, |now| now.status == "finished").await?;
        let queued = begin.elapsed().as_secs_f64();
        self.until(job, |now| now.stored == i64::from(self.rows)).await?;
        let stored = begin.elapsed().as_secs_f64();
        self.check(job).await?;
        println!(
            "job of {} rows: queued in {queued:.2} s, stored in {stored:.2} s: {:.0} rows a second; \
             the worker's peak memory {:.1} MiB",
            self.rows,
            f64::from(self.rows) / stored,
            worker.peak_mib()?
        );
        worker.end().await?;
        Ok(queued)
    }

    /// Kills the worker and starts another one. What the dead one had taken goes back into the queues;
    /// what is lost there is found by [`LOOKING_AFTER`].
    async fn killed(&self, moment: Moment, are_messages_lost: bool) -> anyhow::Result<()> {
        let (worker, job) = (self.worker()?, self.start().await?);
        match moment {
            Moment::Queuing(time) => tokio::time::sleep(time).await,
            Moment::Storing(rows) => self.until(job, |now| now.stored >= rows).await?,
        }
        worker.kill().await?;
        tokio::time::sleep(NOTICE).await;
        let before = self.progress(job).await?;
        ensure!(before.stored < self.rows.into(), "the job was done before its worker was killed");
        if are_messages_lost {
            self.lose_messages(job).await?;
        }
        let begin = Instant::now();
        let worker = self.worker()?;
        self.until(job, |now| now.stored > before.stored).await?;
        let resumed = begin.elapsed().as_secs_f64();
        self.until(job, |now| now.stored == i64::from(self.rows)).await?;
        let stored = begin.elapsed().as_secs_f64();
        self.check(job).await?;
        worker.end().await?;
        println!(
            "job whose worker was killed{} when it was {}, with {} of {} rows stored: resumed by \
             another one in {resumed:.2} s, all stored in {stored:.2} s, none lost, none doubled",
            if are_messages_lost { ", and whose messages were lost," } else { "" },
            before.status,
            before.stored,
            self.rows
        );
        Ok(())
    }

    fn worker(&self) -> anyhow::Result<Worker> {
        self.bench.worker(ROLES)
    }

    /// Uploads a file as the admin app does, has it processed, and waits until it is.
    async fn start(&self) -> anyhow::Result<JobId> {
        let (db, service, template) = (&self.bench.db, &self.service, self.template);
        let job = testkit::job(db, service, template, self.rows).create().await;
        let place = Bucket::CsvUpload.at(format!("service-{}-notify/{job}.csv", service.id));
        let metadata = [
            ("original_file_name", "people.csv".to_owned()),
            ("notification_count", self.rows.to_string()),
            ("template_id", template.to_string()),
            ("valid", "True".to_owned()),
        ];
        let metadata: Metadata =
            metadata.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.objects.put(&place, file(self.rows)?, &metadata).await?;
        let task = ProcessJob { job_id: job, sender_id: None };
        let message = Envelope::new(&task, self.clock.new_id(), &Trace::default())?;
        self.broker.publisher().publish(&message).await?;
        self.until(job, |now| now.status != "pending").await?;
        Ok(job)
    }

    /// Loses what waits in the queues, lets half an hour pass for the job, and asks for what beat would
    /// have asked for by then.
    async fn lose_messages(&self, job: JobId) -> anyhow::Result<()> {
        for queue in [JOBS, DATABASE] {
            self.bench.queues().purge(queue).await;
        }
        self.bench.db.execute(HALF_AN_HOUR_LATER, &[&job]).await?;
        for task in LOOKING_AFTER {
            self.bench.ask(&[task]).await?;
        }
        Ok(())
    }

    async fn until(&self, job: JobId, happened: impl Fn(&Progress) -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let begin = Instant::now();
            let now = self.progress(job).await?;
            if happened(&now) {
                return Ok(());
            }
            let Progress { status, stored } = now;
            ensure!(begin < deadline, "the job is {status}, with {stored} of {} rows", self.rows);
            // Looking must not slow down what is looked at.
            tokio::time::sleep(Duration::from_millis(5) + 10 * begin.elapsed()).await;
        }
    }

    async fn progress(&self, job: JobId) -> anyhow::Result<Progress> {
        let sql = "SELECT job_status, (SELECT count(*) FROM notifications WHERE job_id = jobs.id)
                     FROM jobs WHERE id = $1";
        let row = self.bench.db.query_one(sql, &[&job]).await?;
        Ok(Progress { status: row.try_get(0)?, stored: row.try_get(1)? })
    }

    /// Fails unless each row is one notification, also after all that was queued has been done.
    async fn check(&self, job: JobId) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while survey(&self.broker, &[JOBS, DATABASE])
            .await?
            .values()
            .any(|queue| queue.messages > 0)
        {
            ensure!(Instant::now() < deadline, "the queues do not get empty");
        }
        self.until(job, |now| now.status.starts_with("finished")).await?;
        let sql = "SELECT count(*), count(DISTINCT job_row_number), min(job_row_number),
                          max(job_row_number) FROM notifications WHERE job_id = $1";
        let row = self.bench.db.query_one(sql, &[&job]).await?;
        let (all, distinct): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let ends: (i32, i32) = (row.try_get(2)?, row.try_get(3)?);
        let rows = i64::from(self.rows);
        ensure!(
            (all, distinct, ends) == (rows, rows, (0, self.rows - 1)),
            "of {rows} rows: {all} notifications of {distinct} rows, from {} to {}",
            ends.0,
            ends.1
        );
        Ok(())
    }
}

/// A file of so many recipients.
fn file(rows: i32) -> anyhow::Result<String> {
    let mut text = "phone number,name\n".to_owned();
    for row in 0..rows {
        writeln!(text, "07700 9{:05},Ada {row}", row % 100_000)?;
    }
    Ok(text)
}
