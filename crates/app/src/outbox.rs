//! Publishing that survives the broker: what it does not take now waits in the database.

use std::time::{Duration, Instant};

use domain::Clock;
use queue::{Envelope, PublishError, Publisher, Task, Trace};
use store::{GenericClient, Pool, outbox::OutboxRow, pool::Lease};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};
use uuid::Uuid;

use crate::{App, Error, grouped::Statement};

/// How long whoever wrote or claimed a row has to publish it before the relay takes it.
const HOLD: time::Duration = time::Duration::seconds(30);

/// How much earlier than that its writer leaves it to the relay.
const MARGIN: time::Duration = time::Duration::seconds(5);

/// How long the row of a published message may keep its publisher waiting.
const LONGEST_DELETE: Duration = Duration::from_secs(2);

/// How often the relay looks when there was nothing to do.
const IDLE: Duration = Duration::from_secs(1);

/// How often the relay measures how long messages have been waiting.
const MEASURED_EVERY: Duration = Duration::from_secs(10);

/// Messages that the relay takes at once.
const BATCH: i64 = 200;

/// Publishes task messages, or keeps them for later.
#[derive(Clone)]
pub(crate) struct Outbox {
    db: Pool,
    publisher: Publisher,
    clock: Clock,
}

impl Outbox {
    pub(crate) fn new(db: Pool, publisher: Publisher, clock: Clock) -> Self {
        Self { db, publisher, clock }
    }

    /// Publishes the messages; those that the broker does not take go to the outbox table.
    ///
    /// # Errors
    /// When the table does not take them either; and when one of them can never be published, after
    /// the others were.
    pub(crate) async fn publish(&self, envelopes: &[Envelope]) -> Result<(), Error> {
        let results = self.publisher.publish_all(envelopes).await;
        let (mut left, mut never) = (Vec::new(), None);
        for (envelope, result) in envelopes.iter().zip(results) {
            match result {
                Ok(()) => {}
                Err(PublishError::Encode(error)) => never = Some(error),
                Err(error) => {
                    warn!(task.name = envelope.task, task.id = envelope.id, %error,
                          "not published; it waits in the outbox");
                    left.push(row(envelope, &self.clock, None)?);
                }
            }
        }
        if !left.is_empty() {
            metrics::counter!("outbox_written_total").increment(left.len() as u64);
            let db = self.db.get().await.map_err(store::Error::from)?;
            store::outbox::insert(&db, &left).await?;
        }
        never.map_or(Ok(()), |error| Err(anyhow::Error::from(error).into()))
    }
}

/// The row that keeps a message, held by us for `hold` if given.
pub(crate) fn row(
    envelope: &Envelope,
    clock: &Clock,
    hold: Option<time::Duration>,
) -> Result<OutboxRow, store::Error> {
    let now = clock.now();
    Ok(OutboxRow {
        id: clock.new_id(),
        created_at: now,
        queue: envelope.queue.clone(),
        task: envelope.task.clone(),
        message: serde_json::to_value(envelope).map_err(|source| store::Error::Column {
            column: "outbox.message",
            source: source.into(),
        })?,
        claimed_until: hold.map(|hold| now + hold),
    })
}

/// Forgets messages that the broker has taken.
pub(crate) struct Published;

impl Statement for Published {
    type Ask = Uuid;
    type Answer = ();

    fn key(id: &Uuid) -> Uuid {
        *id
    }

    async fn run(db: &Pool, ids: &[Uuid]) -> Result<Vec<()>, store::Error> {
        let lease = Lease::of(db).await?;
        let deleted = store::outbox::delete(&*lease, ids).await;
        lease.end();
        deleted.map(|()| vec![(); ids.len()])
    }
}

impl App {
    /// The message that asks for a task, on its own queue.
    pub(crate) fn message<T: Task>(&self, task: &T, trace: &Trace) -> Result<Envelope, Error> {
        Ok(Envelope::new(task, self.clock().new_id(), trace).map_err(anyhow::Error::from)?)
    }

    /// Publishes a task on its own queue, or keeps it in the outbox.
    pub(crate) async fn send<T: Task>(&self, task: &T, trace: &Trace) -> Result<(), Error> {
        self.enqueue(self.message(task, trace)?).await
    }

    /// Publishes a task message, or keeps it in the outbox.
    ///
    /// # Errors
    /// [`Error::Internal`] when neither the broker nor the database takes it, or nobody could read it.
    pub async fn enqueue(&self, envelope: Envelope) -> Result<(), Error> {
        self.outbox().publish(&[envelope]).await
    }

    /// Publishes task messages, or keeps them in the outbox.
    ///
    /// # Errors
    /// As [`App::enqueue`].
    pub async fn enqueue_all(&self, envelopes: &[Envelope]) -> Result<(), Error> {
        self.outbox().publish(envelopes).await
    }

