//! The night on a realistic database: finding work, a day's statistics and bills beside one bare
//! grouped pass for each over the same rows, retention's archive beside a bare move, the worker's
//! memory, PostgreSQL's temporary files; and a job of many rows, undisturbed and with its worker killed.
//!
//! The database is one of its own on the tests' server, and goes when this ends. The workers are
//! processes of the `postroom` beside this program, and are told what to do as an operator would.

mod archive;
mod facts;
mod job;
mod rows;
mod worker;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use clap::Parser;
use domain::{Clock, london::Day};
use store::sql_time::to_column;
use tempfile::TempDir;
use testkit::{Database, Queues, process};
use tokio::process::Command;
use tokio_postgres::Client;

use rows::{Services, Span, Table};
use worker::Worker;

/// Measures the night's work
#[derive(Parser)]
struct Args {
    /// Rows in `notifications`
    #[arg(long, default_value_t = 1_000_000)]
    notifications: i64,
    /// Rows in `notification_history`
    #[arg(long, default_value_t = 5_000_000)]
    history: i64,
    /// Services, of heavy-tailed size
    #[arg(long, default_value_t = 200)]
    services: i32,
    /// Over how many days the rows are spread
    #[arg(long, default_value_t = 10)]
    days: u16,
    /// Rows that are archived
    #[arg(long, default_value_t = 1_000_000)]
    archive: i64,
    /// Rows of each job
    #[arg(long, default_value_t = 100_000)]
    job_rows: i32,
    /// Decides when workers are killed, at random otherwise
    #[arg(long)]
    seed: Option<u64>,
}

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(900);
/// The most memory that a worker of the night may need.
const PEAK_MIB: f64 = 64.0;

struct Bench {
    args: Args,
    database: Database,
    db: Client,
    services: Services,
    /// The last day of the rows.
    last: Day,
    prefix: String,
    broker: String,
    redis: String,
    objects: TempDir,
    /// The limits that were not kept.
    broken: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut bench = Bench::start(Args::parse()).await?;
    let measured = bench.measure().await;
    bench.queues().delete().await;
    bench.database.close().await;
    measured
}

impl Bench {
    async fn start(args: Args) -> anyhow::Result<Self> {
        let database = Database::create().await;
        let (db, connection) = database.config().connect(tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        db.batch_execute("SET statement_timeout = 0").await?;
        let variable = |name| std::env::var(name).context("see deploy/local/bench-night");
        let (server, vhosts) =
            (variable("POSTROOM_TEST_BROKER_URL")?, variable("POSTROOM_TEST_VHOSTS")?);
        let vhost = vhosts.split(',').next().unwrap_or_default();
        let bench = Self {
            services: rows::services(&db, args.services).await,
            args,
            database,
            db,
            last: Day::ago(Clock::system().now(), 1).context("no such day")?,
            prefix: testkit::unique("bench-night-"),
            broker: format!("{}/{vhost}", server.trim_end_matches('/')),
            redis: variable("POSTROOM_TEST_REDIS_URL")?,
            objects: TempDir::new()?,
            broken: Vec::new(),
        };
        bench.fill().await?;
        Ok(bench)
    }

    async fn fill(&self) -> anyhow::Result<()> {
        let begin = Instant::now();
        let Args { notifications, history, services, days, .. } = self.args;
        let span = Span { end: to_column(self.last.end), days };
        self.services.fill(&self.db, Table::Live, notifications, span).await?;
        self.services.fill(&self.db, Table::History, history, span).await?;
        rows::settle(&self.db).await?;
        println!(
            "{notifications} notifications, {history} of history, {services} services, {days} days: \
             generated in {:.0} s",
            begin.elapsed().as_secs_f64()
        );
        Ok(())
    }

    async fn measure(&mut self) -> anyhow::Result<()> {
        facts::measure(self).await?;
        archive::measure(self).await?;
        job::measure(self).await?;
        ensure!(self.broken.is_empty(), "over their limits:\n{}", self.broken.join("\n"));
        Ok(())
    }

    /// Prints what was measured beside its limit. What is over it fails this program, but not before
    /// the rest is measured.
    fn judge(&mut self, what: &str, measured: f64, limit: f64, unit: &str) {
        let (is_kept, figures) = (measured <= limit, format!("{measured:.2} of {limit:.2} {unit}"));
        println!("{} {what}: {figures}", if is_kept { "[within]" } else { "[OVER]" });
        if !is_kept {
            self.broken.push(format!("{what}: {figures}"));
        }
    }

    /// Starts a worker with these roles.
    fn worker(&self, roles: &str) -> anyhow::Result<Worker> {
        Worker::start(self.postroom(&["worker", "--role", roles])?)
    }

    /// Asks for a task of the night as an operator does.
    async fn ask(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let asked = self.postroom(&["night", "run"])?.args(arguments).status().await?;
        ensure!(asked.success(), "night run {}: {asked}", arguments.join(" "));
        Ok(())
    }

    fn postroom(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let program: PathBuf = std::env::current_exe()?.with_file_name("postroom");
        let mut command = process::command(&program.to_string_lossy());
        command
            .args(arguments)
            .env("SQLALCHEMY_DATABASE_URI", self.database.url())
            .env("CELERY_BROKER_URL", &self.broker)
            .env("NOTIFICATION_QUEUE_PREFIX", &self.prefix)
            .env("REDIS_URL", &self.redis)
            .env("POSTROOM_REDIS_KEY_PREFIX", &self.prefix)
            .env("POSTROOM_OBJECTS", self.objects.path())
            // Each letter would be a warning: none has a PDF.
            .env("NOTIFY_LOG_LEVEL", "ERROR")
            .env("SECRET_KEY", "bench")
            .env("DANGEROUS_SALT", "bench")
            // 32 bytes, as base64.
            .env("TOKEN_SECRET_KEY", "dGVzdC1rZXktb2YtdGhpcnR5LXR3by1ieXRlcy1vayE=");
        Ok(command)
    }

    /// Every queue that is made.
    fn queues(&self) -> Queues {
        let served = tasks::roles::ALL.iter().flat_map(|role| role.queues);
        let names = served.map(|consume| consume.queue).chain([queue::dead_letters::QUEUE]);
        Queues::new(&self.broker, &self.prefix, names.collect())
    }
}
