//! Retention's move of old messages to the history, beside a bare `INSERT` and `DELETE` of as many
//! equal rows.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use store::sql_time::to_column;
use time::PrimitiveDateTime;
use tokio_postgres::Client;

use crate::{
    Bench, PATIENCE, PEAK_MIB,
    rows::{self, Span, Table},
};

/// How long services keep messages that have not said otherwise.
const RETENTION_DAYS: u16 = 7;
/// How many times the bare pass the move may take.
const TIMES: f64 = 1.5;

const BARE_INSERT: &str = "INSERT INTO notification_history
          (id, job_id, job_row_number, service_id, template_id, template_version, api_key_id,
           key_type, notification_type, created_at, sent_at, sent_by, updated_at, reference,
           billable_units, client_reference, international, phone_prefix, rate_multiplier,
           notification_status, created_by_id, postage, document_download_count)
    SELECT id, job_id, job_row_number, service_id, template_id, template_version, api_key_id,
           key_type, notification_type, created_at, sent_at, sent_by, updated_at, reference,
           billable_units, client_reference, international, phone_prefix, rate_multiplier,
           notification_status, created_by_id, postage, document_download_count
      FROM notifications WHERE created_at < $1";

const BARE_DELETE: &str = "DELETE FROM notifications WHERE created_at < $1";

/// The last to go of what is to go: the worker takes the oldest first, so a look from this end meets
/// few rows that have gone already.
const YOUNGEST: &str =
    "SELECT id FROM notifications WHERE created_at < $1 ORDER BY created_at DESC LIMIT 1";

/// Measures both, the bare one first: the worker finds the larger history.
pub async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    // A night long enough ago for nothing else to be past its retention.
    let night = bench.last.before(bench.args.days).context("no such day")?;
    let before = to_column(night.before(RETENTION_DAYS).context("no such day")?.start);
    let rows = bench.args.archive;
    prepare(bench, before).await?;
    let bare = bare(&mut bench.db, before).await?;
    ensure!(archived(bench, before).await? == rows, "the bare pass has moved something else");
    prepare(bench, before).await?;
    let worker = bench.worker("reporting")?;
    let begin = Instant::now();
    let task = "delete-notifications-older-than-retention";
    bench.ask(&[task, "--day", &night.date.to_string()]).await?;
    while bench.db.query_opt(YOUNGEST, &[&before]).await?.is_some() {
        ensure!(begin.elapsed() < PATIENCE, "{task} takes too long");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let seconds = begin.elapsed().as_secs_f64();
    ensure!(archived(bench, before).await? == 2 * rows, "the worker has lost something");
    println!("archive of {rows} rows: {seconds:.2} s, bare pass {bare:.2} s");
    bench.judge("the archive beside the bare pass", seconds / bare, TIMES, "times");
    bench.judge("its worker's peak memory", worker.peak_mib()?, PEAK_MIB, "MiB");
    worker.end().await
}

async fn prepare(bench: &Bench, end: PrimitiveDateTime) -> anyhow::Result<()> {
    let span = Span { end, days: bench.args.days };
    bench.services.fill(&bench.db, Table::Live, bench.args.archive, span).await?;
    rows::settle(&bench.db).await
}

/// Seconds of the bare pass.
async fn bare(db: &mut Client, before: PrimitiveDateTime) -> anyhow::Result<f64> {
    let begin = Instant::now();
    let tx = db.transaction().await?;
    tx.execute(BARE_INSERT, &[&before]).await?;
    tx.execute(BARE_DELETE, &[&before]).await?;
    tx.commit().await?;
    Ok(begin.elapsed().as_secs_f64())
}

/// How many rows have been moved so far.
async fn archived(bench: &Bench, before: PrimitiveDateTime) -> anyhow::Result<i64> {
    let sql = "SELECT count(*) FROM notification_history WHERE created_at < $1";
    Ok(bench.db.query_one(sql, &[&before]).await?.try_get(0)?)
}
