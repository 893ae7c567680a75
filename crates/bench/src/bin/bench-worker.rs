//! One worker process that does nothing, for the `queue` suite of `bench` to measure.
//!
//! It is prepared as every process of ours, with metrics and a log; the log tells of warnings only,
//! which is what Celery does by default.

use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use domain::Clock;
use futures_util::TryStreamExt;
use lapin::{
    Connection, ConnectionProperties,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions},
    types::FieldTable,
};
use queue::{
    Attempt, Broker, BrokerConfig, Consume, Registry, Source, Task, TaskError, TaskResult,
};
use runtime::{LogFormat, Runtime};
use tasks::DeliverSms;
use tokio_util::sync::CancellationToken;

/// How long a task waits that asks for a retry: longer than any measurement.
const RETRY_AFTER: Duration = Duration::from_secs(600);

/// Consumes text messages to be sent, and sends none
#[derive(clap::Parser)]
struct Args {
    #[arg(value_enum)]
    kind: Kind,
    #[arg(long)]
    broker_url: String,
    #[arg(long)]
    queue_prefix: String,
    #[arg(long)]
    concurrency: u16,
    #[arg(long)]
    prefetch: u16,
    #[arg(long)]
    task_events: bool,
    #[arg(long)]
    no_worker_events: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    /// A handler that returns at once
    Noop,
    /// A handler that asks for a retry much later
    Retry,
    /// No handler, and nothing of the queue crate: each message is only acknowledged
    Raw,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    // A retry is a warning.
    let log_level = if matches!(args.kind, Kind::Retry) { "error" } else { "warn" };
    let config = runtime::Config {
        log_level: log_level.to_owned(),
        log_format: LogFormat::Json,
        management_addr: None,
        otlp_endpoint: None,
        otlp_service_name: "bench".to_owned(),
    };
    let Runtime { stop, .. } = runtime::start(&config)?;
    match args.kind {
        Kind::Noop => consume(&args, Registry::new(()).on(noop), stop).await,
        Kind::Retry => consume(&args, Registry::new(()).on(retry), stop).await,
        Kind::Raw => stop.run_until_cancelled(acknowledge(&args)).await.unwrap_or(Ok(())),
    }
}

async fn noop((): (), _: DeliverSms, _: Attempt) -> TaskResult {
    Ok(())
}

async fn retry((): (), _: DeliverSms, _: Attempt) -> TaskResult {
    Err(TaskError::retry_in("not yet", RETRY_AFTER))
}

async fn consume(
    args: &Args,
    registry: Registry<()>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut config = BrokerConfig::new(args.broker_url.as_str());
    config.queue_prefix.clone_from(&args.queue_prefix);
    config.task_events = args.task_events;
    config.worker_events = !args.no_worker_events;
    let (time, ids) = (Clock::system(), Clock::system());
    let source = Source::new(move || time.now(), move || ids.new_id());
    let broker = Broker::connect(&config, source).await;
    let Args { concurrency, prefetch, .. } = *args;
    let queues = [Consume { queue: DeliverSms::QUEUE, concurrency, prefetch }];
    queue::consume(&broker, registry, &queues, stop).await?;
    broker.close().await;
    Ok(())
}

/// The floor. Acknowledgements do not wait for each other, or it would be a low one.
async fn acknowledge(args: &Args) -> anyhow::Result<()> {
    let properties = ConnectionProperties::default();
    let connection = Connection::connect(&args.broker_url, properties).await?;
    let channel = connection.create_channel().await?;
    channel.basic_qos(args.prefetch, BasicQosOptions::default()).await?;
    let queue = format!("{}{}", args.queue_prefix, DeliverSms::QUEUE);
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    let deliveries = channel.basic_consume(queue.into(), "".into(), options, arguments).await?;
    deliveries
        .try_for_each_concurrent(usize::from(args.prefetch), |delivery| async move {
            delivery.acker.ack(BasicAckOptions::default()).await.map(drop)
        })
        .await
        .context("acknowledging")
}
