//! The queue crate: one worker process of ours beside a Celery worker, and beside a client that
//! does no more than it must; and the same for publishing.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use domain::{Clock, NotificationId};
use queue::{BrokerConfig, Envelope, Publisher, Source, Trace};
use tasks::{DeliverSms, Task};

use crate::{
    broker::Broker,
    children::Child,
    cli::Args,
    load::WARM_UP,
    report::worker::{Queue, Rates, Retries, middle},
};

/// Each rate is measured so often, one kind after the other, and the middle one counts: whatever
/// else happens on the machine then meets all kinds alike.
const ROUNDS: usize = 3;
/// As every role has for short tasks.
const CONCURRENCY: u16 = 64;
const PREFETCH: u16 = 4 * CONCURRENCY;
const PREFIX: &str = "bench-";
/// More than are consumed in one second.
const A_SECOND_OF_MESSAGES: u32 = 20_000;
/// Tasks that ask for a retry.
const TO_RETRY: u32 = 100_000;
/// After so many of them a worker has all the memory that it needs.
const RETRIED_TO_WARM_UP: u32 = 10_000;
/// Where they wait at first, each for 600 s.
const DELAYED: &str = "celery_delayed_9";
/// How many messages of ours are under way, as in `Publisher::publish_all`.
const IN_FLIGHT: usize = 512;
/// How long a worker may take to start, and a queue to fill or empty.
const PATIENCE: Duration = Duration::from_secs(600);

/// Everything that this suite needs.
struct Bench {
    url: String,
    celery: PathBuf,
    broker: Broker,
    ours: queue::Broker,
    messages: Vec<Envelope>,
    time: Duration,
    clock: Clock,
}

/// What consumes.
#[derive(Clone, Copy)]
enum Kind {
    Noop,
    TaskEvents,
    NoEvents,
    Raw,
    Celery,
}

/// Measures the queue crate.
///
/// # Errors
/// When a broker of its own, or Celery, is not there.
pub async fn run(args: &Args, clock: &Clock) -> anyhow::Result<Queue> {
    let url = args.queue_broker_url.clone().context("--queue-broker-url is needed")?;
    let celery = args.celery.clone().context("--celery is needed")?;
    let mut config = BrokerConfig::new(url.as_str());
    PREFIX.clone_into(&mut config.queue_prefix);
    config.publish_timeout_ms = 60_000;
    let (time, ids) = (clock.clone(), clock.clone());
    let ours =
        queue::Broker::connect(&config, Source::new(move || time.now(), move || ids.new_id()));
    let bench = Bench {
        broker: Broker::connect(&url).await?,
        ours: ours.await,
        messages: (0..20_000).map(|_| message(clock)).collect::<Result<_, _>>()?,
        time: Duration::from_secs(args.seconds.into()),
        clock: clock.clone(),
        url,
        celery,
    };
    let measured = bench.measure().await;
    let cleared = bench.clear().await;
    bench.ours.close().await;
    cleared.and(measured)
}

/// The task that a POST publishes.
fn message(clock: &Clock) -> anyhow::Result<Envelope> {
    let task = DeliverSms { notification_id: NotificationId(clock.new_id()) };
    let request_id = clock.new_id().simple().to_string();
    let envelope = Envelope::new(&task, clock.new_id(), &Trace::default())?;
    Ok(envelope.header("notify_request_id", request_id))
}

impl Bench {
    async fn measure(&self) -> anyhow::Result<Queue> {
        self.clear().await?;
        self.fill(1).await?;
        let (mut noop, mut task_events, mut no_events) = (Vec::new(), Vec::new(), Vec::new());
        let (mut raw, mut celery) = (Vec::new(), Vec::new());
        let (mut published, mut raw_published) = (Vec::new(), Vec::new());
        for round in 1..=ROUNDS {
            eprintln!("no-op tasks, round {round} of {ROUNDS}");
            noop.push(self.consumed_per_second(Kind::Noop).await?);
            raw.push(self.consumed_per_second(Kind::Raw).await?);
            task_events.push(self.consumed_per_second(Kind::TaskEvents).await?);
            no_events.push(self.consumed_per_second(Kind::NoEvents).await?);
            celery.push(self.consumed_per_second(Kind::Celery).await?);
        }
        for round in 1..=ROUNDS {
            eprintln!("publishing, round {round} of {ROUNDS}");
            self.clear().await?;
            published.push(self.published_per_second().await?);
            self.clear().await?;
            let floor = self.broker.publishes_per_second(&self.clock, IN_FLIGHT, self.time).await?;
            raw_published.push(floor);
        }
        Ok(Queue {
            concurrency: CONCURRENCY,
            prefetch: PREFETCH,
            in_flight: IN_FLIGHT,
            noop: Rates::new(noop, raw),
            celery_per_second: middle(celery),
            with_task_events_per_second: middle(task_events),
            without_any_events_per_second: middle(no_events),
            publish: Rates::new(published, raw_published),
            retries: self.retries().await?,
        })
    }

