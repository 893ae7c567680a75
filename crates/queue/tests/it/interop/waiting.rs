//! What Celery publishes for later, or not for much longer.

use std::time::Duration;

use lapin::options::{QueueDeclareOptions, QueuePurgeOptions};
use serde_json::json;

use super::{
    Version,
    app::{answer_of, run, vhost},
    notes::{letters, worker},
    with_each_celery,
};
use crate::{events::Receiver, support::TestBroker};

with_each_celery!(an_eta_waits_in_the_broker, what_has_expired_is_not_run);

/// Waits until so many messages lie in the level queues of delayed delivery, then gives how many lie
/// in each of those that have any.
pub async fn delayed(t: &TestBroker, count: u32) -> Vec<(usize, u32)> {
    let passive = QueueDeclareOptions { passive: true, ..Default::default() };
    let mut found = Vec::new();
    for _ in 0..1000 {
        found.clear();
        for level in 0..28 {
            let name = format!("celery_delayed_{level}").into();
            let queue = t.channel.queue_declare(name, passive, Default::default()).await.unwrap();
            if queue.message_count() > 0 {
                found.push((level, queue.message_count()));
            }
        }
        if found.iter().map(|(_, count)| count).sum::<u32>() == count {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{count} messages should be delayed, and these are: {found:?}");
}

/// Loses what is delayed, also by a test that was broken off.
pub async fn purge(t: &TestBroker) {
    for level in 0..28 {
        let name = format!("celery_delayed_{level}").into();
        t.channel.queue_purge(name, QueuePurgeOptions::default()).await.unwrap();
    }
}

async fn an_eta_waits_in_the_broker(version: Version) {
    let t = TestBroker::start_alone(vhost::WAITING + version as usize, |_| {}).await;
    purge(&t).await;
    let celery = version.beside(&t);
    // It could hold one message, and no more.
    let (worker, mut notes) = worker(&t, 1).await;
    let script = r#"
from app import *
from datetime import datetime, timedelta, timezone

note.apply_async(("hours", None), countdown=3600)
note.apply_async(("hours", None), eta=datetime.now(timezone(timedelta(hours=1))) + timedelta(hours=1))
note.apply_async(("years", None), countdown=3 * 365 * 86400)
soon = datetime.now(timezone.utc) + timedelta(seconds=3)
for zone in timezone.utc, timezone(timedelta(hours=1)), timezone(timedelta(hours=-9.5)):
    note.apply_async(("soon", soon.timestamp()), eta=soon.astimezone(zone))
note.apply_async(("countdown", time.time() + 3), countdown=3)
note.delay("now")
"#;
    celery.python(script).await;
    assert_eq!(notes.next().await.value, "now");
    for _ in 0..4 {
        let note = notes.next().await;
        let (at, eta) = (note.at.unix_timestamp_nanos() as f64 / 1e9, note.other.as_f64().unwrap());
        // Close to its time, as it is taken for now.
        assert!((eta - 1.0..eta + 20.0).contains(&at), "{}: {at}, not {eta}", note.value);
        assert_eq!(note.attempt.number(), 0);
    }
    // 3600 s has its highest bit at 2048 s, and three years at 67,108,864 s.
    let levels = delayed(&t, 3).await;
    assert_eq!(levels, [(11, 2), (26, 1)]);
    let inspect = ["reserved", "active", "scheduled"]
        .map(|what| format!("inspect {what} --timeout 30 --destination w1@host --json"));
    for printed in run(&celery, &inspect).await {
        assert_eq!(answer_of("w1@host", &printed), json!([]));
    }
    purge(&t).await;
    worker.stop().await;
    assert!(t.get("jobs").await.is_none());
    assert_eq!(letters(&t).await, []);
    t.stop().await;
}

async fn what_has_expired_is_not_run(version: Version) {
    let vhost = vhost::EXPIRED + version as usize;
    let t = TestBroker::start_alone(vhost, |config| config.task_events = true).await;
    let mut events = Receiver::start(&t).await;
    // The broker drops what has expired, unless somebody takes it at once.
    let (worker, mut notes) = worker(&t, 8).await;
    let script = r#"
from app import *
from datetime import datetime, timedelta, timezone

note.apply_async(("late",), expires=-5, task_id="seconds")
note.apply_async(("late",), expires=datetime.now(timezone.utc) - timedelta(hours=1), task_id="moment")
note.apply_async(("in time",), expires=3600)
note.apply_async(("in time",), expires=datetime.now(timezone(timedelta(hours=-11))) + timedelta(hours=1))
note.delay("last")
"#;
    version.beside(&t).python(script).await;
    for value in ["in time", "in time", "last"] {
        assert_eq!(notes.next().await.value, value);
    }
    for id in ["seconds", "moment"] {
        let revoked = events.next_of("task-revoked").await.event;
        assert_eq!((&revoked["uuid"], &revoked["expired"]), (&json!(id), &json!(true)));
    }
    worker.stop().await;
    assert!(t.get("jobs").await.is_none());
    assert_eq!(letters(&t).await, []);
    t.stop().await;
}