    pub(crate) fn outbox(&self) -> Outbox {
        Outbox::new(self.0.db.clone(), self.0.publisher.clone(), self.0.clock.clone())
    }

    /// A row for a message that is written together with the work that causes it, and that
    /// [`App::publish_written`] publishes right after the commit.
    pub(crate) fn written(&self, envelope: &Envelope) -> Result<OutboxRow, Error> {
        Ok(row(envelope, &self.0.clock, Some(HOLD))?)
    }

    /// Publishes a message whose row has been committed, and deletes the row. Failing leaves the
    /// row to the relay, so nothing is lost and nobody has to be told.
    pub(crate) async fn publish_written(&self, id: Uuid, envelope: &Envelope) {
        // Its id tells when it was written.
        let written_at = id.get_timestamp().map_or(0, |at| at.to_unix().0);
        let age = self.clock().now().unix_timestamp() - i64::try_from(written_at).unwrap_or(0);
        if time::Duration::seconds(age) > HOLD - MARGIN {
            return;
        }
        match self.0.publisher.publish(envelope).await {
            Ok(()) => {
                let deleting = self.0.recording.spawn(self.clone().delete_published(id));
                // Nobody is kept waiting for it while the database is away.
                let _ = tokio::time::timeout(LONGEST_DELETE, deleting).await;
            }
            Err(error) => {
                warn!(task.name = envelope.task, task.id = envelope.id, %error,
                      "not published; the relay will");
            }
        }
    }

    async fn delete_published(self, id: Uuid) {
        if let Err(error) = self.0.groups.published.call(id).await {
            warn!(
                outbox.id = %id,
                error = %runtime::chain(&error),
                "published, but its outbox row stays; the relay may publish it again"
            );
        }
    }

    /// Publishes what waits in the outbox, until `stop`. Every API and worker process runs one.
    pub async fn relay(&self, stop: CancellationToken) {
        let mut measured = None::<Instant>;
        while !stop.is_cancelled() {
            if measured.is_none_or(|at| at.elapsed() >= MEASURED_EVERY) {
                measured = Some(Instant::now());
                self.measure_outbox().await;
            }
            let pause = match self.relay_once().await {
                Ok(published) if published > 0 => continue,
                Ok(_) => IDLE,
                Err(error) => {
                    error!(error = %runtime::chain(&error), "the outbox relay failed");
                    IDLE * 5
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn measure_outbox(&self) {
        let oldest = async { Ok(store::outbox::oldest(&self.db().await?).await?) };
        // While the database is away nobody knows, and the relay says so.
        if let Ok::<_, Error>(oldest) = oldest.await {
            let age = oldest.map_or(0.0, |at| (self.clock().now() - at).as_seconds_f64());
            metrics::gauge!("outbox_oldest_seconds").set(age.max(0.0));
        }
    }

    /// Publishes one batch of the outbox; returns how many messages the broker took.
    ///
    /// # Errors
    /// [`Error::Internal`] when the database fails.
    pub async fn relay_once(&self) -> Result<usize, Error> {
        if !self.0.publisher.is_connected() {
            return Ok(0);
        }
        let now = self.clock().now();
        let rows = store::outbox::claim(&self.db().await?, BATCH, now, now + HOLD).await?;
        if rows.is_empty() {
            return Ok(0);
        }
        let (ids, envelopes): (Vec<Uuid>, Vec<Envelope>) = rows
            .into_iter()
            .filter_map(|(id, message)| match serde_json::from_value(message) {
                Ok(envelope) => Some((id, envelope)),
                Err(error) => {
                    error!(outbox.id = %id, %error, "an outbox row cannot be read; it stays");
                    None
                }
            })
            .unzip();
        let results = self.0.publisher.publish_all(&envelopes).await;
        let (mut done, mut left) = (Vec::new(), Vec::new());
        for (id, result) in ids.into_iter().zip(results) {
            match result {
                Ok(()) => done.push(id),
                Err(PublishError::NotConnected | PublishError::Blocked) => left.push(id),
                // It may be this message's own fault: it stays held for a while, so that the
                // oldest rows do not stand in the way of all others.
                Err(error) => warn!(outbox.id = %id, %error, "not published; tried again later"),
            }
        }
        finish(&self.db().await?, &done, &left).await?;
        metrics::counter!("outbox_relayed_total").increment(done.len() as u64);
        Ok(done.len())
    }
}

async fn finish(db: &impl GenericClient, done: &[Uuid], left: &[Uuid]) -> Result<(), store::Error> {
    if !done.is_empty() {
        store::outbox::delete(db, done).await?;
    }
    if !left.is_empty() {
        store::outbox::release(db, left).await?;
    }
    Ok(())
}