    /// How many messages a worker process takes per second, by the number that is left.
    async fn consumed_per_second(&self, kind: Kind) -> anyhow::Result<f64> {
        let seconds = u32::try_from((self.time + WARM_UP).as_secs())?;
        self.fill(seconds * A_SECOND_OF_MESSAGES).await?;
        let full = self.waiting().await?;
        let worker = match kind {
            Kind::Noop => self.worker("noop", &[])?,
            Kind::TaskEvents => self.worker("noop", &["--task-events"])?,
            Kind::NoEvents => self.worker("noop", &["--no-worker-events"])?,
            Kind::Raw => self.worker("raw", &[])?,
            Kind::Celery => Child::celery(&self.celery, &self.url, &self.queue())?,
        };
        self.until("a worker takes messages", async || {
            Ok(self.waiting().await? < full - 2 * u32::from(PREFETCH))
        })
        .await?;
        tokio::time::sleep(WARM_UP).await;
        let (begin, before) = (Instant::now(), self.waiting().await?);
        let mut after = before;
        while after > 0 && begin.elapsed() < self.time {
            tokio::time::sleep(Duration::from_millis(50)).await;
            after = self.waiting().await?;
        }
        let elapsed = begin.elapsed();
        worker.stop().await?;
        Ok(f64::from(before.saturating_sub(after)) / elapsed.as_secs_f64())
    }

    /// Confirmed publishes per second, many at a time.
    async fn published_per_second(&self) -> anyhow::Result<f64> {
        let publisher = self.ours.publisher();
        let (warm_up, messages) = self.messages.split_at(self.messages.len() / 10);
        publish(&publisher, warm_up).await?;
        let (begin, mut published) = (Instant::now(), 0);
        while begin.elapsed() < self.time {
            publish(&publisher, messages).await?;
            published += messages.len();
        }
        Ok(published as f64 / begin.elapsed().as_secs_f64())
    }

    /// The memory of a worker whose tasks all ask for a retry, so that as many messages wait for
    /// their time.
    async fn retries(&self) -> anyhow::Result<Retries> {
        eprintln!("{TO_RETRY} retries");
        self.clear().await?;
        self.fill(TO_RETRY).await?;
        let begin = Instant::now();
        let worker = self.worker("retry", &[])?;
        let delayed = |count| async move { Ok(self.broker.messages(DELAYED).await? >= count) };
        self.until("tasks are retried", async || delayed(RETRIED_TO_WARM_UP).await).await?;
        let warm_kib = worker.resident_kib()?;
        let mut most_kib = warm_kib;
        self.until("all tasks are retried", async || {
            most_kib = most_kib.max(worker.resident_kib()?);
            delayed(TO_RETRY).await
        })
        .await?;
        let seconds = begin.elapsed().as_secs_f64();
        let last_kib = worker.resident_kib()?;
        worker.stop().await?;
        Ok(Retries { tasks: TO_RETRY, seconds, warm_kib, most_kib, last_kib })
    }

    fn worker(&self, kind: &str, more: &[&str]) -> anyhow::Result<Child> {
        let (concurrency, prefetch) = (CONCURRENCY.to_string(), PREFETCH.to_string());
        let given = [kind, "--concurrency", &concurrency, "--prefetch", &prefetch];
        let prefix = ["--queue-prefix", PREFIX, "--broker-url", &self.url];
        let all = given.iter().chain(&prefix).chain(more).map(|&argument| argument.to_owned());
        Child::start("bench-worker", &all.collect::<Vec<_>>())
    }

    fn queue(&self) -> String {
        format!("{PREFIX}{}", DeliverSms::QUEUE)
    }

    /// Messages that no worker has.
    async fn waiting(&self) -> anyhow::Result<u32> {
        self.broker.messages(&self.queue()).await
    }

    /// Publishes until at least so many messages wait.
    async fn fill(&self, count: u32) -> anyhow::Result<()> {
        let publisher = self.ours.publisher();
        loop {
            let missing = count.saturating_sub(self.waiting().await?) as usize;
            if missing == 0 {
                return Ok(());
            }
            publish(&publisher, &self.messages[..missing.min(self.messages.len())]).await?;
        }
    }

    /// Leaves no message behind.
    async fn clear(&self) -> anyhow::Result<()> {
        let retries = format!("{PREFIX}{}", tasks::queues::RETRY);
        self.broker.forget(&[&self.queue(), &retries]).await
    }

    async fn until(
        &self,
        what: &str,
        mut happened: impl AsyncFnMut() -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !happened().await? {
            ensure!(Instant::now() < deadline, "waited too long until {what}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

async fn publish(publisher: &Publisher, messages: &[Envelope]) -> anyhow::Result<()> {
    for result in publisher.publish_all(messages).await {
        result?;
    }
    Ok(())
}
