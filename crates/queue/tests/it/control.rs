//! Remote control, as real clients speak it.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use lapin::{
    BasicProperties, Consumer, ExchangeKind,
    message::Delivery,
    options::{
        BasicConsumeOptions, BasicPublishOptions, ExchangeDeclareOptions, QueueBindOptions,
        QueueDeclareOptions,
    },
    types::{AMQPValue, FieldTable},
};
use queue::{Attempt, Envelope, QueueState, Registry, Task, TaskResult, survey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{sync::Semaphore, time::timeout};

use crate::{
    events::Receiver,
    support::{Plan, TestBroker, Worker, job, new_id, now, registry},
};

const ANSWERS: &str = "reply.celery.pidbox";

/// Waits until the test opens the gate.
#[derive(Serialize, Deserialize)]
struct Hold {
    number: u32,
}

impl Task for Hold {
    const NAME: &'static str = "hold";
    const QUEUE: &'static str = "jobs";
    const ARGS: &'static [&'static str] = &["number"];
}

async fn hold(gate: Arc<Semaphore>, _: Hold, _: Attempt) -> TaskResult {
    gate.acquire().await.unwrap().forget();
    Ok(())
}

/// One who controls.
struct Client<'a> {
    t: &'a TestBroker,
    key: String,
    answers: Consumer,
}

impl<'a> Client<'a> {
    /// Returns when the worker answers.
    async fn start(t: &'a TestBroker) -> Self {
        let none = FieldTable::default;
        for (name, kind) in
            [("celery.pidbox", ExchangeKind::Fanout), (ANSWERS, ExchangeKind::Direct)]
        {
            let transient = ExchangeDeclareOptions::default();
            t.channel.exchange_declare(name.into(), kind, transient, none()).await.unwrap();
        }
        let key = new_id().to_string();
        let name = format!("{key}.{ANSWERS}");
        let ours = QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
        t.channel.queue_declare(name.as_str().into(), ours, none()).await.unwrap();
        let (bind, queue) = (QueueBindOptions::default(), name.as_str().into());
        let bound = t.channel.queue_bind(queue, ANSWERS.into(), key.as_str().into(), bind, none());
        bound.await.unwrap();
        let no_ack = BasicConsumeOptions { no_ack: true, ..Default::default() };
        let answers = t.channel.basic_consume(name.into(), "".into(), no_ack, none()).await;
        let mut client = Self { t, key, answers: answers.unwrap() };
        for _ in 0..200 {
            let ticket = client.ask("ping", json!({})).await;
            if timeout(Duration::from_millis(100), client.answer(&ticket)).await.is_ok() {
                return client;
            }
        }
        panic!("no answer within 20 s");
    }

    async fn send(&self, headers: FieldTable, body: &[u8]) {
        let properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_content_encoding("utf-8".into())
            .with_headers(headers);
        let options = BasicPublishOptions::default();
        let exchange = "celery.pidbox".into();
        self.t.channel.basic_publish(exchange, "".into(), options, body, properties).await.unwrap();
    }

    fn request(&self, method: &str, arguments: Value) -> Value {
        json!({
            "method": method, "arguments": arguments,
            "destination": null, "pattern": null, "matcher": null,
            "ticket": new_id(),
            "reply_to": {"exchange": ANSWERS, "routing_key": self.key},
        })
    }

    async fn ask(&self, method: &str, arguments: Value) -> String {
        let request = self.request(method, arguments);
        self.send(FieldTable::default(), request.to_string().as_bytes()).await;
        request["ticket"].as_str().unwrap().to_owned()
    }

    async fn next(&mut self) -> Delivery {
        let next = timeout(Duration::from_secs(20), self.answers.next()).await;
        next.expect("an answer comes within 20 s").unwrap().unwrap()
    }

    /// The answer with this ticket.
    async fn answer(&mut self, ticket: &str) -> Delivery {
        loop {
            let answer = self.next().await;
            if has_ticket(&answer, ticket) {
                return answer;
            }
        }
    }

