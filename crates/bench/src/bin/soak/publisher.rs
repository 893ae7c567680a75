//! The process that publishes.

use std::{
    cell::Cell,
    io,
    time::{Duration, Instant},
};

use domain::Clock;
use futures_util::{StreamExt, stream::FuturesUnordered};
use queue::{Envelope, Publisher, Trace};
use runtime::LogFormat;
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    cli,
    job::{Job, Plan, connect},
};

/// How many publishes are under way at a time.
const IN_FLIGHT: usize = 256;
/// How often it says how far it is.
const TELL: Duration = Duration::from_millis(200);

/// Publishes tasks 0, 1, 2, … each until the broker has it. Reads from its standard input up to
/// which number, and writes to its standard output how many the broker has, and how often a publish
/// failed. Ends with its input.
///
/// # Errors
/// When it cannot start.
pub async fn publish(args: cli::Publisher) -> anyhow::Result<()> {
    let config = runtime::Config {
        log_level: "off".to_owned(),
        log_format: LogFormat::Text,
        management_addr: None,
        otlp_endpoint: None,
        otlp_service_name: "soak".to_owned(),
    };
    runtime::start(&config)?;
    let broker = connect(&args.common).await;
    let (publisher, clock) = (broker.publisher(), Clock::system());
    let failures = Cell::new(0_u64);
    let mut under_way = FuturesUnordered::new();
    let (mut next, mut accepted) = (0, 0);
    let mut limit = limit();
    let mut told = Instant::now();
    let mut tick = tokio::time::interval(TELL);
    loop {
        while next < *limit.borrow() && under_way.len() < IN_FLIGHT {
            let envelope = envelope(next, args.seed, &clock)?;
            under_way.push(until_accepted(&publisher, envelope, &failures));
            next += 1;
        }
        tokio::select! {
            more = limit.changed() => if more.is_err() { break },
            Some(()) = under_way.next() => accepted += 1,
            _ = tick.tick() => {}
        }
        if told.elapsed() >= TELL {
            println!("{accepted} {}", failures.get());
            told = Instant::now();
        }
    }
    drop(under_way);
    broker.close().await;
    Ok(())
}

/// The number that was read last. Closed when the input has ended.
fn limit() -> watch::Receiver<u32> {
    let (sender, limit) = watch::channel(0);
    std::thread::spawn(move || {
        for line in io::stdin().lines() {
            let Some(number) = line.ok().and_then(|line| line.parse().ok()) else { return };
            sender.send_replace(number);
        }
    });
    limit
}

/// Task `number`. It is the same message however often it is published.
fn envelope(number: u32, seed: u64, clock: &Clock) -> anyhow::Result<Envelope> {
    let id = Uuid::from_u64_pair(seed, number.into());
    let eta = match Plan::of(number) {
        Plan::Later(delay) => Some(clock.now() + delay),
        _ => None,
    };
    let not_before = eta.and_then(|eta| i64::try_from(eta.unix_timestamp_nanos() / 1_000_000).ok());
    let mut envelope = Envelope::new(&Job { number, not_before }, id, &Trace::default())?;
    envelope.eta = eta;
    Ok(envelope)
}

async fn until_accepted(publisher: &Publisher, envelope: Envelope, failures: &Cell<u64>) {
    while publisher.publish(&envelope).await.is_err() {
        failures.set(failures.get() + 1);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
