//! What cannot be run is kept, with the reason.

use std::{sync::atomic::Ordering, time::Duration};

use lapin::{
    BasicProperties,
    options::{BasicPublishOptions, BasicRejectOptions},
    types::{AMQPValue, FieldTable},
};
use queue::dead_letters::{DeadLetter, Verdict, sift};

use testkit::Proxy;
use tokio::time::Instant;

use crate::support::{Plan, TestBroker, job, now, registry, url};

async fn letters(t: &TestBroker) -> Vec<DeadLetter> {
    let mut found = Vec::new();
    sift(&t.broker, |letter| {
        found.push(letter.clone());
        Verdict::Keep
    })
    .await
    .unwrap();
    found
}

async fn only_letter(t: &TestBroker) -> DeadLetter {
    let mut found = letters(t).await;
    assert_eq!(found.len(), 1);
    found.remove(0)
}

/// Runs a job that ends as `plan` says, with all its retries.
async fn run(plan: Plan) -> DeadLetter {
    let t = TestBroker::start().await;
    let (registry, _runs, context) = registry();
    let mut sent = job(1, plan);
    // Its only retry is behind it.
    sent.retries = 1;
    t.publish(&sent).await;
    t.drain(&registry).await;
    let letter = only_letter(&t).await;
    assert_eq!(letter.task.as_deref(), Some("job"));
    assert_eq!(letter.task_id, Some(sent.id));
    assert_eq!(letter.queue, "jobs");
    assert!(letter.first_failed_at <= letter.last_failed_at);
    // Its hook was called when it had run out of retries, and only then.
    let exhausted = context.exhausted.load(Ordering::SeqCst);
    assert_eq!(exhausted, u32::from(letter.reason != "failed"));
    t.stop().await;
    letter
}

#[tokio::test]
async fn a_failed_task() {
    let letter = run(Plan::Fail).await;
    assert_eq!((letter.reason.as_str(), letter.error.as_str()), ("failed", "no good"));
}

#[tokio::test]
async fn a_task_without_another_retry() {
    let letter = run(Plan::Retry).await;
    assert_eq!((letter.reason.as_str(), letter.error.as_str()), ("exhausted", "not yet"));
}

#[tokio::test]
async fn a_panic() {
    let letter = run(Plan::Panic).await;
    assert_eq!(
        (letter.reason.as_str(), letter.error.as_str()),
        ("exhausted", "its handler panicked")
    );
}

#[tokio::test]
async fn a_task_over_its_time_limit() {
    let letter = run(Plan::Hang).await;
    assert_eq!(letter.reason, "over-limit");
    assert!(letter.error.starts_with("it took longer than"), "{}", letter.error);
}

#[tokio::test]
async fn the_first_failure_is_remembered() {
    let t = TestBroker::start().await;
    let (registry, _runs, _) = registry();
    t.publish(&job(1, Plan::RetryAtOnce)).await;
    t.drain(&registry).await;
    let letter = only_letter(&t).await;
    assert_eq!(letter.reason, "exhausted");
    assert_eq!(letter.queue, "retries");
    assert!(letter.first_failed_at < letter.last_failed_at);
    t.stop().await;
}

/// Publishes headers and a body as they are, and gives the reason of the dead letter.
async fn reason_for(headers: &[(&str, &str)], body: &[u8]) -> String {
    let t = TestBroker::start().await;
    let (registry, mut runs, _) = registry();
    t.drain(&registry).await;
    let mut table = FieldTable::default();
    for (name, value) in headers {
        table.insert((*name).into(), AMQPValue::LongString((*value).into()));
    }
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_expiration("600000".into())
        .with_headers(table);
    let options = BasicPublishOptions::default();
    let name = t.name("jobs").into();
    t.channel.basic_publish("".into(), name, options, body, properties).await.unwrap();
    while t.drain(&registry).await == 0 {}
    assert!(runs.so_far().is_empty());
    let letter = only_letter(&t).await;
    let kept = t.get("dead-letters").await.unwrap();
    assert_eq!(kept.delivery.data, body);
    // Not the life that its producer gave it, but a week.
    assert_eq!(kept.properties.expiration().as_ref().unwrap().as_str(), "604800000");
    t.stop().await;
    letter.reason
}

