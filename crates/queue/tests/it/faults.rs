//! Broken connections.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use lapin::{
    options::{BasicCancelOptions, BasicConsumeOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use queue::{Broker, Consume, PublishError, Source};
use testkit::Proxy;
use tokio_util::sync::CancellationToken;

use crate::support::{Plan, Runs, TestBroker, Worker, job, new_id, now, registry, url};

const BLOCKED: u16 = 60;
const UNBLOCKED: u16 = 61;

async fn until_connected(broker: &Broker, connected: bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while broker.is_connected() != connected {
        assert!(Instant::now() < deadline, "connected is not {connected} after 20 s");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn without_a_broker_publishing_fails_at_once_until_it_is_there() {
    let proxy = Proxy::start(&url()).await;
    proxy.close();
    let t = TestBroker::start_at(&proxy.url).await;
    let started = Instant::now();
    let refused = t.broker.publisher().publish(&job(1, Plan::Succeed)).await;
    assert!(matches!(refused, Err(PublishError::NotConnected)));
    assert!(started.elapsed() < Duration::from_millis(100));
    proxy.open();
    until_connected(&t.broker, true).await;
    t.publish(&job(1, Plan::Succeed)).await;
    t.stop().await;
}

#[tokio::test]
async fn a_silent_broker_is_noticed_and_replaced() {
    let proxy = Proxy::start(&url()).await;
    let mut t = TestBroker::start_at(&proxy.url).await;
    t.publish(&job(1, Plan::Succeed)).await;
    t.config.publish_timeout_ms = 300;
    let impatient = Broker::connect(&t.config, Source::new(now, new_id)).await;
    impatient.publisher().publish(&job(2, Plan::Succeed)).await.unwrap();
    proxy.silence();
    let started = Instant::now();
    let refused = impatient.publisher().publish(&job(3, Plan::Succeed)).await;
    assert!(matches!(refused, Err(PublishError::TimedOut)), "{refused:?}");
    assert!(started.elapsed() < Duration::from_secs(1));
    until_connected(&impatient, false).await;
    proxy.open();
    until_connected(&impatient, true).await;
    impatient.close().await;
    t.stop().await;
}

#[tokio::test]
async fn a_full_queue_refuses() {
    let t = TestBroker::start().await;
    // Created by somebody else, with a limit: it is used as it is.
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(2));
    arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
    let durable = QueueDeclareOptions { durable: true, ..Default::default() };
    t.channel.queue_declare(t.name("jobs").into(), durable, arguments).await.unwrap();
    let publisher = t.broker.publisher();
    let jobs: Vec<_> = (0..4).map(|number| job(number, Plan::Succeed)).collect();
    let results = publisher.publish_all(&jobs).await;
    assert!(results[..2].iter().all(Result::is_ok), "{results:?}");
    let refused = |result: &Result<_, _>| matches!(result, Err(PublishError::Rejected));
    assert!(results[2..].iter().all(refused), "{results:?}");
    let (registry, mut runs, _) = registry();
    t.drain(&registry).await;
    assert_eq!(runs.so_far().len(), 2);
    t.publish(&jobs[3]).await;
    t.stop().await;
}

/// Until a message that is published now is run.
async fn until_run(t: &TestBroker, runs: &mut Runs, number: u32) -> Duration {
    let started = Instant::now();
    t.publish(&job(number, Plan::Succeed)).await;
    while runs.next().await.job.number != number {}
    started.elapsed()
}

/// The longest that a worker may need to notice that it hears nothing, and to hear again.
const DEAF: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_link_that_hangs_is_noticed_and_replaced() {
    let proxy = Proxy::start(&url()).await;
    let t = TestBroker::start().await;
    let (registry, mut runs, _) = registry();
    let mut config = t.config.clone();
    config.broker_url = proxy.url.as_str().into();
    let worker = Worker::start_with(&config, registry, 4).await;
    until_run(&t, &mut runs, 1).await;
    proxy.hang();
    let deaf = until_run(&t, &mut runs, 2).await;
    assert!(deaf < DEAF, "it took {deaf:?}");
    worker.stop().await;
    t.stop().await;
}

#[tokio::test]
async fn a_closed_channel_is_replaced() {
    let t = TestBroker::start().await;
    // Somebody has the queue for himself, so the broker closes the channel of whoever comes next.
    let durable = QueueDeclareOptions { durable: true, ..Default::default() };
    let (name, none) = (t.name("jobs"), FieldTable::default);
    t.channel.queue_declare(name.as_str().into(), durable, none()).await.unwrap();
    let alone = BasicConsumeOptions { exclusive: true, ..Default::default() };
    let other =
        t.channel.basic_consume(name.as_str().into(), "".into(), alone, none()).await.unwrap();
    let (registry, mut runs, _) = registry();
    let worker = Worker::start(&t, registry, 4).await;
    // By now the worker has been refused on one queue; the other shows that it is there.
    t.publish(&job(1, Plan::Succeed).on("retries")).await;
    assert_eq!(runs.next().await.job.number, 1);
    t.channel.basic_cancel(other.tag(), BasicCancelOptions::default()).await.unwrap();
    let deaf = until_run(&t, &mut runs, 2).await;
    assert!(deaf < DEAF, "it took {deaf:?}");
    worker.stop().await;
    t.stop().await;
}

#[tokio::test]
async fn a_blocked_broker_refuses_at_once() {
    let proxy = Proxy::start(&url()).await;
    let t = TestBroker::start_at(&proxy.url).await;
    t.publish(&job(1, Plan::Succeed)).await;
    // A reason, as a short string.
    proxy.say(BLOCKED, b"\x0alow memory").await;
    let started = Instant::now();
    let refused = loop {
        match t.broker.publisher().publish(&job(2, Plan::Succeed)).await {
            Err(error) => break error,
            Ok(()) => assert!(started.elapsed() < Duration::from_secs(5), "it never blocks"),
        }
    };
    assert!(matches!(refused, PublishError::Blocked), "{refused:?}");
    proxy.say(UNBLOCKED, b"").await;
    while let Err(error) = t.broker.publisher().publish(&job(3, Plan::Succeed)).await {
        assert!(started.elapsed() < Duration::from_secs(5), "{error}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    t.stop().await;
}

/// Everything whose publish returned `Ok` is run, though the connections of both sides break again
/// and again; and what is published again keeps its id.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_connections_break_under_load() {
    const JOBS: u32 = 600;
    let proxy = Proxy::start(&url()).await;
    let t = TestBroker::start_at(&proxy.url).await;
    let (registry, mut runs, _) = registry();
    let stop = CancellationToken::new();
    let consumer = Broker::connect(&t.config, Source::new(now, new_id)).await;
    let token = stop.clone();
    let consuming = tokio::spawn(async move {
        let queues = [Consume { queue: "jobs", concurrency: 8, prefetch: 16 }];
        queue::consume(&consumer, registry, &queues, token).await.unwrap();
        consumer.close().await;
    });

    let publishing = (0..JOBS).map(|number| {
        let publisher = t.broker.publisher();
        async move {
            tokio::time::sleep(Duration::from_millis(3) * number).await;
            let envelope = job(number, Plan::Succeed);
            while publisher.publish(&envelope).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    });
    let cutting = async {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            proxy.cut();
        }
    };
    futures_util::future::join(futures_util::future::join_all(publishing), cutting).await;

    let mut missing: HashSet<u32> = (0..JOBS).collect();
    while !missing.is_empty() {
        missing.remove(&runs.next().await.job.number);
    }
    stop.cancel();
    consuming.await.unwrap();
    let mut dead = 0;
    queue::dead_letters::sift(&t.broker, |_| {
        dead += 1;
        queue::dead_letters::Verdict::Keep
    })
    .await
    .unwrap();
    assert_eq!(dead, 0);
    t.stop().await;
}
