//! A broker for one test: queues with a prefix of its own, deleted at the end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use lapin::{
    Channel, Connection, ConnectionProperties,
    message::BasicGetMessage,
    options::{BasicGetOptions, QueueDeleteOptions},
};
use queue::{
    Attempt, Broker, BrokerConfig, Consume, Envelope, QueueType, Registry, Retry, Source, Task,
    TaskError, TaskResult, Trace,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What tests publish and run. `plan` says how its handler ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    pub number: u32,
    pub plan: Plan,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Plan {
    Succeed,
    Fail,
    Retry,
    RetryAtOnce,
    /// Puts itself aside for a second, each time.
    Postpone,
    Panic,
    Hang,
}

impl Task for Job {
    const NAME: &'static str = "job";
    const QUEUE: &'static str = "jobs";
    const ARGS: &'static [&'static str] = &["number", "plan"];
    const RETRY: Retry = Retry::every(Duration::from_secs(1), 1).on("retries");
    const TIME_LIMIT: Duration = Duration::from_millis(500);
}

/// The queues that tests use.
pub const QUEUES: &[&str] = &["jobs", "retries", "others"];

/// One run of a [`Job`], as its handler saw it.
pub struct Run {
    pub job: Job,
    pub attempt: Attempt,
    pub at: OffsetDateTime,
}

/// What the handler of [`Job`] is given: where to tell of its runs.
#[derive(Clone)]
pub struct Context {
    runs: mpsc::UnboundedSender<Run>,
    pub busy: Arc<AtomicU32>,
    /// How often a job had its last run in vain.
    pub exhausted: Arc<AtomicU32>,
    /// How long each run takes.
    pub work: Duration,
}

async fn run(context: Context, job: Job, attempt: Attempt) -> TaskResult {
    context.busy.fetch_add(1, Ordering::SeqCst);
    tokio::time::sleep(context.work).await;
    let plan = job.plan;
    context.runs.send(Run { job, attempt, at: now() }).unwrap();
    match plan {
        Plan::Succeed => Ok(()),
        Plan::Fail => Err(TaskError::fail("no good")),
        Plan::Retry => Err(TaskError::retry("not yet")),
        Plan::RetryAtOnce => Err(TaskError::retry_in("again", Duration::ZERO)),
        Plan::Postpone => Err(TaskError::postpone("no room", Duration::from_secs(1))),
        Plan::Panic => panic!("a panic that the test asked for"),
        Plan::Hang => std::future::pending().await,
    }
}

async fn exhausted(context: Context, job: Job, attempt: Attempt) -> TaskResult {
    assert!(attempt.is_last());
    context.exhausted.fetch_add(1, Ordering::SeqCst);
    match job.plan {
        Plan::Panic => panic!("another panic that the test asked for"),
        _ => Err(TaskError::fail("nothing helps")),
    }
}

/// The runs of the handlers of a registry.
pub struct Runs(mpsc::UnboundedReceiver<Run>);

impl Runs {
    pub async fn next(&mut self) -> Run {
        let next = tokio::time::timeout(Duration::from_secs(20), self.0.recv()).await;
        next.expect("a task is run within 20 s").unwrap()
    }

    pub fn so_far(&mut self) -> Vec<Run> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}

pub fn registry() -> (Registry<Context>, Runs, Context) {
    registry_with(Duration::ZERO)
}

/// A registry whose runs take as long as `work`.
pub fn registry_with(work: Duration) -> (Registry<Context>, Runs, Context) {
    let (runs, seen) = mpsc::unbounded_channel();
    let context = Context { runs, busy: Arc::default(), work, exhausted: Arc::default() };
    let registry =
        Registry::new(context.clone()).on(run).on_exhausted(exhausted).reserve("someday", "later");
    (registry, Runs(seen), context)
}

#[expect(clippy::disallowed_methods, reason = "tests need the time that the broker has")]
pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

#[expect(clippy::disallowed_methods, reason = "tests need ids that no other test has")]
pub fn new_id() -> Uuid {
    Uuid::new_v4()
}

pub fn job(number: u32, plan: Plan) -> Envelope {
    Envelope::new(&Job { number, plan }, new_id(), &Trace::default()).unwrap()
}

fn environment(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `make test`"))
}

/// The URL of the vhost that has Celery's delayed-delivery queues.
pub fn url() -> String {
    url_of(0)
}

