//! Publishing: confirmed, routed, or an error soon.

use std::{
    collections::HashSet,
    fmt,
    future::poll_fn,
    io,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use lapin::{
    Channel, Confirmation, Connection, Event,
    message::BasicReturnMessage,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::ShortString,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    broker::{Shared, close},
    envelope::{EncodeError, Envelope},
    topology::{MAX_DELAY_SECONDS, Topology, route},
    wire::{self, Message},
};

/// How many messages of one [`Publisher::publish_all`] are under way at a time.
const PIPELINE: usize = 512;

/// Why a message is not on its queue, or may not be.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The message cannot be written.
    #[error("the message cannot be written")]
    Encode(#[from] EncodeError),
    /// There is no connection at the moment.
    #[error("not connected to the broker")]
    NotConnected,
    /// The broker takes no messages at the moment: it is short of memory or disk.
    #[error("the broker is blocked")]
    Blocked,
    /// No confirm came in time. The message may be on its queue or not.
    #[error("the broker did not confirm in time")]
    TimedOut,
    /// The broker refused it: the queue is full, or has no majority.
    #[error("the broker refused the message")]
    Rejected,
    /// No such queue, although we had declared it just before.
    #[error("the message has no queue to go to")]
    Unroutable,
    /// The connection broke, or the broker did not let us declare the queue. The message may be on
    /// its queue or not.
    #[error("the broker failed")]
    Broker(#[from] lapin::Error),
}

impl PublishError {
    /// A word for a metric's label.
    const fn label(&self) -> &'static str {
        match self {
            Self::Encode(_) => "encode",
            Self::NotConnected => "not-connected",
            Self::Blocked => "blocked",
            Self::TimedOut => "timed-out",
            Self::Rejected => "rejected",
            Self::Unroutable => "unroutable",
            Self::Broker(_) => "broker",
        }
    }
}

pub(crate) type Sessions = watch::Sender<Option<Arc<Session>>>;

/// Publishes tasks. Cheap to clone; any number may publish at once over the one connection.
///
/// `Ok` means that the message is durably on its queue. An error comes soon, at the latest after
/// the configured time-out, so that the caller can keep the message elsewhere.
#[derive(Clone)]
pub struct Publisher {
    shared: Arc<Shared>,
    current: watch::Receiver<Option<Arc<Session>>>,
}

impl Publisher {
    pub(crate) fn new(shared: Arc<Shared>, current: watch::Receiver<Option<Arc<Session>>>) -> Self {
        Self { shared, current }
    }

    /// Publishes one task, or lays it aside in the broker until its `eta`.
    ///
    /// # Errors
    /// [`PublishError`] when it is not, or not surely, on its queue.
    pub async fn publish(&self, envelope: &Envelope) -> Result<(), PublishError> {
        let now = self.shared.now();
        let message = wire::encode(envelope, &self.shared.origin, &self.shared.reply_to, now)?;
        match envelope.eta.map_or(0, |eta| seconds_until(eta - now)) {
            0 => self.send(&envelope.queue, &message, 0).await,
            // Without `expiration`, which would end the wait early.
            delay => self.send(&envelope.queue, &message.again([]), delay).await,
        }
    }

    /// Publishes many tasks without waiting for each confirm before the next message. The results
    /// are in the order of `envelopes`.
    pub async fn publish_all(&self, envelopes: &[Envelope]) -> Vec<Result<(), PublishError>> {
        // Collected first: a stream that holds the closure would not be `Send`.
        let publishes: Vec<_> = envelopes.iter().map(|one| self.publish(one)).collect();
        stream::iter(publishes).buffered(PIPELINE).collect().await
    }

    /// Whether a publish would reach the broker now.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.session().is_ok()
    }

    /// Publishes a message that is ready for the wire to `queue`, after a delay if that is not 0.
    pub(crate) async fn send(
        &self,
        queue: &str,
        message: &Message,
        delay_seconds: u32,
    ) -> Result<(), PublishError> {
        let result = self.try_send(queue, message, delay_seconds).await;
        match &result {
            Ok(()) => {
                metrics::counter!("queue_published_total", "queue" => queue.to_owned()).increment(1)
            }
            Err(error) => metrics::counter!(
                "queue_publish_failures_total",
                "queue" => queue.to_owned(), "reason" => error.label()
            )
            .increment(1),
        }
        result
    }

    async fn try_send(
        &self,
        queue: &str,
        message: &Message,
        delay_seconds: u32,
    ) -> Result<(), PublishError> {
        let config = &self.shared.config;
        let queue = config.wire_name(queue)?;
        let session = self.session()?;
        if session.connection.status().blocked() {
            return Err(PublishError::Blocked);
        }
        let started = Instant::now();
        let mut blocked = session.blocked.subscribe();
        tokio::select! {
            biased;
            _ = blocked.wait_for(|blocked| *blocked) => Err(PublishError::Blocked),
            done = session.deliver(&self.shared, &queue, message, delay_seconds) => done,
            // lapin may forget a publish that is under way while its connection breaks.
            () = session.broken.cancelled() => {
                Err(lapin::Error::from(io::Error::from(io::ErrorKind::ConnectionAborted)).into())
            }
            () = tokio::time::sleep(config.publish_timeout()) => {
                session.suspect(started);
                Err(PublishError::TimedOut)
            }
        }
    }

    pub(crate) fn session(&self) -> Result<Arc<Session>, PublishError> {
        let session = self.current.borrow().clone();
        session.filter(|session| session.is_healthy()).ok_or(PublishError::NotConnected)
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Publisher")
    }
}

