//! This process as other Celery nodes and operators see it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use lapin::Connection;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    broker::{Pause, Shared, close, host_name, keep},
    chain::chain,
    control,
    envelope::Envelope,
    events::{self, Events},
    lane::Lane,
    revoked::Revoked,
    running::Running,
};

/// A worker: what it runs, and how it is spoken with.
pub(crate) struct Node {
    /// `name@host`, which no other process may have.
    pub(crate) name: String,
    pub(crate) shared: Arc<Shared>,
    pub(crate) lanes: Vec<Lane>,
    /// The names of the tasks it knows, in order.
    pub(crate) registered: Vec<String>,
    pub(crate) running: Running,
    pub(crate) revoked: Revoked,
    pub(crate) events: Events,
    pub(crate) clock: Clock,
    pub(crate) started: Instant,
    /// Ends this worker.
    pub(crate) stop: CancellationToken,
}

impl Node {
    pub(crate) fn new<'a>(
        shared: Arc<Shared>,
        lanes: Vec<Lane>,
        registered: impl Iterator<Item = &'a str>,
        stop: CancellationToken,
    ) -> Self {
        let config = &shared.config;
        let name = config.nodename.as_ref().map(|name| name.0.clone());
        let mut registered: Vec<_> = registered.map(str::to_owned).collect();
        registered.sort_unstable();
        Self {
            name: name.unwrap_or_else(|| format!("worker@{}-{}", host_name(), std::process::id())),
            events: Events::new(config.task_events),
            shared,
            lanes,
            registered,
            running: Running::default(),
            revoked: Revoked::default(),
            clock: Clock::default(),
            started: Instant::now(),
            stop,
        }
    }

    /// Notes that a task is taken off `queue`.
    pub(crate) fn took(&self, queue: &str, envelope: &Envelope) {
        if let Some(lane) = self.lanes.iter().find(|lane| lane.queue == queue) {
            lane.took(envelope, self.shared.now());
        }
    }

    /// Sends events and answers remote control until `done`, through any number of lost connections.
    /// Its connection is not that of the tasks, which it must not hold up.
    pub(crate) async fn attend(self: Arc<Self>, done: CancellationToken) {
        let mut pause = Pause::default();
        while !done.is_cancelled() {
            match done.run_until_cancelled(self.shared.connect_small("control")).await {
                None => return,
                Some(Ok(connection)) => {
                    pause = Pause::default();
                    self.serve(&connection, &done).await;
                    close(&connection).await;
                }
                Some(Err(error)) => {
                    warn!(error = chain(&error), "no events and no remote control");
                }
            }
            pause.wait(&done).await;
        }
    }

    async fn serve(&self, connection: &Connection, done: &CancellationToken) {
        tokio::join!(
            keep(connection, done, "sending events", || events::send(self, connection, done)),
            keep(connection, done, "answering remote control", || control::listen(
                self, connection, done
            )),
        );
    }

    /// Tells of a task, if anybody wants to know.
    pub(crate) fn tell(&self, kind: &'static str, id: &str, fields: impl FnOnce() -> Value) {
        if self.events.are_on() {
            let mut fields = fields();
            fields["uuid"] = id.into();
            self.events.push(self.event(kind, fields));
        }
    }

    /// An event with what every event has. `fields` is an object.
    pub(crate) fn event(&self, kind: &'static str, mut fields: Value) -> Value {
        fields["type"] = kind.into();
        fields["hostname"] = self.name.as_str().into();
        // The hours that local time is behind UTC. Ours is UTC.
        fields["utcoffset"] = json!(0.0);
        fields["pid"] = std::process::id().into();
        fields["clock"] = self.clock.tick().into();
        fields["timestamp"] = epoch(self.shared.now()).into();
        fields
    }
}

/// A logical (Lamport) clock: it orders what is said by several nodes.
#[derive(Default)]
pub(crate) struct Clock(AtomicU64);

impl Clock {
    /// The time of the next thing that is said.
    pub(crate) fn tick(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// The time of the last thing that was said or heard.
    pub(crate) fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Something was heard that was said at `other`.
    pub(crate) fn hear(&self, other: u64) {
        self.0.fetch_max(other, Ordering::Relaxed);
        self.tick();
    }
}

/// Seconds since 1970, to the microsecond or so.
pub(crate) fn epoch(at: OffsetDateTime) -> f64 {
    at.unix_timestamp_nanos() as f64 / 1e9
}
