//! The broker: how fast it confirms at best, and who waits at its queues.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use domain::{Clock, NotificationId};
use futures_util::{StreamExt, stream::FuturesUnordered};
use lapin::{
    Channel, Confirmation, Connection, ConnectionProperties, Queue,
    options::{
        BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions,
        QueuePurgeOptions,
    },
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::FieldTable,
};
use queue::{Envelope, Trace, wire};
use tasks::{DeliverSms, Task};
use tokio::sync::Mutex;

use crate::load::WARM_UP;

/// Where the floor's messages go.
const SCRATCH_QUEUE: &str = "postroom-bench";

/// Celery's delayed-delivery queues.
const LEVELS: u32 = 28;

/// A connection to the system's broker.
pub struct Broker {
    connection: Connection,
    /// For looking at queues, until a refusal ends it.
    looking: Mutex<Option<Channel>>,
}

impl Broker {
    /// Connects.
    ///
    /// # Errors
    /// When the broker cannot be reached.
    pub async fn connect(url: &str) -> anyhow::Result<Self> {
        let connection = Connection::connect(url, ConnectionProperties::default()).await;
        let connection = connection.context("connecting to the broker")?;
        Ok(Self { connection, looking: Mutex::default() })
    }

    /// Waits until somebody consumes the text messages to be sent, or until nobody does.
    ///
    /// # Errors
    /// When that has not come within 90 seconds. The broker notices a worker that stands still
    /// after two missed heartbeats.
    pub async fn wait_for_workers(&self, wanted: bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(90);
        while (self.consumers().await? > 0) != wanted {
            let what = if wanted { "no worker consumes" } else { "a worker still consumes" };
            ensure!(Instant::now() < deadline, "{what} {}", DeliverSms::QUEUE);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    async fn consumers(&self) -> anyhow::Result<u32> {
        let found = self.find(DeliverSms::QUEUE).await?;
        Ok(found.map_or(0, |queue| queue.consumer_count()))
    }

    /// How many messages wait on a queue; none when it does not exist.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn messages(&self, queue: &str) -> anyhow::Result<u32> {
        Ok(self.find(queue).await?.map_or(0, |queue| queue.message_count()))
    }

    /// The queue, unless nobody has needed it so far.
    async fn find(&self, queue: &str) -> anyhow::Result<Option<Queue>> {
        let passive = QueueDeclareOptions { passive: true, ..Default::default() };
        let mut looking = self.looking.lock().await;
        let channel = match looking.take() {
            Some(channel) => channel,
            None => self.connection.create_channel().await?,
        };
        match declare(&channel, queue, passive).await {
            Ok(queue) => {
                *looking = Some(channel);
                Ok(Some(queue))
            }
            // The refusal closed the channel.
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Empties these queues, and those where tasks are delayed.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn forget(&self, queues: &[&str]) -> anyhow::Result<()> {
        // From the longest to the shortest delay, as the messages go.
        for level in (0..LEVELS).rev() {
            self.empty(&format!("celery_delayed_{level}")).await?;
        }
        for queue in queues {
            self.empty(queue).await?;
        }
        Ok(())
    }

    /// Empties a queue, if it exists.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn empty(&self, queue: &str) -> anyhow::Result<()> {
        if self.find(queue).await?.is_some() {
            let channel = self.connection.create_channel().await?;
            channel.queue_purge(queue.into(), QueuePurgeOptions::default()).await?;
            channel.close(200, "bye".into()).await?;
        }
        Ok(())
    }

    /// Confirmed publishes per second of the message that a POST publishes, `in_flight` at a time
    /// on one channel, to a durable queue that is deleted afterwards.
    ///
    /// # Errors
    /// When the broker refuses a message.
    pub async fn publishes_per_second(
        &self,
        clock: &Clock,
        in_flight: usize,
        time: Duration,
    ) -> anyhow::Result<f64> {
        let channel = self.connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let durable = QueueDeclareOptions { durable: true, ..Default::default() };
        declare(&channel, SCRATCH_QUEUE, durable).await?;
        let message = message(clock)?;
        let begin = Instant::now() + WARM_UP;
        let end = begin + time;
        // All are polled by this task alone, so messages are numbered in the order they leave.
        let mut under_way: FuturesUnordered<_> =
            (0..in_flight).map(|_| publish(&channel, &message)).collect();
        let mut confirmed = 0_u32;
        while let Some(published) = under_way.next().await {
            published?;
            let now = Instant::now();
            confirmed += u32::from(now >= begin && now <= end);
            if now < end {
                under_way.push(publish(&channel, &message));
            }
        }
        drop(under_way);
        channel.queue_delete(SCRATCH_QUEUE.into(), QueueDeleteOptions::default()).await?;
        channel.close(200, "bye".into()).await?;
        Ok(f64::from(confirmed) / time.as_secs_f64())
    }
}

async fn declare(
    channel: &Channel,
    queue: &str,
    options: QueueDeclareOptions,
) -> lapin::Result<Queue> {
    channel.queue_declare(queue.into(), options, FieldTable::default()).await
}

fn is_not_found(error: &lapin::Error) -> bool {
    let not_found = AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND);
    matches!(error.kind(), lapin::ErrorKind::ProtocolError(error) if *error.kind() == not_found)
}

async fn publish(channel: &Channel, message: &wire::Message) -> anyhow::Result<()> {
    let options = BasicPublishOptions { mandatory: true, immediate: false };
    let properties = message.properties.clone();
    let confirm = channel
        .basic_publish("".into(), SCRATCH_QUEUE.into(), options, &message.body, properties)
        .await?
        .await?;
    ensure!(matches!(confirm, Confirmation::Ack(None)), "the broker refused a message");
    Ok(())
}

/// What the API publishes for one text message: same body, headers and properties.
fn message(clock: &Clock) -> anyhow::Result<wire::Message> {
    let task = DeliverSms { notification_id: NotificationId(clock.new_id()) };
    let request_id = clock.new_id().simple().to_string();
    let envelope = Envelope::new(&task, clock.new_id(), &Trace::default())?
        .header("notify_request_id", request_id);
    let reply_to = clock.new_id().to_string();
    Ok(wire::encode(&envelope, "gen1@localhost", &reply_to, clock.now())?)
}
