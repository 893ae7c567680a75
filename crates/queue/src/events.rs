//! Celery's events: what Flower and `celery events` show.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use lapin::{
    BasicProperties, Channel, Connection, ExchangeKind,
    options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions},
    types::FieldTable,
};
use serde_json::{Value, json};
use tokio::{
    sync::{Mutex, Notify, mpsc},
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    broker::{Error, answered},
    node::Node,
    table,
};

const EXCHANGE: &str = "celeryev";
/// Who hears nothing for twice as long takes the worker for dead.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// Events of tasks are held for so long, to travel together.
const LINGER: Duration = Duration::from_millis(100);
/// The most events of tasks in one message.
const MAX_TOGETHER: usize = 250;
/// The most events of tasks that wait for the broker.
const MAX_WAITING: usize = 8192;
/// What is left at the end gets so long.
const FAREWELL: Duration = Duration::from_secs(2);

/// The events of tasks on their way out. Work never waits for them: what the broker does not take
/// in time is dropped, and counted.
pub(crate) struct Events {
    on: AtomicBool,
    sender: mpsc::Sender<Value>,
    receiver: Mutex<mpsc::Receiver<Value>>,
    /// Somebody wants a heartbeat now.
    pub(crate) beat: Notify,
}

impl Events {
    pub(crate) fn new(on: bool) -> Self {
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        Self { on: on.into(), sender, receiver: receiver.into(), beat: Notify::new() }
    }

    pub(crate) fn are_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Switches the events of tasks. Returns whether they were on.
    pub(crate) fn switch(&self, on: bool) -> bool {
        self.on.swap(on, Ordering::Relaxed)
    }

    pub(crate) fn push(&self, event: Value) {
        if self.sender.try_send(event).is_err() {
            metrics::counter!("queue_events_dropped_total").increment(1);
        }
    }
}

/// Sends events over `connection` until `done`, and says good-bye then.
pub(crate) async fn send(
    node: &Node,
    connection: &Connection,
    done: &CancellationToken,
) -> Result<(), Error> {
    let out = Out::open(node, connection).await?;
    let mut waiting = node.events.receiver.lock().await;
    let mut beats = interval(HEARTBEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first is over at once.
    beats.tick().await;
    out.worker("worker-online").await?;
    loop {
        tokio::select! {
            () = done.cancelled() => break,
            _ = beats.tick() => out.worker("worker-heartbeat").await?,
            () = node.events.beat.notified() => out.worker("worker-heartbeat").await?,
            Some(first) = waiting.recv() => {
                sleep(LINGER).await;
                out.tasks(Some(first), &mut waiting).await?;
            }
        }
    }
    let farewell = async {
        // From now on each publish is confirmed: lapin may let the end of a connection overtake what
        // is not written yet.
        answered(out.channel.confirm_select(ConfirmSelectOptions::default())).await?;
        out.tasks(None, &mut waiting).await?;
        out.worker("worker-offline").await
    };
    timeout(FAREWELL, farewell).await.unwrap_or(Ok(()))
}

/// The way out.
struct Out<'a> {
    node: &'a Node,
    channel: Channel,
    properties: BasicProperties,
}

impl<'a> Out<'a> {
    async fn open(node: &'a Node, connection: &Connection) -> Result<Self, Error> {
        let channel = answered(connection.create_channel()).await?;
        let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
        let arguments = FieldTable::default();
        let topic = ExchangeKind::Topic;
        answered(channel.exchange_declare(EXCHANGE.into(), topic, durable, arguments)).await?;
        let mut headers = FieldTable::default();
        headers.insert("hostname".into(), table::text(&node.name));
        Ok(Self { node, channel, properties: transient_json(headers) })
    }

    /// Tells of the worker itself, unless the configuration says no.
    async fn worker(&self, kind: &'static str) -> Result<(), Error> {
        if !self.node.shared.config.worker_events {
            return Ok(());
        }
        let (active, processed) = self.node.running.counts();
        let fields = json!({
            "freq": HEARTBEAT.as_secs_f64(),
            "active": active,
            "processed": processed,
            "loadavg": load_average(),
            "sw_ident": "postroom",
            "sw_ver": env!("CARGO_PKG_VERSION"),
            "sw_sys": "Linux",
        });
        self.publish(&kind.replace('-', "."), &self.node.event(kind, fields)).await
    }

    /// Sends what waits, `first` before the others.
    async fn tasks(
        &self,
        first: Option<Value>,
        waiting: &mut mpsc::Receiver<Value>,
    ) -> Result<(), Error> {
        let mut events: Vec<_> = first.into_iter().collect();
        // No more than was there: heartbeats are due as well.
        for _ in 0..waiting.len() {
            events.extend(waiting.try_recv().ok());
        }
        while !events.is_empty() {
            let rest = events.split_off(events.len().min(MAX_TOGETHER));
            let batch = std::mem::replace(&mut events, rest);
            self.publish("task.multi", &Value::Array(batch)).await?;
        }
        Ok(())
    }

    async fn publish(&self, routing_key: &str, body: &Value) -> Result<(), Error> {
        let (options, properties) = (BasicPublishOptions::default(), self.properties.clone());
        let (key, body) = (table::name(routing_key)?, body.to_string());
        let publish =
            self.channel.basic_publish(EXCHANGE.into(), key, options, body.as_bytes(), properties);
        answered(answered(publish).await?).await?;
        Ok(())
    }
}

/// Properties of a message that need not outlive the broker.
pub(crate) fn transient_json(headers: FieldTable) -> BasicProperties {
    BasicProperties::default()
        .with_content_type("application/json".into())
        .with_content_encoding("utf-8".into())
        .with_delivery_mode(1)
        .with_priority(0)
        .with_headers(headers)
}

/// The load of the machine over 1, 5 and 15 minutes; zeros where it is not known.
fn load_average() -> [f64; 3] {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mut numbers = text.split_whitespace().map(|number| number.parse().unwrap_or_default());
    std::array::from_fn(|_| numbers.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_does_not_wait_for_events() {
        let mut events = Events::new(true);
        for number in 0..MAX_WAITING + 10 {
            events.push(json!(number));
        }
        let waiting = events.receiver.get_mut();
        assert_eq!(waiting.len(), MAX_WAITING);
        assert_eq!(waiting.try_recv().unwrap(), json!(0));
    }
}
