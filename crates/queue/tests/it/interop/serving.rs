//! What we publish, a Celery worker runs.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Version, app,
    notes::{self, envelope, letters},
    with_each_celery,
};
use crate::support::{TestBroker, now};

with_each_celery!(a_task_is_run_and_answers, a_task_is_retried_by_both_sides);

async fn a_task_is_run_and_answers(version: Version) {
    let t = TestBroker::start().await;
    let celery = app::worker(&version.beside(&t), &t.config.queue_prefix).await;
    let (worker, mut notes) = notes::worker(&t, 8).await;
    let mut sent = envelope(json!(["é", 1.5, null]), json!({"a": {}}))
        .on("others")
        .expires_at(now() + Duration::from_secs(600))
        .header("request_id", "r-1")
        .header("number", 7);
    sent.task = "ask".to_owned();
    sent.kwargs.insert("by_name".to_owned(), json!(true));
    t.publish(&sent).await;

    let reply = notes.next().await;
    assert_eq!(reply.value, "asked");
    let seen = &reply.other;
    assert_eq!(seen["args"], json!([["é", 1.5, null], {"a": {}}]));
    assert_eq!(seen["kwargs"], json!({"by_name": true}));
    for (name, value) in [
        ("id", json!(sent.id)),
        ("root_id", json!(sent.id)),
        ("correlation_id", json!(sent.id)),
        ("parent_id", Value::Null),
        ("retries", json!(0)),
        ("eta", Value::Null),
        ("request_id", json!("r-1")),
        ("number", json!(7)),
    ] {
        assert_eq!(seen[name], value, "{name}");
    }
    // The oldest has them as attributes alone.
    if version == Version::Newest {
        assert_eq!(seen["headers"], json!({"request_id": "r-1", "number": 7}));
    }
    assert!(seen["reply_to"].is_string() && seen["expires"].is_string());
    let delivery = json!({"exchange": "", "routing_key": t.name("others"), "priority": null, "redelivered": false});
    for (name, value) in delivery.as_object().unwrap() {
        assert_eq!(&seen["delivery"][name], value, "{name}");
    }
    // Its reply belongs to the same request and the same tree.
    assert_eq!(reply.attempt.header("request_id"), Some(&json!("r-1")));
    assert_eq!(reply.attempt.trace().root_id, Some(sent.id));

    // What we delay comes when it is time.
    let eta = now() + Duration::from_secs(2);
    sent.id = "delayed".to_owned();
    t.publish(&sent.eta(eta)).await;
    let reply = notes.next().await;
    assert_eq!(reply.other["id"], "delayed");
    let late = reply.other["at"].as_f64().unwrap() - eta.unix_timestamp_nanos() as f64 / 1e9;
    assert!((0.0..20.0).contains(&late), "{late} s late");

    worker.stop().await;
    celery.kill().await;
    assert_eq!(letters(&t).await, []);
    t.stop().await;
}

/// Celery retries it on its own queue until its third run, then on ours; we give it back once.
async fn a_task_is_retried_by_both_sides(version: Version) {
    let t = TestBroker::start().await;
    let celery = app::worker(&version.beside(&t), &t.config.queue_prefix).await;
    let (worker, mut notes) = notes::worker(&t, 8).await;
    let value = json!({"here": 2, "countdown": 1, "back": 3});
    let sent = envelope(value.clone(), json!("é"))
        .on("others")
        // It comes to Celery by way of a delay.
        .eta(now() + Duration::from_secs(1))
        .header("request_id", "r-1")
        .header("number", 7);
    t.publish(&sent).await;
    for number in [3, 5] {
        let note = notes.next().await;
        assert_eq!((&note.value, &note.other), (&value, &json!("é")));
        let attempt = note.attempt;
        assert_eq!((attempt.number(), attempt.queue()), (number, "retries"));
        assert_eq!(attempt.id(), sent.id);
        assert_eq!(attempt.trace().root_id.as_ref(), Some(&sent.id));
        assert_eq!(attempt.header("request_id"), Some(&json!("r-1")));
        // The oldest does not keep other headers.
        let kept = (version == Version::Newest).then_some(json!(7));
        assert_eq!(attempt.header("number"), kept.as_ref());
    }
    worker.stop().await;
    celery.kill().await;
    assert!(notes.so_far().is_empty());
    assert_eq!(letters(&t).await, []);
    t.stop().await;
}