#[tokio::test]
async fn an_unknown_task() {
    assert_eq!(reason_for(&[("task", "no.such"), ("id", "1")], b"[[],{},{}]").await, "unknown");
}

#[tokio::test]
async fn a_reserved_task() {
    assert_eq!(reason_for(&[("task", "someday"), ("id", "1")], b"[[],{},{}]").await, "later");
}

#[tokio::test]
async fn a_body_that_is_not_json() {
    assert_eq!(reason_for(&[("task", "job"), ("id", "1")], b"\xff").await, "unreadable");
}

#[tokio::test]
async fn no_headers_at_all() {
    assert_eq!(reason_for(&[], b"").await, "unreadable");
}

/// With what we add they would not fit a frame, and the broker would end the connection each time.
#[tokio::test]
async fn headers_that_nearly_fill_a_frame() {
    let long = "x".repeat(130_700);
    let headers = [("task", "job"), ("id", "1"), ("long", &long)];
    assert_eq!(reason_for(&headers, b"[[],{},{}]").await, "unreadable");
    let headers = [("task", "job"), ("id", &long)];
    assert_eq!(reason_for(&headers, b"[[],{},{}]").await, "unreadable");
}

#[tokio::test]
async fn arguments_that_do_not_fit() {
    assert_eq!(reason_for(&[("task", "job"), ("id", "1")], b"[[\"x\"],{},{}]").await, "unreadable");
}

/// A member of a group, as a Celery client sends it that wants the results or does not.
async fn group_member(ignore_result: bool) -> Option<String> {
    let t = TestBroker::start().await;
    let (registry, mut runs, _) = registry();
    let mut message = queue::wire::encode(&job(1, Plan::Succeed), "any", "any", now()).unwrap();
    let mut headers = message.properties.headers().clone().unwrap();
    headers.insert("group".into(), AMQPValue::LongString("g-1".into()));
    headers.insert("ignore_result".into(), AMQPValue::Boolean(ignore_result));
    message.properties = message.properties.with_headers(headers);
    t.drain(&registry).await;
    let (name, options) = (t.name("jobs").into(), BasicPublishOptions::default());
    t.channel
        .basic_publish("".into(), name, options, &message.body, message.properties)
        .await
        .unwrap();
    while t.drain(&registry).await == 0 {}
    let letter = letters(&t).await.pop().map(|letter| letter.reason);
    assert_eq!(runs.so_far().len(), usize::from(letter.is_none()));
    t.stop().await;
    letter
}

#[tokio::test]
async fn a_group_whose_results_are_wanted() {
    assert_eq!(group_member(false).await.as_deref(), Some("expects-result"));
    assert_eq!(group_member(true).await, None);
}

#[tokio::test]
async fn a_chain() {
    let body = br#"[[1, "Succeed"], {}, {"chain": [{"task": "job"}]}]"#;
    assert_eq!(reason_for(&[("task", "job"), ("id", "1")], body).await, "expects-result");
}

/// A message that was lost with its worker `times` times, and now once more.
async fn lost(t: &TestBroker, times: u32) {
    t.publish(&job(1, Plan::Succeed).header("postroom_redeliveries", times)).await;
    let found = t.get("jobs").await.unwrap();
    found.delivery.acker.reject(BasicRejectOptions { requeue: true }).await.unwrap();
}

