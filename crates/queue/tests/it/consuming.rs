//! Running tasks from a real broker.

use std::{sync::atomic::Ordering, time::Duration};

use lapin::{BasicProperties, options::BasicPublishOptions};
use queue::{Envelope, Trace};
use serde_json::json;

use crate::support::{Job, Plan, TestBroker, Worker, job, new_id, now, registry, registry_with};

#[tokio::test]
async fn a_task_is_run_once_and_acknowledged() {
    let t = TestBroker::start().await;
    let (registry, mut runs, _) = registry();
    let worker = Worker::start(&t, registry, 8).await;
    let sent = job(1, Plan::Succeed);
    t.publish(&sent).await;
    let run = runs.next().await;
    assert_eq!(run.job, Job { number: 1, plan: Plan::Succeed });
    assert_eq!((run.attempt.id(), run.attempt.number()), (sent.id.as_str(), 0));
    assert_eq!(run.attempt.queue(), "jobs");
    assert!(!run.attempt.is_last() && !run.attempt.redelivered());
    worker.stop().await;
    assert!(t.get("jobs").await.is_none());
    assert!(runs.so_far().is_empty());
    t.stop().await;
}

#[tokio::test]
async fn a_retry_comes_back_through_the_broker_after_its_delay() {
    let t = TestBroker::start().await;
    let (registry, mut runs, _) = registry();
    let worker = Worker::start(&t, registry, 8).await;
    let sent = job(1, Plan::Retry).header("request_id", "r-1").header("other", 7);
    t.publish(&sent).await;
    let first = runs.next().await;
    let second = runs.next().await;
    let waited = (second.at - first.at).as_seconds_f64();
    assert!((1.0..10.0).contains(&waited), "waited {waited} s");
    assert_eq!(second.attempt.id(), sent.id);
    assert_eq!(second.attempt.number(), 1);
    assert!(second.attempt.is_last());
    assert_eq!(second.attempt.queue(), "retries");
    assert_eq!(second.attempt.header("other"), Some(&json!(7)));
    assert_eq!(second.attempt.header("x-death"), None);
    worker.stop().await;
    t.stop().await;
}

#[tokio::test]
async fn a_postponed_task_comes_back_to_its_queue_as_if_it_had_not_run() {
    let t = TestBroker::start().await;
    let (registry, mut runs, context) = registry();
    let worker = Worker::start(&t, registry, 8).await;
    let sent = Envelope { retries: 1, ..job(1, Plan::Postpone) }; // its last run
    t.publish(&sent).await;
    let mut last = runs.next().await;
    for _ in 0..2 {
        let next = runs.next().await;
        let waited = (next.at - last.at).as_seconds_f64();
        assert!((0.9..10.0).contains(&waited), "waited {waited} s");
        assert_eq!((next.attempt.id(), next.attempt.number()), (sent.id.as_str(), 1));
        assert_eq!(next.attempt.queue(), "jobs");
        last = next;
    }
    worker.stop().await;
    assert_eq!(context.exhausted.load(Ordering::SeqCst), 0);
    t.stop().await;
}

#[tokio::test]
async fn a_retry_is_the_message_that_celery_would_send() {
    let t = TestBroker::start().await;
    let (registry, _runs, _) = registry();
    let sent = job(1, Plan::RetryAtOnce).header("request_id", "r-1");
    t.publish(&sent).await;
    let original = t.get("jobs").await.unwrap();
    let (body, reply_to) = (original.delivery.data.clone(), original.properties.reply_to().clone());
    let requeue = lapin::options::BasicRejectOptions { requeue: true };
    original.delivery.acker.reject(requeue).await.unwrap();
    // The first publishes it anew, as it was returned; the second runs it.
    queue::drain(&t.broker, &registry, &["jobs"]).await.unwrap();
    let retry = t.get("retries").await.unwrap().delivery;
    assert_eq!(retry.data, body);
    assert_eq!(*retry.properties.reply_to(), reply_to);
    assert_eq!(retry.properties.correlation_id().as_ref().unwrap().as_str(), sent.id);
    let message = queue::wire::Message { properties: retry.properties, body };
    let read = queue::wire::decode(&message, "jobs").unwrap();
    let expected =
        Envelope { retries: 1, parent_id: Some(sent.id.clone()), eta: None, ..sent.clone() };
    assert_eq!(read, expected);
    t.stop().await;
}

