//! A day's statistics and bills beside one bare grouped pass for each over the same rows, and the
//! search for what there is to do.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use domain::{NotificationType, london::Day};
use store::{facts::Facts, sql_time::to_column};
use time::PrimitiveDateTime;
use tokio_postgres::types::ToSql;

use crate::{Bench, PATIENCE, PEAK_MIB};

/// What each child may take beside twice the bare pass.
const SECONDS_PER_CHILD: f64 = 0.005;

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

const MADE_STATUS: &str = "SELECT count(*) FROM (SELECT DISTINCT service_id, notification_type
                             FROM ft_notification_status WHERE bst_date = $1) AS part";

const MADE_BILLING: &str = "SELECT coalesce(sum(notifications_sent), 0)::bigint
                              FROM ft_billing WHERE bst_date = $1";

/// Measures the day in the middle of the rows.
pub async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    let day = bench.last.before(bench.args.days / 2).context("no such day")?;
    let mut children = 0;
    for (name, facts) in [("status", Facts::Status), ("billing", Facts::Billing)] {
        children = find_work(bench, day, name, &store::facts::list_services_sql(facts)).await?;
    }
    let status = bare(bench, day, BARE_STATUS).await?;
    let billing = bare(bench, day, BARE_BILLING).await?;
    let temporary = temporary_files(bench).await?;
    let worker = bench.worker("reporting")?;
    let task = "create-nightly-notification-status";
    let seconds = timed(bench, day, task, MADE_STATUS, children).await?;
    show(bench, "status", seconds, status.1, children);
    let seconds = timed(bench, day, "create-nightly-billing", MADE_BILLING, billing.0).await?;
    show(bench, "billing", seconds, billing.1, children);
    bench.judge("the worker's peak memory", worker.peak_mib()?, PEAK_MIB, "MiB");
    worker.end().await?;
    let written = temporary_files(bench).await? - temporary;
    bench.judge("the day's temporary files", written as f64, 0.0, "files");
    Ok(())
}

/// Times the search for work, and looks at its plan. Returns how many children there are.
async fn find_work(bench: &Bench, day: Day, name: &str, sql: &str) -> anyhow::Result<i64> {
    let (from, before) = bounds(day);
    let mut children = 0;
    for channel in [NotificationType::Sms, NotificationType::Email, NotificationType::Letter] {
        let channel: &str = channel.into();
        let given: [&(dyn ToSql + Sync); 4] = [&channel, &from, &before, &day.date];
        let found = i64::try_from(bench.db.query(sql, &given).await?.len())?;
        let begin = Instant::now();
        bench.db.query(sql, &given).await?;
        let seconds = begin.elapsed().as_secs_f64();
        let plan = bench.db.query(&format!("EXPLAIN {sql}"), &given).await?;
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
async fn bare(bench: &Bench, day: Day, sql: &str) -> anyhow::Result<(i64, f64)> {
    let (from, before) = bounds(day);
    bench.db.query_one(sql, &[&from, &before]).await?;
    let begin = Instant::now();
    let count = bench.db.query_one(sql, &[&from, &before]).await?.try_get(0)?;
    Ok((count, begin.elapsed().as_secs_f64()))
}

/// Seconds from when an operator has asked for the task until `made` counts as many as `goal`.
async fn timed(bench: &Bench, day: Day, task: &str, made: &str, goal: i64) -> anyhow::Result<f64> {
    let begin = Instant::now();
    bench.ask(&[task, "--day", &day.date.to_string()]).await?;
    loop {
        let count: i64 = bench.db.query_one(made, &[&day.date]).await?.try_get(0)?;
        if count == goal {
            return Ok(begin.elapsed().as_secs_f64());
        }
        ensure!(begin.elapsed() < PATIENCE, "{task} has made {count} of {goal}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Temporary files of this database so far. Sessions report them within seconds.
async fn temporary_files(bench: &Bench) -> anyhow::Result<i64> {
    tokio::time::sleep(Duration::from_secs(2)).await;
    let sql = "SELECT temp_files FROM pg_stat_database WHERE datname = current_database()";
    Ok(bench.db.query_one(sql, &[]).await?.try_get(0)?)
}

/// The limit is twice the bare pass and 5 ms for each child: k is what they took.
fn show(bench: &mut Bench, name: &str, seconds: f64, bare: f64, children: i64) {
    let children = children as f64;
    let k = (seconds - 2.0 * bare).max(0.0) * 1e3 / children;
    println!(
        "{name} of a day: bare pass {bare:.2} s ({:.2} times), {children} children, k = {k:.2} ms",
        seconds / bare
    );
    let limit = 2.0 * bare + SECONDS_PER_CHILD * children;
    bench.judge(&format!("{name} of a day"), seconds, limit, "s");
}

fn bounds(day: Day) -> (PrimitiveDateTime, PrimitiveDateTime) {
    (to_column(day.start), to_column(day.end))
}
