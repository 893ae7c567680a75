//! The night on a realistic database: finding work, a day's statistics and bills beside one bare
//! grouped pass for each over the same rows, the worker's memory, PostgreSQL's temporary files.
//!
//! The database is one of its own on the tests' server, and goes when this ends. The worker is a
//! process of the `postroom` beside this program, and is told what to do as an operator would.

mod rows;

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use clap::Parser;
use domain::{Clock, NotificationType, london::Day};
use testkit::{Database, process};
use tokio::process::Command;
use tokio_postgres::{Client, types::ToSql};

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
}

/// How long a day may take.
const PATIENCE: Duration = Duration::from_secs(900);

const BARE_STATUS: &str = "SELECT count(*) FROM (
    SELECT count(*) FROM notifications_all_time_view
     WHERE created_at >= $1 AND created_at < $2 AND key_type IN ('normal', 'team')
     GROUP BY service_id, notification_type, template_id, job_id, key_type, notification_status) AS g";

const BARE_BILLING: &str = "SELECT sum(sent)::bigint FROM (
    SELECT count(*) AS sent, sum(billable_units) FROM notifications_all_time_view
     WHERE created_at >= $1 AND created_at < $2 AND key_type IN ('normal', 'team')
       AND notification_status = 'delivered'
     GROUP BY service_id, notification_type, template_id, sent_by, rate_multiplier, international,
              postage, billable_units) AS g";

struct Bench {
    database: Database,
    db: Client,
    day: Day,
    prefix: String,
    broker: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let database = Database::create().await;
    let (db, connection) = database.config().connect(tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    let now = Clock::system().now();
    let (begin, last) = (Instant::now(), Day::ago(now, 1).context("no such day")?);
    rows::generate(&db, &args, last).await?;
    println!(
        "{} notifications, {} of history, {} services, {} days: generated in {:.0} s",
        args.notifications,
        args.history,
        args.services,
        args.days,
        begin.elapsed().as_secs_f64()
    );
    let day = last.before(args.days / 2).context("no such day")?;
    let variable = |name| std::env::var(name).context("see deploy/local/bench-night");
    let (server, vhosts) =
        (variable("POSTROOM_TEST_BROKER_URL")?, variable("POSTROOM_TEST_VHOSTS")?);
    let vhost = vhosts.split(',').next().unwrap_or_default();
    let broker = format!("{}/{vhost}", server.trim_end_matches('/'));
    let bench = Bench { database, db, day, prefix: testkit::unique("bench-night-"), broker };
    let measured = bench.measure().await;
    let queues = vec!["reporting-tasks", "dead-letters"];
    testkit::Queues::new(&bench.broker, &bench.prefix, queues).delete().await;
    bench.database.close().await;
    measured
}

impl Bench {
    async fn measure(&self) -> anyhow::Result<()> {
        let mut children = 0;
        for (name, sql) in [
            ("status", store::facts::list_services_sql(store::facts::Facts::Status)),
            ("billing", store::facts::list_services_sql(store::facts::Facts::Billing)),
        ] {
            children = self.find_work(name, &sql).await?;
        }
        let (status, billing) = (self.bare(BARE_STATUS).await?, self.bare(BARE_BILLING).await?);
        let temporary = self.temporary_files().await?;
        let mut worker = self.postroom(&["worker", "--role", "reporting"])?.spawn()?;
        let made = "SELECT count(*) FROM (SELECT DISTINCT service_id, notification_type
                      FROM ft_notification_status WHERE bst_date = $1) AS part";
        let seconds = self.timed("create-nightly-notification-status", made, children).await?;
        show("status", seconds, status.1, children);
        let made = "SELECT coalesce(sum(notifications_sent), 0)::bigint
                      FROM ft_billing WHERE bst_date = $1";
        let seconds = self.timed("create-nightly-billing", made, billing.0).await?;
        show("billing", seconds, billing.1, children);
        let pid = worker.id().context("the worker has ended")?;
        let memory = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let peak = memory.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        println!("the worker's peak memory: {}", peak.trim());
        process::signal(&worker, "TERM").await;
        worker.wait().await?;
        println!("temporary files: {}", self.temporary_files().await? - temporary);
        Ok(())
    }

