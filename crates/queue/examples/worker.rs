//! A worker to look at with `celery inspect`, `celery events` or Flower:
//!
//! `CELERY_BROKER_URL=amqp://… POSTROOM_TASK_EVENTS=1 cargo run -p queue --example worker`
//!
//! It publishes one task a second to itself: each waits two seconds, and every third fails.

use std::time::Duration;

use clap::Parser;
use queue::{
    Attempt, Broker, BrokerConfig, Consume, Envelope, Registry, Source, Task, TaskError,
    TaskResult, Trace,
};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

#[derive(Parser)]
struct Options {
    #[command(flatten)]
    broker: BrokerConfig,
}

#[derive(Serialize, Deserialize)]
struct Pause {
    number: u32,
    note: String,
}

impl Task for Pause {
    const NAME: &'static str = "pause";
    const QUEUE: &'static str = "example-tasks";
    const ARGS: &'static [&'static str] = &["number", "note"];
}

async fn pause((): (), task: Pause, _: Attempt) -> TaskResult {
    tokio::time::sleep(Duration::from_secs(2)).await;
    if task.number.is_multiple_of(3) { Err(TaskError::fail("every third fails")) } else { Ok(()) }
}

#[expect(clippy::disallowed_methods, reason = "here nothing is above that could pass them in")]
fn source() -> Source {
    Source::new(time::OffsetDateTime::now_utc, uuid::Uuid::new_v4)
}

#[expect(clippy::disallowed_methods, reason = "as above")]
async fn publish(broker: &Broker) {
    for number in 0.. {
        let task = Pause { number, note: "not to be seen".to_owned() };
        let envelope = Envelope::new(&task, uuid::Uuid::new_v4(), &Trace::default());
        if let Ok(envelope) = envelope {
            // Without a broker the next one will do.
            let _ = broker.publisher().publish(&envelope).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::main]
async fn main() -> Result<(), queue::Error> {
    let options = Options::parse();
    let broker = Broker::connect(&options.broker, source()).await;
    let registry = Registry::new(()).on(pause);
    let queues = [Consume { queue: Pause::QUEUE, concurrency: 2, prefetch: 8 }];
    tokio::select! {
        ended = queue::consume(&broker, registry, &queues, CancellationToken::new()) => ended?,
        () = publish(&broker) => {}
    }
    broker.close().await;
    Ok(())
}