#[tokio::test]
async fn an_incoming_eta_is_moved_to_the_broker() {
    let t = TestBroker::start().await;
    let (registry, mut runs, _) = registry();
    let worker = Worker::start(&t, registry, 1).await;
    // As Celery sends it: on the queue at once, for the worker to hold.
    let eta = now() + Duration::from_secs(3);
    let message = queue::wire::encode(&job(1, Plan::Succeed).eta(eta), "any", "any", now());
    let message = message.unwrap();
    t.publish(&job(0, Plan::Succeed)).await;
    runs.next().await;
    publish_raw(&t, message.properties, &message.body).await;
    // It does not stand in the way of the next one.
    t.publish(&job(2, Plan::Succeed)).await;
    assert_eq!(runs.next().await.job.number, 2);
    assert!(now() < eta);
    let late = runs.next().await;
    assert_eq!(late.job.number, 1);
    assert!(late.at > eta - Duration::from_secs(1));
    worker.stop().await;
    t.stop().await;
}

async fn publish_raw(t: &TestBroker, properties: BasicProperties, body: &[u8]) {
    let options = BasicPublishOptions::default();
    let name = t.name("jobs").into();
    t.channel.basic_publish("".into(), name, options, body, properties).await.unwrap();
}

#[tokio::test]
async fn an_expired_task_is_not_run() {
    let t = TestBroker::start().await;
    let (registry, mut runs, _) = registry();
    let message = queue::wire::encode(
        &job(1, Plan::Succeed).expires_at(now() - Duration::from_secs(1)),
        "any",
        "any",
        now() - Duration::from_secs(3600),
    )
    .unwrap();
    t.publish(&job(0, Plan::Succeed)).await;
    publish_raw(&t, message.properties, &message.body).await;
    while t.drain(&registry).await > 0 {}
    let numbers: Vec<_> = runs.so_far().iter().map(|run| run.job.number).collect();
    assert_eq!(numbers, [0]);
    t.stop().await;
}

#[tokio::test]
async fn subtasks_inherit_the_named_headers() {
    let t = TestBroker::start().await;
    let (registry, mut runs, _) = registry();
    let trace = Trace {
        root_id: Some("root".to_owned()),
        parent_id: Some("parent".to_owned()),
        headers: [("request_id".to_owned(), json!("r-1")), ("other".to_owned(), json!(1))]
            .into_iter()
            .collect(),
    };
    let task = Job { number: 1, plan: Plan::Succeed };
    let with_request = Envelope::new(&task, new_id(), &trace).unwrap();
    let without = job(2, Plan::Succeed);
    t.publish(&with_request).await;
    t.publish(&without).await;
    t.drain(&registry).await;
    let traces: Vec<_> = runs.so_far().iter().map(|run| run.attempt.trace()).collect();
    assert_eq!(traces[0].root_id.as_deref(), Some("root"));
    assert_eq!(traces[0].parent_id.as_deref(), Some(with_request.id.as_str()));
    assert_eq!(json!(traces[0].headers), json!({"request_id": "r-1"}));
    // What no request caused is known by the id of the first task.
    assert_eq!(traces[1].root_id.as_deref(), Some(without.id.as_str()));
    assert_eq!(json!(traces[1].headers), json!({"request_id": without.id}));
    t.stop().await;
}

#[tokio::test]
async fn stopping_lets_the_running_finish_and_gives_back_the_waiting() {
    let t = TestBroker::start().await;
    let (registry, mut runs, context) = registry_with(Duration::from_millis(300));
    let worker = Worker::start(&t, registry, 10).await;
    for number in 0..10 {
        t.publish(&job(number, Plan::Succeed)).await;
    }
    while context.busy.load(Ordering::SeqCst) < 4 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    worker.stop().await;
    let done = runs.so_far().len();
    assert!((4..10).contains(&done), "{done} were run");
    // The rest came back whole, and not as if they had killed a worker.
    let mut left = 0;
    while let Some(found) = t.get("jobs").await {
        assert!(!found.delivery.redelivered);
        left += 1;
    }
    assert_eq!(done + left, 10);
    t.stop().await;
}

#[tokio::test]
async fn a_deleted_queue_is_consumed_again() {
    let t = TestBroker::start().await;
    let (registry, mut runs, _) = registry();
    let worker = Worker::start(&t, registry, 4).await;
    t.publish(&job(1, Plan::Succeed)).await;
    runs.next().await;
    t.delete("jobs").await;
    t.publish(&job(2, Plan::Succeed)).await;
    assert_eq!(runs.next().await.job.number, 2);
    worker.stop().await;
    t.stop().await;
}