    /// Times the search for work, and looks at its plan. Returns how many children there are.
    async fn find_work(&self, name: &str, sql: &str) -> anyhow::Result<i64> {
        let (from, before) = self.bounds();
        let mut children = 0;
        for channel in [NotificationType::Sms, NotificationType::Email, NotificationType::Letter] {
            let channel: &str = channel.into();
            let given: [&(dyn ToSql + Sync); 4] = [&channel, &from, &before, &self.day.date];
            let found = i64::try_from(self.db.query(sql, &given).await?.len())?;
            let begin = Instant::now();
            self.db.query(sql, &given).await?;
            let seconds = begin.elapsed().as_secs_f64();
            let plan = self.db.query(&format!("EXPLAIN {sql}"), &given).await?;
            let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
            let plan = plan.join("\n");
            for table in ["notifications", "notification_history"] {
                ensure!(!plan.contains(&format!("Seq Scan on {table}")), "{name}: {plan}");
            }
            println!("find work, {name} of {channel}: {found} services, {:.1} ms", seconds * 1e3);
            ensure!(seconds < 0.05, "finding work takes too long");
            children += found;
        }
        Ok(children)
    }

    /// What a bare pass counts, and its seconds: the second run's, as the worker's is not the first.
    async fn bare(&self, sql: &str) -> anyhow::Result<(i64, f64)> {
        let (from, before) = self.bounds();
        self.db.query_one(sql, &[&from, &before]).await?;
        let begin = Instant::now();
        let count = self.db.query_one(sql, &[&from, &before]).await?.try_get(0)?;
        Ok((count, begin.elapsed().as_secs_f64()))
    }

    /// Seconds from when an operator has asked for the task until `made` counts as many as `goal`.
    async fn timed(&self, task: &str, made: &str, goal: i64) -> anyhow::Result<f64> {
        let day = self.day.date.to_string();
        let begin = Instant::now();
        let asked = self.postroom(&["night", "run", task, "--day", &day])?.status().await?;
        ensure!(asked.success(), "{task} was not queued");
        loop {
            let count: i64 = self.db.query_one(made, &[&self.day.date]).await?.try_get(0)?;
            if count == goal {
                return Ok(begin.elapsed().as_secs_f64());
            }
            ensure!(begin.elapsed() < PATIENCE, "{task} has made {count} of {goal}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Temporary files of this database so far. Sessions report them within seconds.
    async fn temporary_files(&self) -> anyhow::Result<i64> {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let sql = "SELECT temp_files FROM pg_stat_database WHERE datname = current_database()";
        Ok(self.db.query_one(sql, &[]).await?.try_get(0)?)
    }

    fn postroom(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let program: PathBuf = std::env::current_exe()?.with_file_name("postroom");
        let mut command = process::command(&program.to_string_lossy());
        command
            .args(arguments)
            .env("SQLALCHEMY_DATABASE_URI", self.database.url())
            .env("CELERY_BROKER_URL", &self.broker)
            .env("NOTIFICATION_QUEUE_PREFIX", &self.prefix)
            .env("NOTIFY_LOG_LEVEL", "WARNING")
            .env("SECRET_KEY", "bench")
            .env("DANGEROUS_SALT", "bench");
        Ok(command)
    }

    fn bounds(&self) -> (time::PrimitiveDateTime, time::PrimitiveDateTime) {
        let column = store::sql_time::to_column;
        (column(self.day.start), column(self.day.end))
    }
}

/// The limit is twice the bare pass and k ms for each child: k is what remains for those.
fn show(name: &str, seconds: f64, bare: f64, children: i64) {
    let k = (seconds - 2.0 * bare).max(0.0) * 1e3 / children as f64;
    println!(
        "{name} of a day: {seconds:.2} s, bare pass {bare:.2} s ({:.2} times), {children} children, \
         k = {k:.2} ms",
        seconds / bare
    );
}
