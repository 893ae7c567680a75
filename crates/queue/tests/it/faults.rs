//! Broken connections.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use queue::{Broker, Consume, PublishError, Source};
use testkit::Proxy;
use tokio_util::sync::CancellationToken;

use crate::support::{Plan, TestBroker, job, new_id, now, registry, url};

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
    proxy.close().await;
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
            proxy.cut().await;
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