#[tokio::test]
async fn a_task_that_lost_its_worker_is_run_again() {
    let t = TestBroker::start().await;
    let (registry, mut runs, _) = registry();
    lost(&t, 3).await;
    // The first of the two counts, the second runs.
    assert_eq!(t.drain(&registry).await, 2);
    assert!(runs.next().await.attempt.redelivered());
    assert_eq!(letters(&t).await, []);
    t.stop().await;
}

#[tokio::test]
async fn a_task_that_kills_every_worker() {
    let t = TestBroker::start().await;
    let (registry, mut runs, _) = registry();
    lost(&t, 4).await;
    assert_eq!(t.drain(&registry).await, 1);
    assert!(runs.so_far().is_empty());
    let letter = only_letter(&t).await;
    assert_eq!(letter.reason, "redelivered");
    assert_eq!(letter.error, "it was lost with its worker 5 times");
    t.stop().await;
}

#[tokio::test]
async fn each_is_kept_requeued_or_deleted() {
    let t = TestBroker::start().await;
    let (registry, mut runs, _) = registry();
    let all = [job(0, Plan::Fail), job(1, Plan::Fail), job(2, Plan::Fail)];
    for one in &all {
        t.publish(one).await;
    }
    t.drain(&registry).await;
    assert_eq!(runs.so_far().len(), 3);
    let id = |at: usize| Some(all[at].id.clone());
    let seen = sift(&t.broker, |letter| match &letter.task_id {
        task if *task == id(0) => Verdict::Requeue,
        task if *task == id(1) => Verdict::Delete,
        _ => Verdict::Keep,
    });
    assert_eq!(seen.await.unwrap(), 3);
    assert_eq!(only_letter(&t).await.task_id, id(2));
    let again = t.get("jobs").await.unwrap().delivery;
    let message = queue::wire::Message { properties: again.properties, body: again.data };
    assert_eq!(queue::wire::decode(&message, "jobs").unwrap(), all[0]);
    t.stop().await;
}

#[tokio::test]
async fn each_is_kept_for_so_long() {
    let t = TestBroker::start_alone(9, |config| {
        config.dead_letter_retention = Duration::from_secs(2);
    })
    .await;
    let (registry, _runs, _) = registry();
    t.publish(&job(1, Plan::Fail)).await;
    t.drain(&registry).await;
    assert_eq!(letters(&t).await.len(), 1);
    let begun = Instant::now();
    while !letters(&t).await.is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it stays");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    t.stop().await;
}

/// Whoever re-queues may be killed at any moment. What it has not finished is undone by the broker,
/// so that doing it again does not double the task.
#[tokio::test]
async fn an_interrupted_requeue_changes_nothing() {
    let proxy = Proxy::start(&url()).await;
    let t = TestBroker::start_at(&proxy.url).await;
    let (registry, mut runs, _) = registry();
    for number in 0..20 {
        t.publish(&job(number, Plan::Fail)).await;
    }
    t.drain(&registry).await;
    assert_eq!(runs.so_far().len(), 20);
    let mut judged = 0;
    let cut = |_: &DeadLetter| {
        judged += 1;
        if judged == 10 {
            proxy.hang();
        }
        Verdict::Requeue
    };
    let interrupted = tokio::time::timeout(Duration::from_secs(2), sift(&t.broker, cut)).await;
    assert!(!matches!(interrupted, Ok(Ok(_))));
    proxy.cut();
    let begun = Instant::now();
    let mut requeued = 9;
    while requeued < 20 {
        assert!(begun.elapsed() < Duration::from_secs(20), "{requeued} re-queued");
        let found = sift(&t.broker, |_| Verdict::Requeue).await;
        requeued += found.unwrap_or_default();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut numbers = Vec::new();
    while let Some(found) = t.get("jobs").await {
        let message = queue::wire::Message {
            properties: found.properties.clone(),
            body: found.delivery.data.clone(),
        };
        numbers.push(queue::wire::decode(&message, "jobs").unwrap().args[0].as_u64().unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..20).collect::<Vec<_>>());
    t.stop().await;
}