/// Whole seconds, rounded up, within what the delayed-delivery queues can hold.
pub(crate) fn seconds_until(wait: time::Duration) -> u32 {
    let rounded_up = wait.whole_seconds().saturating_add(i64::from(wait.subsec_nanoseconds() > 0));
    u32::try_from(rounded_up.max(0)).unwrap_or(u32::MAX).min(MAX_DELAY_SECONDS)
}

/// One connection for publishing, from connect to break.
pub(crate) struct Session {
    pub(crate) connection: Arc<Connection>,
    channel: Channel,
    /// Held while a publish is numbered and queued; see [`Session::publish`].
    order: Mutex<()>,
    declared: Mutex<HashSet<ShortString>>,
    topology: tokio::sync::Mutex<Topology>,
    blocked: watch::Sender<bool>,
    last_confirm: Mutex<Instant>,
    broken: CancellationToken,
}

impl Session {
    /// Connects and declares the delayed-delivery queues.
    pub(crate) async fn open(shared: &Shared) -> lapin::Result<Self> {
        let connection = Arc::new(shared.connect("publisher").await?);
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let mut topology = Topology::open(Arc::clone(&connection)).await?;
        topology.delayed_delivery(shared.config.delayed_queue_type).await?;
        Ok(Self {
            connection,
            channel,
            order: Mutex::default(),
            declared: Mutex::default(),
            topology: topology.into(),
            blocked: watch::Sender::new(false),
            last_confirm: Instant::now().into(),
            broken: CancellationToken::new(),
        })
    }

    fn is_healthy(&self) -> bool {
        self.channel.status().connected()
            && self.connection.status().connected()
            && !self.broken.is_cancelled()
    }