    /// Asks, and gives what the worker says.
    async fn call(&mut self, method: &str, arguments: Value) -> Value {
        let ticket = self.ask(method, arguments).await;
        let answer = self.answer(&ticket).await;
        let body: Value = serde_json::from_slice(&answer.data).unwrap();
        body["w1@host"].clone()
    }

    /// Asks until the answer is a list of this length.
    async fn call_until(&mut self, method: &str, length: usize) -> Value {
        for _ in 0..400 {
            let answer = self.call(method, json!({})).await;
            if answer.as_array().unwrap().len() == length {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{method} does not become {length} within 20 s");
    }
}

fn has_ticket(answer: &Delivery, ticket: &str) -> bool {
    let headers = answer.properties.headers().as_ref().unwrap();
    headers.inner()["ticket"] == AMQPValue::LongString(ticket.into())
}

/// The answer that a real worker gave to `method`.
fn recorded(method: &str) -> Value {
    let recorded: Value = serde_json::from_str(include_str!("data/celery-messages.json")).unwrap();
    let requests = recorded["remote_control"].as_array().unwrap();
    let request = requests.iter().find(|request| request["method"] == method).unwrap();
    request["reply"]["body"]["w1@host"].clone()
}

fn names(object: &Value) -> Vec<&String> {
    let mut names: Vec<_> = object.as_object().unwrap().keys().collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_worker_tells_of_itself() {
    let t = TestBroker::start_alone(4, |_| {}).await;
    let (registry, _runs, _) = registry();
    let worker = Worker::start(&t, registry, 8).await;
    let mut client = Client::start(&t).await;

    let ticket = client.ask("ping", json!({})).await;
    let pong = client.answer(&ticket).await;
    assert_eq!(pong.data, br#"{"w1@host":{"ok":"pong"}}"#);
    assert_eq!((pong.exchange.as_str(), pong.routing_key.as_str()), (ANSWERS, &*client.key));
    assert_eq!(*pong.properties.delivery_mode(), Some(1));
    let content_type = pong.properties.content_type().as_ref();
    assert_eq!(content_type.unwrap().as_str(), "application/json");

    assert_eq!(client.call("registered", json!({})).await, json!(["job", "someday"]));
    let queues = client.call("active_queues", json!({})).await;
    assert_eq!(queues[0]["name"], t.name("jobs"));
    assert_eq!(names(&queues[0]), names(&recorded("active_queues")[0]));
    assert_eq!(queues[0]["exchange"], recorded("active_queues")[0]["exchange"]);
    let stats = client.call("stats", json!({})).await;
    let (recorded_stats, mut told) = (recorded("stats"), stats.clone());
    assert!(told.as_object_mut().unwrap().remove("queues").is_some(), "ours alone");
    assert_eq!(names(&told), names(&recorded_stats));
    assert_eq!(stats["pool"]["max-concurrency"], 8);
    assert_eq!(stats["prefetch_count"], 16);
    let configuration = client.call("conf", json!({"with_defaults": false})).await;
    assert!(configuration["broker_url"].as_str().unwrap().contains(":********@"));
    assert_eq!(configuration["timezone"], "UTC");
    for method in ["active", "reserved", "scheduled", "revoked"] {
        assert_eq!(client.call(method, json!({"safe": null})).await, json!([]));
    }
    let first = client.call("clock", json!({})).await["clock"].as_u64().unwrap();
    let second = client.call("clock", json!({})).await["clock"].as_u64().unwrap();
    assert!(second > first);
    let nothing = client.call("query_task", json!({"ids": ["x"]})).await;
    assert_eq!(nothing, recorded("query_task"));
    let unknown = client.call("no_such_command", json!({})).await;
    assert_eq!(unknown, recorded("no_such_command"));
    assert!(client.call("revoke", json!({})).await["error"].is_string());
    let hello = json!({"from_node": "w2@host", "revoked": ["a", "b"]});
    assert_eq!(client.call("hello", hello).await["revoked"], json!(["a", "b"]));
    worker.stop().await;
    t.stop().await;
}

#[tokio::test]
async fn a_survey_finds_what_waits_and_what_was_taken() {
    let t = TestBroker::start_alone(22, |_| {}).await;
    let (registry, mut runs, _) = registry();
    let worker = Worker::start(&t, registry, 8).await;
    let age = time::Duration::seconds(90);
    let made = uuid::Uuid::new_v7(uuid::Timestamp::from_unix(
        uuid::NoContext,
        u64::try_from((now() - age).unix_timestamp()).unwrap(),
        0,
    ));
    for id in [new_id(), made] {
        t.publish(&Envelope { id: id.to_string(), ..job(1, Plan::Succeed) }).await;
        runs.next().await;
    }
    t.publish(&job(2, Plan::Succeed).on("others")).await; // which nobody consumes
    Client::start(&t).await; // the worker answers
    let found = survey(&t.broker, &["jobs", "others", "nowhere"]).await.unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), [&"jobs", &"others"]);
    let jobs = &found["jobs"];
    assert_eq!((jobs.messages, jobs.consumers, jobs.taken), (0, 1, 2));
    assert!((89.0..120.0).contains(&jobs.oldest_seconds.unwrap()), "{jobs:?}");
    let others = QueueState { messages: 1, ..QueueState::default() };
    assert_eq!(found["others"], others);
    worker.stop().await;
    t.stop().await;
}

#[tokio::test]
async fn running_and_waiting_tasks_are_listed() {
    let t = TestBroker::start_alone(5, |_| {}).await;
    let gate = Arc::new(Semaphore::new(0));
    let worker = Worker::start(&t, Registry::new(Arc::clone(&gate)).on(hold), 6).await;
    let mut client = Client::start(&t).await;
    let mut ids = Vec::new();
    for number in 0..6 {
        let envelope = queue::Envelope::new(&Hold { number }, new_id(), &Default::default());
        let envelope = envelope.unwrap();
        t.publish(&envelope).await;
        ids.push(envelope.id);
    }
    let reserved = client.call_until("reserved", 2).await;
    let active = client.call_until("active", 4).await;
    assert_eq!(names(&active[0]), names(&recorded("active")[0]));
    assert_eq!((&active[0]["id"], &active[0]["name"]), (&json!(ids[0]), &json!("hold")));
    assert_eq!(active[0]["args"], "(0,)");
    assert_eq!(active[0]["delivery_info"]["routing_key"], t.name("jobs"));
    assert!(active[0]["time_start"].is_f64() && active[0]["worker_pid"].is_u64());
    assert_eq!(reserved[1]["id"], ids[5]);
    assert!(reserved[1]["time_start"].is_null());
    let found = client.call("query_task", json!({"ids": [ids[0], ids[5]]})).await;
    assert_eq!((&found[&ids[0]][0], &found[&ids[5]][0]), (&json!("active"), &json!("reserved")));
    assert_eq!(client.call("stats", json!({})).await["total"], json!({"hold": 4}));
    gate.add_permits(6);
    client.call_until("active", 0).await;
    assert_eq!(client.call("stats", json!({})).await["total"], json!({"hold": 6}));
    worker.stop().await;
    t.stop().await;
}

#[tokio::test]
async fn a_revoked_task_is_not_run() {
    let t = TestBroker::start_alone(6, |config| config.task_events = true).await;
    let (registry, mut runs, _) = registry();
    let worker = Worker::start(&t, registry, 1).await;
    let mut client = Client::start(&t).await;
    let mut events = Receiver::start(&t).await;
    let unwanted = job(1, Plan::Succeed);
    let revoke = json!({"task_id": unwanted.id, "terminate": false, "signal": "SIGTERM"});
    assert!(client.call("revoke", revoke).await["ok"].is_string());
    assert_eq!(client.call("revoked", json!({})).await, json!([unwanted.id]));
    t.publish(&unwanted).await;
    t.publish(&job(2, Plan::Succeed)).await;
    assert_eq!(runs.next().await.job.number, 2);
    let event = events.next_of("task-revoked").await.event;
    assert_eq!((&event["uuid"], &event["expired"]), (&json!(unwanted.id), &json!(false)));
    worker.stop().await;
    assert!(t.get("jobs").await.is_none());
    t.stop().await;
}

#[tokio::test]
async fn what_is_not_for_us_or_not_readable_is_ignored() {
    let t = TestBroker::start_alone(7, |_| {}).await;
    let (registry, _runs, _) = registry();
    let worker = Worker::start(&t, registry, 1).await;
    let mut client = Client::start(&t).await;
    // The answers to the first pings are out of the way when this one is here.
    client.call("clock", json!({})).await;
    let with = |changes: Value| {
        let mut request = client.request("ping", json!({}));
        for (name, value) in changes.as_object().unwrap() {
            request[name] = value.clone();
        }
        request.to_string()
    };
    for ignored in [
        with(json!({"destination": ["w2@host"]})),
        with(json!({"pattern": "w2@*", "matcher": "glob"})),
        with(json!({"pattern": ".*", "matcher": "pcre"})),
        with(json!({"reply_to": null})),
        with(json!({"reply_to": {"exchange": "amq.direct", "routing_key": "any"}})),
        with(json!({"reply_to": {"exchange": ANSWERS, "routing_key": "x".repeat(300)}})),
        with(json!({"method": 7})),
        with(json!({"arguments": "none"})),
        with(json!({"destination": 3})),
        "[]".to_owned(),
        "{".to_owned(),
        String::new(),
    ] {
        client.send(FieldTable::default(), ignored.as_bytes()).await;
    }
    let mut headers = FieldTable::default();
    headers.insert("expires".into(), AMQPValue::Double((now().unix_timestamp() - 5) as f64));
    client.send(headers, with(json!({})).as_bytes()).await;
    let mut headers = FieldTable::default();
    headers.insert("expires".into(), AMQPValue::Double((now().unix_timestamp() + 60) as f64));
    headers.insert("clock".into(), AMQPValue::LongLongInt(i64::MAX));
    let last = with(json!({"ticket": "last", "pattern": "w?@host", "matcher": "glob"}));
    client.send(headers, last.as_bytes()).await;
    // Requests are answered in their order, so none of the others was.
    assert!(has_ticket(&client.next().await, "last"));
    worker.stop().await;
    t.stop().await;
}

#[tokio::test]
async fn events_are_switched_and_the_worker_is_shut_down() {
    let t = TestBroker::start_alone(8, |_| {}).await;
    let mut events = Receiver::start(&t).await;
    let (registry, mut runs, _) = registry();
    let worker = Worker::start(&t, registry, 1).await;
    let mut client = Client::start(&t).await;
    t.publish(&job(1, Plan::Succeed)).await;
    runs.next().await;
    let enabled = json!({"ok": "task events enabled"});
    assert_eq!(client.call("enable_events", json!({})).await, enabled);
    assert_eq!(client.call("enable_events", json!({})).await, recorded("enable_events"));
    let told = job(2, Plan::Succeed);
    t.publish(&told).await;
    assert_eq!(events.next_of("task-received").await.event["uuid"], told.id);
    events.next_of("task-succeeded").await;
    let disabled = json!({"ok": "task events disabled"});
    assert_eq!(client.call("disable_events", json!({})).await, disabled);
    t.publish(&job(3, Plan::Succeed)).await;
    while runs.next().await.job.number != 3 {}
    assert!(client.call("heartbeat", json!({})).await.is_null());
    events.next_of("worker-heartbeat").await;
    client.ask("shutdown", json!({})).await;
    timeout(Duration::from_secs(20), worker.task).await.unwrap().unwrap();
    assert!(worker.stop.is_cancelled());
    while events.next().await.kind() != "worker-offline" {}
    t.stop().await;
}
