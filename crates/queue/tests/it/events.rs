//! Events, as real receivers read them.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::{
    BasicProperties, Consumer, ExchangeKind,
    options::{BasicConsumeOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::FieldTable,
};
use queue::{Envelope, Trace};
use serde_json::{Value, json};

use crate::support::{Plan, TestBroker, Worker, job, new_id, now, registry};

/// One event, and how it came.
pub struct Heard {
    pub event: Value,
    routing_key: String,
    in_a_list: bool,
    properties: BasicProperties,
}

impl Heard {
    pub fn kind(&self) -> &str {
        self.event["type"].as_str().unwrap()
    }
}

/// Hears every event of its vhost.
pub struct Receiver {
    messages: Consumer,
    heard: std::collections::VecDeque<Heard>,
}

impl Receiver {
    pub async fn start(t: &TestBroker) -> Self {
        let none = FieldTable::default;
        let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
        let topic = ExchangeKind::Topic;
        t.channel.exchange_declare("celeryev".into(), topic, durable, none()).await.unwrap();
        let ours = QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
        let queue = t.channel.queue_declare("".into(), ours, none()).await.unwrap();
        let name = queue.name().clone();
        let bind = QueueBindOptions::default();
        let bound = t.channel.queue_bind(name.clone(), "celeryev".into(), "#".into(), bind, none());
        bound.await.unwrap();
        let no_ack = BasicConsumeOptions { no_ack: true, ..Default::default() };
        let messages = t.channel.basic_consume(name, "".into(), no_ack, none()).await.unwrap();
        Self { messages, heard: Default::default() }
    }

    /// The next event.
    pub async fn next(&mut self) -> Heard {
        while self.heard.is_empty() {
            let next = tokio::time::timeout(Duration::from_secs(20), self.messages.next()).await;
            let delivery = next.expect("an event comes within 20 s").unwrap().unwrap();
            let body: Value = serde_json::from_slice(&delivery.data).unwrap();
            let in_a_list = body.is_array();
            let events = body.as_array().cloned().unwrap_or_else(|| vec![body]);
            self.heard.extend(events.into_iter().map(|event| Heard {
                event,
                routing_key: delivery.routing_key.to_string(),
                in_a_list,
                properties: delivery.properties.clone(),
            }));
        }
        self.heard.pop_front().unwrap()
    }

    /// The next event of this kind. Those before it are lost.
    pub async fn next_of(&mut self, kind: &str) -> Heard {
        loop {
            let heard = self.next().await;
            if heard.kind() == kind {
                return heard;
            }
        }
    }

    /// The next event of this task.
    async fn next_about(&mut self, task: &Envelope) -> Value {
        loop {
            let heard = self.next().await;
            if heard.event["uuid"] == task.id {
                return heard.event;
            }
        }
    }
}

/// Each kind of event that a real worker sent.
fn recorded() -> Vec<Value> {
    let recorded: Value = serde_json::from_str(include_str!("data/celery-messages.json")).unwrap();
    recorded["events"].as_array().unwrap().clone()
}

fn names(event: &Value) -> Vec<&String> {
    let mut names: Vec<_> = event.as_object().unwrap().keys().collect();
    names.sort();
    names
}

/// It has the fields, the properties and the way of the same event of a real worker.
fn assert_like_celery(heard: &Heard) {
    let recorded = recorded();
    let theirs = recorded.iter().find(|one| one["type"] == heard.kind()).unwrap();
    assert_eq!(names(&heard.event), names(&theirs["event"]));
    assert_eq!(heard.routing_key, theirs["routing_key"].as_str().unwrap());
    assert_eq!(json!(heard.in_a_list), theirs["batched_in_a_list"]);
    let (ours, theirs) = (&heard.properties, &theirs["properties"]);
    assert_eq!(ours.content_type().as_ref().unwrap().as_str(), theirs["content_type"]);
    assert_eq!(ours.content_encoding().as_ref().unwrap().as_str(), theirs["content_encoding"]);
    assert_eq!(json!(ours.delivery_mode()), theirs["delivery_mode"]);
    assert_eq!(json!(ours.priority()), theirs["priority"]);
    let headers = ours.headers().as_ref().unwrap().inner();
    assert_eq!(headers.len(), 1);
    assert_eq!(headers["hostname"], lapin::types::AMQPValue::LongString("w1@host".into()),);
}