    /// Watches the connection until it is of no more use, or we stop.
    pub(crate) async fn until_broken(&self, stop: &CancellationToken) {
        let mut events = self.connection.events_listener();
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        while self.is_healthy() {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.broken.cancelled() => return,
                event = events.next() => match event {
                    Some(Event::ConnectionBlocked(reason)) => {
                        tracing::warn!(reason, "the broker blocks publishing");
                        self.blocked.send_replace(true);
                    }
                    Some(Event::ConnectionUnblocked) => {
                        tracing::info!("the broker takes messages again");
                        self.blocked.send_replace(false);
                    }
                    Some(_) => {}
                    None => return,
                },
                // In case a break came without an event.
                _ = tick.tick() => {}
            }
        }
    }

    pub(crate) async fn close(&self) {
        self.broken.cancel();
        close(&self.connection).await;
    }

    /// A publish that began at `started` was not confirmed in time. If nothing else was confirmed
    /// since, the connection is taken for dead.
    fn suspect(&self, started: Instant) {
        if *lock(&self.last_confirm) < started {
            self.broken.cancel();
        }
    }

    async fn deliver(
        &self,
        shared: &Shared,
        queue: &ShortString,
        message: &Message,
        delay_seconds: u32,
    ) -> Result<(), PublishError> {
        self.declare(shared, queue).await?;
        let (exchange, key) = route(queue, delay_seconds);
        let (is_accepted, returned) = self.publish(exchange, key, message).await?;
        if let Some(returned) = returned {
            self.deliver_returned(shared, returned).await?;
        }
        if is_accepted { Ok(()) } else { Err(PublishError::Rejected) }
    }

    /// Tries once more to deliver a message that had no queue, which somebody must have deleted
    /// after we declared it.
    ///
    /// The returned message need not be the one whose confirm brought it: lapin gives it to
    /// whichever confirm is next. So it is this one that is published again, and the task behind
    /// that confirm answers for both.
    async fn deliver_returned(
        &self,
        shared: &Shared,
        returned: Box<BasicReturnMessage>,
    ) -> Result<(), PublishError> {
        let delivery = returned.delivery;
        lock(&self.declared).remove(&delivery.routing_key);
        if delivery.exchange.as_str().is_empty() {
            self.declare(shared, &delivery.routing_key).await?;
        }
        let message = Message { properties: delivery.properties, body: delivery.data };
        match self.publish(delivery.exchange, delivery.routing_key, &message).await? {
            (true, None) => Ok(()),
            (false, None) => Err(PublishError::Rejected),
            (_, Some(_)) => Err(PublishError::Unroutable),
        }
    }

    /// Declares `queue` (its name at the broker) once per connection.
    pub(crate) async fn declare(
        &self,
        shared: &Shared,
        queue: &ShortString,
    ) -> Result<(), lapin::Error> {
        if lock(&self.declared).contains(queue) {
            return Ok(());
        }
        let mut topology = self.topology.lock().await;
        topology.task_queue(queue, shared.config.queue_arguments()).await?;
        lock(&self.declared).insert(queue.clone());
        Ok(())
    }

    /// Publishes and waits for the confirm: whether the broker took the message, and a message that
    /// came back for want of a queue.
    async fn publish(
        &self,
        exchange: ShortString,
        key: ShortString,
        message: &Message,
    ) -> lapin::Result<(bool, Option<Box<BasicReturnMessage>>)> {
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        let properties = message.properties.clone();
        let mut publish =
            pin!(self.channel.basic_publish(exchange, key, options, &message.body, properties));
        // The first poll numbers the message and then queues its frames. Two publishers must not do
        // so in different orders, or each would get the other's confirm.
        let confirm = poll_fn(|context| {
            let _in_order = lock(&self.order);
            publish.as_mut().poll(context)
        })
        .await?;
        let confirmation = confirm.await?;
        *lock(&self.last_confirm) = Instant::now();
        let is_accepted = confirmation.is_ack();
        debug_assert_ne!(confirmation, Confirmation::NotRequested, "confirms are on");
        Ok((is_accepted, confirmation.take_message().map(Box::new)))
    }
}

/// Locks, also after a panic elsewhere: what these locks guard is whole at every step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_rounded_up() {
        let seconds = |seconds: f64| seconds_until(time::Duration::seconds_f64(seconds));
        assert_eq!(seconds(-5.0), 0);
        assert_eq!(seconds(0.0), 0);
        assert_eq!(seconds(0.2), 1);
        assert_eq!(seconds(2.0), 2);
        assert_eq!(seconds_until(time::Duration::MAX), MAX_DELAY_SECONDS);
    }
}
