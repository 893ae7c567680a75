//! What delayed delivery is made of, as Celery declares it and as we do.

use std::collections::BTreeSet;

use lapin::{
    Connection, ConnectionProperties,
    options::{ExchangeDeleteOptions, QueueDeleteOptions},
    protocol::{AMQPClass, exchange, queue as protocol},
    types::{AMQPValue, FieldTable},
};
use queue::QueueType;
use serde_json::Value;

use super::{
    app::{self, Version, vhost},
    tap::Tap,
};
use crate::support::{TestBroker, new_id, url_of};

#[tokio::test]
async fn both_sides_declare_the_same_quorum_levels() {
    both_sides_declare_the_same(vhost::QUORUM_LEVELS, QueueType::Quorum).await;
}

#[tokio::test]
async fn both_sides_declare_the_same_classic_levels() {
    both_sides_declare_the_same(vhost::CLASSIC_LEVELS, QueueType::Classic).await;
}

async fn both_sides_declare_the_same(vhost: usize, level_type: QueueType) {
    let url = url_of(vhost);
    let mut declared = Vec::new();
    for order in [[Side::Celerys, Side::Ours], [Side::Ours, Side::Celerys]] {
        forget_levels(&url).await;
        for side in order {
            declared.push(declare(side, vhost, level_type).await);
        }
    }
    // For each of 28 levels an exchange, a queue, and two bindings; and the exchange at the end.
    assert_eq!(declared[0].len(), 28 * 4 + 1, "{:#?}", declared[0]);
    for others in &declared[1..] {
        assert_eq!(*others, declared[0]);
    }
    forget_levels(&url).await;
}

#[derive(Clone, Copy)]
enum Side {
    Ours,
    Celerys,
}

/// What that side declares. The broker accepts it all.
async fn declare(side: Side, vhost: usize, level_type: QueueType) -> BTreeSet<String> {
    let tap = Tap::start(&url_of(vhost)).await;
    match side {
        Side::Ours => {
            let t = TestBroker::start_alone(vhost, |config| {
                config.broker_url = tap.url.as_str().into();
                config.delayed_queue_type = level_type;
            })
            .await;
            assert!(t.broker.is_connected());
            t.broker.close().await;
        }
        Side::Celerys => {
            let prefix = format!("{}-", new_id());
            let level_type = match level_type {
                QueueType::Quorum => "quorum",
                QueueType::Classic => "classic",
            };
            let celery = Version::Newest.at(&tap.url, &prefix).with("QUORUM", level_type);
            app::worker(&celery, &prefix).await.kill().await;
            app::forget(&url_of(vhost), &prefix).await;
        }
    }
    assert_eq!(tap.refusals(), [""; 0]);
    tap.said().into_iter().filter_map(declaration).filter(|words| is_of_levels(words)).collect()
}

/// A declaration in words.
fn declaration(method: AMQPClass) -> Option<String> {
    Some(match method {
        AMQPClass::Exchange(exchange::AMQPMethod::Declare(declared)) => {
            let exchange::Declare { exchange, kind, passive, durable, .. } = declared;
            let flags = (passive, durable, declared.auto_delete, declared.internal);
            format!("exchange {exchange} {kind} {flags:?} {}", words(&declared.arguments))
        }
        AMQPClass::Queue(protocol::AMQPMethod::Declare(declared)) => {
            let protocol::Declare { queue, passive, durable, exclusive, .. } = declared;
            let flags = (passive, durable, exclusive, declared.auto_delete);
            format!("queue {queue} {flags:?} {}", words(&declared.arguments))
        }
        AMQPClass::Queue(protocol::AMQPMethod::Bind(bind)) => {
            let protocol::Bind { queue, exchange, routing_key, arguments, .. } = bind;
            format!("{exchange} to queue {queue} by {routing_key} {}", words(&arguments))
        }
        AMQPClass::Exchange(exchange::AMQPMethod::Bind(bind)) => {
            let exchange::Bind { source, destination, routing_key, arguments, .. } = bind;
            format!("{source} to exchange {destination} by {routing_key} {}", words(&arguments))
        }
        _ => return None,
    })
}

/// Numbers may be of any width: to the broker they are the same.
fn words(arguments: &FieldTable) -> Value {
    let plain = |value: &AMQPValue| match value {
        AMQPValue::LongString(text) => Value::from(text.to_string()),
        AMQPValue::LongInt(number) => Value::from(*number),
        AMQPValue::LongLongInt(number) => Value::from(*number),
        other => Value::from(format!("{other:?}")),
    };
    arguments.inner().iter().map(|(name, value)| (name.to_string(), plain(value))).collect()
}

/// The way from its end to a task's queue is another thing, and each side's own.
fn is_of_levels(declaration: &str) -> bool {
    declaration.contains("celery_delayed") && !declaration.starts_with("celery_delayed_delivery to")
}

async fn forget_levels(url: &str) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let exchange = ExchangeDeleteOptions::default();
    for level in 0..28 {
        let name = format!("celery_delayed_{level}");
        channel.queue_delete(name.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
        channel.exchange_delete(name.into(), exchange).await.unwrap();
    }
    channel.exchange_delete("celery_delayed_delivery".into(), exchange).await.unwrap();
    connection.close(200, "done".into()).await.unwrap();
}
