//! The connection for publishing, which is replaced whenever it breaks.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use lapin::{Connection, ConnectionProperties};
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{
    BrokerConfig, PublishError, Publisher,
    chain::chain,
    config::parse_uri,
    envelope::EncodeError,
    publisher::{Session, Sessions},
};

/// How long the broker has to answer one request, and to accept a connection.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long opening a session may take, which may have to create 28 replicated queues.
const OPEN_TIMEOUT: Duration = Duration::from_secs(60);

/// Where time and ids come from.
#[derive(Clone)]
pub struct Source {
    now: Arc<dyn Fn() -> OffsetDateTime + Send + Sync>,
    new_id: Arc<dyn Fn() -> Uuid + Send + Sync>,
}

impl Source {
    /// `now` gives the time in UTC, `new_id` an id that nobody else has.
    pub fn new(
        now: impl Fn() -> OffsetDateTime + Send + Sync + 'static,
        new_id: impl Fn() -> Uuid + Send + Sync + 'static,
    ) -> Self {
        Self { now: Arc::new(now), new_id: Arc::new(new_id) }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

/// Something that the broker did not do for us.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no connection at the moment.
    #[error("not connected to the broker")]
    NotConnected,
    /// The broker, or the way to it, failed.
    #[error("the broker failed")]
    Broker(#[from] lapin::Error),
    /// A publish failed.
    #[error("a message could not be passed on")]
    Publish(#[from] PublishError),
    /// A queue's name is too long.
    #[error("a queue cannot be named so")]
    Name(#[from] EncodeError),
    /// The broker ended a consumer: its queue was deleted.
    #[error("the broker cancelled the consumer")]
    Cancelled,
}

/// What everything here that talks to the broker knows.
pub(crate) struct Shared {
    pub(crate) config: BrokerConfig,
    pub(crate) origin: String,
    pub(crate) reply_to: String,
    source: Source,
}

impl Shared {
    pub(crate) fn now(&self) -> OffsetDateTime {
        (self.source.now)()
    }

    pub(crate) fn new_id(&self) -> Uuid {
        (self.source.new_id)()
    }

    /// Opens a connection that the operator sees under our name and `purpose`.
    pub(crate) async fn connect(&self, purpose: &str) -> lapin::Result<Connection> {
        self.open(purpose, None).await
    }

    /// As [`Shared::connect`], for little traffic: lapin keeps room for 64 of the largest frames, by
    /// default 8 MiB and here 1 MiB. A message whose headers are longer than a frame ends the
    /// connection, so it is only for queues that end with it.
    pub(crate) async fn connect_small(&self, purpose: &str) -> lapin::Result<Connection> {
        self.open(purpose, Some(16 << 10)).await
    }

    async fn open(&self, purpose: &str, frame_max: Option<u32>) -> lapin::Result<Connection> {
        let mut uri = parse_uri(&self.config.broker_url).map_err(|_| {
            std::io::Error::new(std::io::ErrorKind::InvalidInput, "the broker URL is not valid")
        })?;
        uri.query.frame_max = frame_max.or(uri.query.frame_max);
        let name = format!("{} {purpose}", self.origin);
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        answered(Connection::connect_uri(uri, properties)).await
    }
}

/// The broker, as one process sees it.
pub struct Broker {
    pub(crate) shared: Arc<Shared>,
    publisher: Publisher,
    stop: CancellationToken,
    supervisor: TaskTracker,
}

impl Broker {
    /// Starts connecting, and returns after the first try, whatever its outcome: until it is
    /// connected, and whenever the connection breaks, it keeps trying in the background.
    pub async fn connect(config: &BrokerConfig, source: Source) -> Self {
        let shared = Arc::new(Shared {
            config: config.clone(),
            origin: format!("gen{}@{}", std::process::id(), host_name()),
            reply_to: (source.new_id)().to_string(),
            source,
        });
        let (sessions, current) = watch::channel(None);
        let stop = CancellationToken::new();
        let supervisor = TaskTracker::new();
        let first = open(&shared, &sessions).await;
        supervisor.spawn(supervise(Arc::clone(&shared), sessions, first, stop.clone()));
        let publisher = Publisher::new(Arc::clone(&shared), current);
        Self { shared, publisher, stop, supervisor }
    }

    /// A handle for publishing. All of them use the one connection.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    /// Whether a publish has a chance.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.publisher.session().is_ok()
    }

    /// Closes the connection for publishing, and stops replacing it.
    pub async fn close(&self) {
        self.stop.cancel();
        self.supervisor.close();
        self.supervisor.wait().await;
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("is_connected", &self.is_connected()).finish_non_exhaustive()
    }
}

/// Opens a session and lets the publishers have it.
async fn open(shared: &Shared, sessions: &Sessions) -> Option<Arc<Session>> {
    match answered_within(OPEN_TIMEOUT, Session::open(shared)).await {
        Ok(session) => {
            let session = Arc::new(session);
            sessions.send_replace(Some(Arc::clone(&session)));
            metrics::gauge!("queue_connected").set(1);
            tracing::info!("connected to the broker");
            Some(session)
        }
        Err(error) => {
            tracing::warn!(error = chain(&error), "cannot reach the broker");
            None
        }
    }
}

async fn supervise(
    shared: Arc<Shared>,
    sessions: Sessions,
    mut session: Option<Arc<Session>>,
    stop: CancellationToken,
) {
    let mut pause = Pause::default();
    loop {
        if let Some(session) = session.take() {
            pause = Pause::default();
            session.until_broken(&stop).await;
            sessions.send_replace(None);
            metrics::gauge!("queue_connected").set(0);
            session.close().await;
            if !stop.is_cancelled() {
                tracing::warn!("lost the broker");
            }
        }
        if !pause.wait(&stop).await {
            return;
        }
        session = open(&shared, &sessions).await;
    }
}

/// Waits for the broker, but not for ever. A request that is under way while its connection breaks
/// can be forgotten by lapin, even an acknowledgement: then it never returns.
pub(crate) async fn answered<T>(
    request: impl Future<Output = lapin::Result<T>>,
) -> lapin::Result<T> {
    answered_within(ANSWER_TIMEOUT, request).await
}

async fn answered_within<T>(
    limit: Duration,
    request: impl Future<Output = lapin::Result<T>>,
) -> lapin::Result<T> {
    tokio::time::timeout(limit, request).await.map_err(std::io::Error::from)?
}

/// Says good-bye, to a broker that may not be there.
pub(crate) async fn close(connection: &Connection) {
    let closing = connection.close(200, "bye".into());
    let _ = tokio::time::timeout(Duration::from_secs(1), closing).await;
}

/// Does `work` again and again, until `stop` or for as long as the connection lives: an error may
/// concern only this work. `what` is what it does, for the log. A failure soon after another one
/// makes the next try wait longer.
pub(crate) async fn keep<F>(
    connection: &Connection,
    stop: &CancellationToken,
    what: &str,
    work: impl Fn() -> F,
) where
    F: Future<Output = Result<(), Error>>,
{
    let mut pause = Pause::default();
    while !stop.is_cancelled() && connection.status().connected() {
        let started = Instant::now();
        let result = tokio::select! {
            result = work() => result,
            () = broken(connection) => return,
        };
        let Err(error) = result else { continue };
        tracing::warn!(error = chain(&error), "stopped {what}");
        if started.elapsed() > ANSWER_TIMEOUT {
            pause = Pause::default();
        }
        pause.wait(stop).await;
    }
}

/// Returns when the connection is of no more use, in case nothing else tells.
async fn broken(connection: &Connection) {
    while connection.status().connected() {
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// The waits between tries: 0.1 s at first, doubled each time, 5 s at most.
pub(crate) struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(Duration::from_millis(100))
    }
}

impl Pause {
    /// Waits; `false` when told to stop.
    pub(crate) async fn wait(&mut self, stop: &CancellationToken) -> bool {
        let wait = self.0;
        self.0 = (wait * 2).min(Duration::from_secs(5));
        stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_some()
    }
}

pub(crate) fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}
