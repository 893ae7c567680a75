//! Publishes the schedule in `tasks`, nothing else.
//!
//! Every entry has *slots*, the moments at which it is due. A beat that finds the latest slot of an
//! entry not yet taken takes it: one statement writes the row (entry, slot) and the task message,
//! and the outbox relay of any API or worker process publishes the message within a second. There
//! is no leader to be lost: any number of beats look once a second, and the key of the row decides.
//!
//! What that gives:
//! - A slot fires once, however many beats run, die or are paused: the row's key is unique, and the
//!   task's id derives from the slot.
//! - Slots that pass while no beat runs, or no database, are made up for by one firing: the latest
//!   slot's. The ones before it are past, and are never fired.
//! - The time is the database's. A beat whose own clock is wrong does no harm. When the database's
//!   clock jumps ahead, that counts as an absence; when it is put back, the slots that were fired
//!   early stay fired, and all others fire as the clock passes them.

mod slots;

use std::{ops::Range, time::Duration};

use anyhow::Context;
use domain::Clock;
use store::{Pool, beat::Due, outbox::OutboxRow};
use tasks::schedule::{Entry, schedule};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use uuid::Uuid;

pub use slots::{Timetable, on_londons_clock};

/// How often beat looks at the clock.
const TICK: Duration = Duration::from_secs(1);

/// Names the ids of periodic tasks: a task's id is a UUIDv5 of its entry and slot in this space.
const NAMESPACE: Uuid = Uuid::from_u128(0x6b3f_57a4_5d0e_4c52_9f0b_70c6_d1a2_4e11);

/// One entry with what this process knows of it.
struct Watched {
    entry: Entry,
    timetable: Timetable,
    /// From a slot that is known to be taken to the next one: while it is that time, there is
    /// nothing to do.
    done: Option<Range<OffsetDateTime>>,
}

/// Fires the schedule until `stop`. Errors of the database are logged and tried again. `clock` makes
/// ids; the time is the database's.
///
/// # Errors
/// When the schedule itself is wrong.
pub async fn run(db: Pool, clock: Clock, stop: CancellationToken) -> anyhow::Result<()> {
    let mut watched = schedule()
        .into_iter()
        .map(|entry| {
            let timetable = Timetable::new(entry.when)
                .with_context(|| format!("the schedule of {}", entry.name))?;
            Ok(Watched { entry, timetable, done: None })
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    info!(entries = watched.len(), "beat starts");
    let mut started = false; // the first look is taken even by a beat that is stopped at once
    loop {
        // A database that hangs must not keep a beat that is asked to stop.
        let looked = tokio::select! {
            () = stop.cancelled(), if started => break,
            looked = look(&db, &clock, &mut watched) => looked,
        };
        if let Err(error) = looked {
            metrics::counter!("beat_errors_total").increment(1);
            error!(error = format!("{error:#}"), "nothing is fired for now");
        }
        started = true;
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(TICK) => {}
        }
    }
    info!("beat has stopped");
    Ok(())
}

/// Fires an entry once, now, whatever its schedule says. The task's id is new each time.
///
/// # Errors
/// When there is no such entry, or the database fails.
pub async fn fire_now(db: &Pool, clock: &Clock, name: &str) -> anyhow::Result<()> {
    let entry = schedule()
        .into_iter()
        .find(|entry| entry.name == name)
        .with_context(|| format!("there is no entry {name:?} in the schedule"))?;
    let row = message(&entry, clock.new_id(), clock.now(), clock)?;
    store::outbox::insert(&db.get().await?, &[row]).await?;
    Ok(())
}

/// Each entry with the next `count` times after `now` at which it is due.
///
/// # Errors
/// When the schedule itself is wrong.
pub fn next_times(
    now: OffsetDateTime,
    count: usize,
) -> anyhow::Result<Vec<(&'static str, Vec<OffsetDateTime>)>> {
    schedule()
        .into_iter()
        .map(|entry| {
            let timetable = Timetable::new(entry.when)?;
            let mut times = Vec::with_capacity(count);
            let mut after = now;
            while times.len() < count
                && let Some(next) = timetable.next(after)?
            {
                times.push(next);
                after = next;
            }
            Ok((entry.name, times))
        })
        .collect()
}

/// Takes the latest slot of every entry, where nobody has.
async fn look(db: &Pool, clock: &Clock, watched: &mut [Watched]) -> anyhow::Result<()> {
    let db = db.get().await?;
    let now = store::beat::now(&db).await?;
    let mut due = Vec::new();
    for Watched { entry, timetable, done } in watched {
        if done.as_ref().is_some_and(|done| done.contains(&now)) {
            continue;
        }
        let Some(period) = timetable.period(now)? else { continue };
        let (name, slot) = (entry.name, period.start);
        let id = Uuid::new_v5(&NAMESPACE, format!("{name} {}", slot.unix_timestamp()).as_bytes());
        let message = OutboxRow { created_at: now, ..message(entry, id, slot, clock)? };
        due.push((Due { entry: name, slot, next: period.end, message }, done));
    }
    if due.is_empty() {
        return Ok(());
    }
    let (due, done): (Vec<_>, Vec<_>) = due.into_iter().unzip();
    let fired = store::beat::fire(&db, &due).await?;
    for (due, done) in due.iter().zip(done) {
        *done = Some(due.slot..due.next);
        if fired.contains(&due.message.id) {
            metrics::counter!("beat_fired_total", "entry" => due.entry).increment(1);
            info!(entry = due.entry, slot = %due.slot, "fired");
        }
    }
    let entries: Vec<_> = due.iter().map(|due| due.entry).collect();
    if let Err(error) = store::beat::forget(&db, &entries).await {
        warn!(%error, "old slots are not forgotten yet");
    }
    Ok(())
}

/// The outbox row of an entry's message.
fn message(
    entry: &Entry,
    id: Uuid,
    slot: OffsetDateTime,
    clock: &Clock,
) -> anyhow::Result<OutboxRow> {
    let envelope = (entry.message)(id)?
        .expires_at(slot + entry.expires_after)
        .header("celery_beat_task", true);
    Ok(OutboxRow {
        id: clock.new_id(),
        created_at: clock.now(),
        queue: envelope.queue.clone(),
        task: envelope.task.clone(),
        message: serde_json::to_value(&envelope)?,
        claimed_until: None,
    })
}