#[tokio::test]
async fn the_life_of_a_worker_and_its_task_is_told_as_celery_does() {
    let t = TestBroker::start_alone(1, |config| config.task_events = true).await;
    let mut receiver = Receiver::start(&t).await;
    let (registry, _runs, _) = registry();
    let worker = Worker::start(&t, registry, 4).await;
    let online = receiver.next().await;
    assert_eq!(online.kind(), "worker-online");
    let sent = job(7, Plan::Succeed);
    t.publish(&sent).await;
    let mut told = vec![online];
    for kind in ["task-received", "task-started", "task-succeeded", "worker-heartbeat"] {
        told.push(receiver.next_of(kind).await);
    }
    worker.stop().await;
    told.push(receiver.next_of("worker-offline").await);
    let mut clock = 0;
    for heard in &told {
        assert_like_celery(heard);
        assert_eq!(heard.event["hostname"], "w1@host");
        assert!(heard.event["clock"].as_u64().unwrap() > clock);
        clock = heard.event["clock"].as_u64().unwrap();
        let age = now().unix_timestamp() as f64 - heard.event["timestamp"].as_f64().unwrap();
        assert!(age.abs() < 60.0);
    }
    let received = &told[1].event;
    assert_eq!(received["uuid"], sent.id);
    assert_eq!(received["name"], "job");
    // What could be personal data is left out.
    assert_eq!(received["args"], "(7, ...)");
    assert_eq!(received["root_id"], sent.id);
    assert_eq!(told[3].event["result"], "None");
    assert_eq!(told[5].event["processed"], 1);
    assert_eq!(told[5].event["active"], 0);
    t.stop().await;
}

#[tokio::test]
async fn every_end_of_a_task_has_its_event() {
    let t = TestBroker::start_alone(2, |config| {
        config.task_events = true;
        config.worker_events = false;
    })
    .await;
    let mut receiver = Receiver::start(&t).await;
    let (registry, _runs, _) = registry();
    let worker = Worker::start(&t, registry, 1).await;
    t.publish(&job(0, Plan::Succeed)).await;
    // Nothing was told of the worker.
    assert_eq!(receiver.next().await.kind(), "task-received");
    let unknown = Envelope { task: "nobody-knows".to_owned(), ..job(1, Plan::Succeed) };
    let reserved = Envelope { task: "someday".to_owned(), ..job(1, Plan::Succeed) };
    for (task, end) in [
        (job(1, Plan::Fail), "task-failed"),
        (job(2, Plan::Panic), "task-retried"),
        (unknown, "task-rejected"),
        (reserved, "task-rejected"),
    ] {
        t.publish(&task).await;
        loop {
            let event = receiver.next_about(&task).await;
            match event["type"].as_str().unwrap() {
                "task-received" | "task-started" => continue,
                kind => assert_eq!(kind, end),
            }
            match end {
                "task-rejected" => assert_eq!(event["requeue"], false),
                _ => assert!(event["exception"].is_string() && event["traceback"].is_null()),
            }
            break;
        }
    }
    worker.stop().await;
    t.stop().await;
}

#[tokio::test]
async fn an_expired_task_is_told_as_revoked() {
    let t = TestBroker::start_alone(3, |config| config.task_events = true).await;
    let mut receiver = Receiver::start(&t).await;
    let (registry, mut runs, _) = registry();
    let task = crate::support::Job { number: 1, plan: Plan::Succeed };
    let late = Envelope::new(&task, new_id(), &Trace::default()).unwrap();
    let late = late.expires_at(now() - Duration::from_secs(1));
    // Written an hour ago, so that the broker does not drop it first.
    let written = now() - Duration::from_secs(3600);
    let message = queue::wire::encode(&late, "any", "any", written).unwrap();
    let worker = Worker::start(&t, registry, 1).await;
    t.publish(&job(0, Plan::Succeed)).await;
    runs.next().await;
    let options = lapin::options::BasicPublishOptions::default();
    let (name, body) = (t.name("jobs").into(), message.body.as_slice());
    t.channel.basic_publish("".into(), name, options, body, message.properties).await.unwrap();
    let revoked = receiver.next_of("task-revoked").await;
    assert_like_celery(&revoked);
    assert_eq!(revoked.event["uuid"], late.id);
    assert_eq!(revoked.event["expired"], true);
    worker.stop().await;
    t.stop().await;
}
