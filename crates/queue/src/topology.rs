//! Exchanges, queues and bindings, exactly as Celery declares them.

use std::sync::Arc;

use lapin::{
    Channel, Connection, ExchangeKind,
    options::{ExchangeBindOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{AMQPValue, FieldTable, ShortString},
};

use crate::config::QueueType;

/// The exchange that task queues are bound to. Celery declares it and publishes past it, through
/// the broker's nameless exchange; so do we.
const TASK_EXCHANGE: &str = "default";
/// Where a message leaves the delayed-delivery queues.
const DELIVERY_EXCHANGE: &str = "celery_delayed_delivery";
/// One delayed-delivery queue per bit of the delay in seconds.
const LEVELS: usize = 28;

/// The longest name of a queue: with the bits of a delay before it, it must still be a name.
pub(crate) const MAX_QUEUE_NAME_BYTES: usize = 255 - 2 * LEVELS;

/// The longest delay, in whole seconds: over eight years.
pub(crate) const MAX_DELAY_SECONDS: u32 = (1 << LEVELS) - 1;

/// Declares on a channel of its own, because an error closes the channel it happens on.
pub(crate) struct Topology {
    connection: Arc<Connection>,
    channel: Channel,
}

impl Topology {
    pub(crate) async fn open(connection: Arc<Connection>) -> lapin::Result<Self> {
        let channel = connection.create_channel().await?;
        Ok(Self { connection, channel })
    }

    /// Declares a task queue, its exchange, and the way back from a delay.
    pub(crate) async fn task_queue(
        &mut self,
        queue: &ShortString,
        arguments: FieldTable,
    ) -> lapin::Result<()> {
        if !self.channel.status().connected() {
            // An earlier declaration was refused.
            self.channel = self.connection.create_channel().await?;
        }
        self.exchange(TASK_EXCHANGE.into(), ExchangeKind::Direct).await?;
        self.queue(queue, arguments).await?;
        self.bind(queue, TASK_EXCHANGE.into(), queue.clone()).await?;
        self.exchange(DELIVERY_EXCHANGE.into(), ExchangeKind::Topic).await?;
        self.bind(queue, DELIVERY_EXCHANGE.into(), format!("#.{queue}").into()).await
    }

    /// Declares Celery's native delayed delivery.
    ///
    /// Level n holds a message for 2^n seconds. A routing key starts with the 28 bits of the delay,
    /// highest first: at each level a 1 leads into that level's queue, which passes the message on
    /// to the next level when its time is up; a 0 leads there at once.
    pub(crate) async fn delayed_delivery(&mut self, queue_type: QueueType) -> lapin::Result<()> {
        self.exchange(DELIVERY_EXCHANGE.into(), ExchangeKind::Topic).await?;
        for level in 0..LEVELS {
            let here: ShortString = level_name(level).into();
            let next: ShortString = match level.checked_sub(1) {
                Some(below) => level_name(below).into(),
                None => DELIVERY_EXCHANGE.into(),
            };
            // The bits above this level may be anything.
            let above = "*.".repeat(LEVELS - 1 - level);
            self.exchange(here.clone(), ExchangeKind::Topic).await?;
            self.queue(&here, level_arguments(level, &next, queue_type)).await?;
            self.bind(&here, here.clone(), format!("{above}1.#").into()).await?;
            self.channel
                .exchange_bind(
                    next,
                    here,
                    format!("{above}0.#").into(),
                    ExchangeBindOptions::default(),
                    FieldTable::default(),
                )
                .await?;
        }
        Ok(())
    }

    /// Creates a durable queue. One that exists with other arguments is used as it is: whether a
    /// queue is classic or quorum is not ours to change.
    async fn queue(&mut self, name: &ShortString, arguments: FieldTable) -> lapin::Result<()> {
        let durable = QueueDeclareOptions { durable: true, ..Default::default() };
        match self.channel.queue_declare(name.clone(), durable, arguments).await {
            Err(error) if is_mismatch(&error) => {
                tracing::debug!(queue.name = %name, "{name} exists with other arguments");
                self.channel = self.connection.create_channel().await?;
                Ok(())
            }
            result => result.map(|_| ()),
        }
    }

    async fn exchange(&self, name: ShortString, kind: ExchangeKind) -> lapin::Result<()> {
        let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
        self.channel.exchange_declare(name, kind, durable, FieldTable::default()).await
    }

    async fn bind(
        &self,
        queue: &ShortString,
        exchange: ShortString,
        routing_key: ShortString,
    ) -> lapin::Result<()> {
        let options = QueueBindOptions::default();
        self.channel
            .queue_bind(queue.clone(), exchange, routing_key, options, FieldTable::default())
            .await
    }
}

fn is_mismatch(error: &lapin::Error) -> bool {
    let mismatch = AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED);
    matches!(error.kind(), lapin::ErrorKind::ProtocolError(error) if *error.kind() == mismatch)
}

fn level_name(level: usize) -> String {
    format!("celery_delayed_{level}")
}

fn level_arguments(level: usize, next: &ShortString, queue_type: QueueType) -> FieldTable {
    let ttl_ms = 1000_i64 << level;
    let mut arguments = FieldTable::default();
    for (name, value) in [
        ("x-queue-type", queue_type.argument()),
        ("x-overflow", crate::table::text("reject-publish")),
        ("x-message-ttl", AMQPValue::LongLongInt(ttl_ms)),
        ("x-dead-letter-exchange", crate::table::text(next.as_str())),
    ] {
        arguments.insert(name.into(), value);
    }
    if queue_type == QueueType::Quorum {
        // Without it a message is dropped when the next level cannot take it.
        let strategy = crate::table::text("at-least-once");
        arguments.insert("x-dead-letter-strategy".into(), strategy);
    }
    arguments
}

/// Where a message for `queue` enters: exchange and routing key. Without a delay that is the
/// nameless exchange, which knows every queue by its name.
///
/// `queue` has at most [`MAX_QUEUE_NAME_BYTES`].
pub(crate) fn route(queue: &ShortString, delay_seconds: u32) -> (ShortString, ShortString) {
    if delay_seconds == 0 {
        return (ShortString::default(), queue.clone());
    }
    let delay = delay_seconds.min(MAX_DELAY_SECONDS);
    let bits: Vec<_> = format!("{delay:0LEVELS$b}").chars().map(String::from).collect();
    (level_name(LEVELS - 1).into(), format!("{}.{queue}", bits.join(".")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_spelled_in_bits() {
        let queue = ShortString::from("tasks");
        assert_eq!(route(&queue, 0), ("".into(), "tasks".into()));
        let (exchange, key) = route(&queue, 5);
        assert_eq!(exchange.as_str(), "celery_delayed_27");
        assert_eq!(key.as_str(), format!("{}1.0.1.tasks", "0.".repeat(25)));
        assert_eq!(route(&queue, u32::MAX).1.as_str(), format!("{}tasks", "1.".repeat(28)));
        let longest = ShortString::from("q".repeat(MAX_QUEUE_NAME_BYTES));
        assert_eq!(route(&longest, 1).1.as_str().len(), 255);
    }
}
