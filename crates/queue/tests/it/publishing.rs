//! Publishing to a real broker.

use std::time::Duration;

use lapin::options::BasicAckOptions;
use queue::{EncodeError, Envelope, PublishError, wire};

use crate::support::{Plan, TestBroker, job, new_id, now, registry};

#[tokio::test]
async fn what_is_published_can_be_read_by_anyone() {
    let t = TestBroker::start().await;
    let sent = job(7, Plan::Succeed).header("request_id", "r-1");
    t.publish(&sent).await;
    let got = t.get("jobs").await.unwrap().delivery;
    let message = wire::Message { properties: got.properties, body: got.data };
    assert_eq!(wire::decode(&message, "jobs").unwrap(), sent);
    t.stop().await;
}

#[tokio::test]
async fn many_are_published_at_once() {
    let t = TestBroker::start().await;
    let envelopes: Vec<Envelope> = (0..1500).map(|n| job(n, Plan::Succeed)).collect();
    let results = t.broker.publisher().publish_all(&envelopes).await;
    assert!(results.iter().all(Result::is_ok));
    let (registry, mut runs, _) = registry();
    assert_eq!(t.drain(&registry).await, 1500);
    let mut numbers: Vec<_> = runs.so_far().iter().map(|run| run.job.number).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..1500));
    t.stop().await;
}

#[tokio::test]
async fn a_queue_that_was_deleted_is_declared_again() {
    let t = TestBroker::start().await;
    t.publish(&job(1, Plan::Succeed)).await;
    t.delete("jobs").await;
    let envelopes: Vec<Envelope> =
        (2..200).map(|n| job(n, Plan::Succeed).on(["jobs", "others"][n as usize % 2])).collect();
    let results = t.broker.publisher().publish_all(&envelopes).await;
    assert!(results.iter().all(Result::is_ok));
    let (registry, mut runs, _) = registry();
    t.drain(&registry).await;
    let mut numbers: Vec<_> = runs.so_far().iter().map(|run| run.job.number).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(2..200));
    t.stop().await;
}

#[tokio::test]
async fn a_queue_that_may_not_be_declared_is_an_error_for_its_messages_only() {
    let t = TestBroker::start().await;
    // Names that begin so are the broker's own.
    let forbidden = format!("amq.{}", new_id());
    let mut config = t.config.clone();
    config.queue_prefix = String::new();
    let source = queue::Source::new(now, new_id);
    let plain = queue::Broker::connect(&config, source).await;
    let refused = plain.publisher().publish(&job(1, Plan::Succeed).on(forbidden)).await;
    assert!(matches!(refused, Err(PublishError::Broker(_))), "{refused:?}");
    let name = t.name("jobs");
    plain.publisher().publish(&job(2, Plan::Succeed).on(name)).await.unwrap();
    assert!(t.get("jobs").await.is_some());
    plain.close().await;
    t.stop().await;
}

#[tokio::test]
async fn a_name_that_does_not_fit_is_an_error() {
    let t = TestBroker::start().await;
    let publisher = t.broker.publisher();
    let long = job(1, Plan::Succeed).on("q".repeat(200));
    assert!(matches!(publisher.publish(&long).await, Err(PublishError::Encode(_))));
    let long = job(1, Plan::Succeed).header("h".repeat(300), 1);
    assert!(matches!(publisher.publish(&long).await, Err(PublishError::Encode(_))));
    t.stop().await;
}

/// A broker closes the channel over a message that is too long for it, and what else is under way is
/// lost (tasks contract §7, lesson 18).
#[tokio::test]
async fn a_task_that_is_too_long_to_be_read_is_refused_and_harms_no_other() {
    let t = TestBroker::start().await;
    let mut long = job(1, Plan::Succeed);
    long.args.push("x".repeat(16 << 20).into());
    let envelopes = [job(0, Plan::Succeed), long, job(2, Plan::Succeed)];
    let results = t.broker.publisher().publish_all(&envelopes).await;
    assert!(matches!(results[1], Err(PublishError::Encode(EncodeError::TooLong))), "{results:?}");
    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    t.stop().await;
}

#[tokio::test]
async fn an_eta_waits_in_the_broker() {
    let t = TestBroker::start().await;
    let eta = now() + Duration::from_millis(1500);
    t.publish(&job(1, Plan::Succeed).eta(eta).expires_at(eta + Duration::from_secs(60))).await;
    assert!(t.get("jobs").await.is_none());
    loop {
        if let Some(found) = t.get("jobs").await {
            assert!(now() >= eta);
            found.delivery.acker.ack(BasicAckOptions::default()).await.unwrap();
            break;
        }
        assert!(now() < eta + Duration::from_secs(20), "it never came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    t.stop().await;
}

#[tokio::test]
async fn after_close_nothing_is_published() {
    let t = TestBroker::start().await;
    assert!(t.broker.is_connected());
    let publisher = t.broker.publisher();
    t.broker.close().await;
    assert!(!t.broker.is_connected());
    let refused = publisher.publish(&job(1, Plan::Succeed)).await;
    assert!(matches!(refused, Err(PublishError::NotConnected)));
}
