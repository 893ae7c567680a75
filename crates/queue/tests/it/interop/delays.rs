//! Delayed messages that one side publishes and the other runs, by Celery's native delayed delivery.

use std::time::Duration;

use lapin::{
    Channel,
    options::BasicGetOptions,
    protocol::{AMQPClass, basic},
};
use queue::QueueType;
use serde_json::{Value, json};

use super::{
    app::{self, Version, vhost},
    notes::{self, envelope, letters},
    tap::Tap,
    waiting::{delayed, purge},
};
use crate::support::{TestBroker, now, url_of};

const YEARS: Duration = Duration::from_secs(3 * 365 * 86_400);

/// With quorum queues throughout: then Celery delays as we do.
#[tokio::test]
async fn delays_cross_in_both_directions() {
    let t = TestBroker::start_alone(vhost::DELAYS, |config| {
        config.queue_type = Some(QueueType::Quorum);
        config.delayed_queue_type = QueueType::Quorum;
    })
    .await;
    purge(&t).await;
    let celery = Version::Newest.beside(&t).with("QUORUM", "quorum");
    let prefix = &t.config.queue_prefix;
    let their_worker = app::worker(&celery, prefix).await;
    let (our_worker, mut notes) = notes::worker(&t, 8).await;

    // Ours to Celery, whose queue both sides have bound.
    let eta = now() + Duration::from_secs(2);
    let mut asked = envelope("delayed".into(), Value::Null).on("others").eta(eta);
    asked.task = "ask".to_owned();
    t.publish(&asked).await;
    let reply = notes.next().await;
    assert_eq!(reply.other["id"], asked.id);
    let exchange = reply.other["delivery"]["exchange"].as_str().unwrap();
    assert!(exchange.starts_with("celery_delayed_"), "{exchange}");
    is_on_time(reply.other["at"].as_f64().unwrap(), epoch(eta), 0.0);

    // Celery's to us. It rounds down.
    let script = r#"
from app import *
from datetime import datetime, timedelta, timezone

eta = datetime.now(timezone.utc) + timedelta(seconds=3)
note.apply_async(("countdown", eta.timestamp()), countdown=3, queue=queue("jobs"))
note.apply_async(("eta", eta.timestamp()), eta=eta, queue=queue("retries"))
note.apply_async(("years",), countdown=3 * 365 * 86400, queue=queue("jobs"))
"#;
    let tap = Tap::start(&url_of(vhost::DELAYS)).await;
    celery.clone().with("BROKER_URL", &tap.url).python(script).await;
    let exchanges: Vec<_> = tap.said().into_iter().filter_map(exchange_published_to).collect();
    assert_eq!(exchanges, ["celery_delayed_27"; 3]);
    for _ in 0..2 {
        let note = notes.next().await;
        is_on_time(epoch(note.at), note.other.as_f64().unwrap(), 1.0);
    }

    // To and fro: by Celery on its own queue, then on ours, and back.
    let value = json!({"here": 2, "countdown": 1, "back": 3});
    let retried = envelope(value, Value::Null).on("others").eta(now() + Duration::from_secs(1));
    t.publish(&retried).await;
    for number in [3, 5] {
        let attempt = notes.next().await.attempt;
        assert_eq!((attempt.id(), attempt.number()), (retried.id.as_str(), number));
    }

    // A long one of each lies in the level queue of its highest bit, spelled alike.
    t.publish(&envelope("years".into(), Value::Null).eta(now() + YEARS)).await;
    assert_eq!(delayed(&t, 2).await, [(26, 2)]);
    let suffix = format!(".{}", t.name("jobs"));
    for _ in 0..2 {
        let key = take_routing_key(&t.channel, "celery_delayed_26").await;
        let seconds = bits(key.strip_suffix(&suffix).unwrap());
        let wanted = YEARS.as_secs();
        assert!((wanted - 10..=wanted).contains(&seconds), "{key}");
    }

    our_worker.stop().await;
    their_worker.kill().await;
    assert!(notes.so_far().is_empty(), "each was run once");
    assert_eq!(letters(&t).await, []);
    let prefix = prefix.clone();
    t.stop().await;
    app::forget(&url_of(vhost::DELAYS), &prefix).await;
}

fn exchange_published_to(method: AMQPClass) -> Option<String> {
    match method {
        AMQPClass::Basic(basic::AMQPMethod::Publish(publish)) => Some(publish.exchange.to_string()),
        _ => None,
    }
}

fn epoch(at: time::OffsetDateTime) -> f64 {
    at.unix_timestamp_nanos() as f64 / 1e9
}

#[track_caller]
fn is_on_time(at: f64, eta: f64, early: f64) {
    assert!((eta - early..eta + 20.0).contains(&at), "at {at} instead of {eta}");
}

async fn take_routing_key(channel: &Channel, queue: &str) -> String {
    let found = channel.basic_get(queue.into(), BasicGetOptions { no_ack: true }).await.unwrap();
    found.unwrap().routing_key.to_string()
}

/// The number that a routing key spells, highest bit first: `0.1.1`.
fn bits(key: &str) -> u64 {
    assert_eq!(key.len(), 28 * 2 - 1, "{key}");
    u64::from_str_radix(&key.replace('.', ""), 2).unwrap()
}