/// The URL of one of the vhosts for tests.
pub fn url_of(vhost: usize) -> String {
    let vhosts = environment("POSTROOM_TEST_VHOSTS");
    let vhost = vhosts.split(',').nth(vhost).unwrap();
    let server = environment("POSTROOM_TEST_BROKER_URL");
    let authority = server.strip_prefix("amqp://").unwrap().split('/').next().unwrap();
    format!("amqp://{authority}/{vhost}")
}

fn config_for(url: &str) -> BrokerConfig {
    let mut config = BrokerConfig::new(url);
    config.request_id_header = Some("request_id".to_owned());
    config.inherited_headers = vec!["request_id".to_owned()];
    config
}

pub struct TestBroker {
    pub broker: Broker,
    pub config: BrokerConfig,
    /// A channel that does not go through the crate.
    pub channel: Channel,
    _connection: Connection,
}

impl TestBroker {
    pub async fn start() -> Self {
        Self::start_at(&url()).await
    }

    /// With the crate's connections going to `url`, say that of a proxy.
    pub async fn start_at(address: &str) -> Self {
        let mut config = config_for(address);
        config.queue_prefix = format!("{}-", new_id());
        config.publish_timeout_ms = 60_000;
        Self::start_with(config).await
    }

    pub async fn start_with(config: BrokerConfig) -> Self {
        Self::start_beside(&url(), config).await
    }

    /// On a vhost that no other test uses: the exchanges of events and remote control have one name
    /// for all. Its worker is `w1@host`.
    pub async fn start_alone(vhost: usize, set: impl FnOnce(&mut BrokerConfig)) -> Self {
        let url = url_of(vhost);
        let mut config = config_for(&url);
        config.queue_prefix = format!("{}-", new_id());
        // Sooner there than replicated ones.
        config.delayed_queue_type = QueueType::Classic;
        config.nodename = Some("w1@host".parse().unwrap());
        set(&mut config);
        Self::start_beside(&url, config).await
    }

    async fn start_beside(url: &str, config: BrokerConfig) -> Self {
        let broker = Broker::connect(&config, Source::new(now, new_id)).await;
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        Self { broker, config, channel, _connection: connection }
    }

    pub async fn publish(&self, envelope: &Envelope) {
        self.broker.publisher().publish(envelope).await.unwrap();
    }

    /// Takes one message off a queue, which is not acknowledged by this.
    pub async fn get(&self, queue: &str) -> Option<BasicGetMessage> {
        let options = BasicGetOptions::default();
        self.channel.basic_get(self.name(queue).into(), options).await.unwrap()
    }

    pub fn name(&self, queue: &str) -> String {
        format!("{}{queue}", self.config.queue_prefix)
    }

    pub async fn delete(&self, queue: &str) {
        let options = QueueDeleteOptions::default();
        self.channel.queue_delete(self.name(queue).into(), options).await.unwrap();
    }

    pub async fn drain(&self, registry: &Registry<Context>) -> usize {
        queue::drain(&self.broker, registry, QUEUES).await.unwrap()
    }

    pub async fn stop(self) {
        self.broker.close().await;
        for queue in QUEUES.iter().chain([&queue::dead_letters::QUEUE]) {
            self.delete(queue).await;
        }
    }
}

/// A worker in the background.
pub struct Worker {
    pub stop: CancellationToken,
    pub task: JoinHandle<()>,
}

impl Worker {
    /// Consumes from `jobs` and `retries`.
    pub async fn start<C: Clone + Send + Sync + 'static>(
        t: &TestBroker,
        registry: Registry<C>,
        prefetch: u16,
    ) -> Self {
        Self::start_with(&t.config, registry, prefetch).await
    }

    pub async fn start_with<C: Clone + Send + Sync + 'static>(
        config: &BrokerConfig,
        registry: Registry<C>,
        prefetch: u16,
    ) -> Self {
        let stop = CancellationToken::new();
        let broker = Broker::connect(config, Source::new(now, new_id)).await;
        let token = stop.clone();
        let task = tokio::spawn(async move {
            let queues = ["jobs", "retries"].map(|queue| Consume {
                queue,
                concurrency: prefetch.min(4),
                prefetch,
            });
            queue::consume(&broker, registry, &queues, token).await.unwrap();
            broker.close().await;
        });
        Self { stop, task }
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}
