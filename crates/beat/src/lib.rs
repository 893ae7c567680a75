//! Publishes the schedule in `tasks`, nothing else.
//!
//! Every entry has *slots*, the moments at which it is due. A beat that finds the latest slot of an
//! entry not yet taken takes it: the row (entry, slot) and the task message are written in one
//! transaction, and the outbox relay of any API or worker process publishes the message within a
//! second. The row's key is unique and the task's id derives from the slot, so however many beats
//! run, paused or stale, an entry fires once a slot; and one that nobody was there to fire is made
//! up for once, with its latest slot.

mod slots;

use std::time::Duration;

use anyhow::Context;
use domain::Clock;
use store::{Pool, outbox::OutboxRow};
use tasks::schedule::{Entry, schedule};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use uuid::Uuid;

pub use slots::Timetable;

/// How often beat looks at the clock.
const TICK: Duration = Duration::from_secs(1);

/// How long taken slots are remembered.
const MEMORY: time::Duration = time::Duration::days(7);

/// Names the ids of periodic tasks: a task's id is a UUIDv5 of its entry and slot in this space.
const NAMESPACE: Uuid = Uuid::from_u128(0x6b3f_57a4_5d0e_4c52_9f0b_70c6_d1a2_4e11);

/// One entry with what this process knows of it.
struct Watched {
    entry: Entry,
    timetable: Timetable,
    /// The latest slot that is known to be taken.
    taken: Option<OffsetDateTime>,
}

/// Fires the schedule until `stop`. Errors of the database are logged and tried again.
///
/// # Errors
/// When the schedule itself is wrong.
pub async fn run(db: Pool, clock: Clock, stop: CancellationToken) -> anyhow::Result<()> {
    let mut watched = schedule()
        .into_iter()
        .map(|entry| {
            let timetable = Timetable::new(entry.when)
                .with_context(|| format!("the schedule of {}", entry.name))?;
            Ok(Watched { entry, timetable, taken: None })
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    info!(entries = watched.len(), "beat starts");
    let mut started = false; // the first look is taken even by a beat that is stopped at once
    loop {
        for entry in &mut watched {
            // A database that hangs must not keep a beat that is asked to stop.
            let looked = tokio::select! {
                () = stop.cancelled(), if started => Ok(()),
                looked = look(&db, &clock, entry) => looked,
            };
            if let Err(error) = looked {
                metrics::counter!("beat_errors_total").increment(1);
                error!(entry = entry.entry.name, error = format!("{error:#}"), "not fired yet");
            }
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
        .with_context(|| format!("there is no entry {name:?}"))?;
    let row = message(&entry, clock.new_id(), clock.now(), clock)?;
    store::outbox::insert(&db.get().await?, &[row]).await?;
    Ok(())
}

/// Each entry with the next `count` times at which it is due.
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

/// Takes the latest slot of an entry if nobody has.
async fn look(db: &Pool, clock: &Clock, watched: &mut Watched) -> anyhow::Result<()> {
    let now = clock.now();
    let Some(slot) = watched.timetable.latest(now)? else { return Ok(()) };
    if watched.taken.is_some_and(|taken| taken >= slot) {
        return Ok(());
    }
    let name = watched.entry.name;
    let mut db = db.get().await?;
    let tx = db.transaction().await?;
    let last = store::beat::last_slot(&tx, name).await?;
    let due = last.is_none_or(|last| last < slot);
    if due && store::beat::take_slot(&tx, name, slot, now).await? {
        // The very first look at an entry only notes where it begins.
        if last.is_some() {
            let id =
                Uuid::new_v5(&NAMESPACE, format!("{name} {}", slot.unix_timestamp()).as_bytes());
            let row = message(&watched.entry, id, slot, clock)?;
            store::outbox::insert(&tx, &[row]).await?;
        }
        store::beat::forget_slots(&tx, name, now - MEMORY).await?;
        tx.commit().await?;
        if last.is_some() {
            metrics::counter!("beat_fired_total", "entry" => name).increment(1);
            info!(entry = name, %slot, "fired");
        }
    }
    watched.taken = Some(slot);
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
