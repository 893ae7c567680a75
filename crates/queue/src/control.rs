//! Celery's remote control: requests to all workers, and their answers.

use futures_util::StreamExt;
use lapin::{
    Channel, Connection, ExchangeKind,
    message::Delivery,
    options::{
        BasicConsumeOptions, BasicPublishOptions, ExchangeDeclareOptions, QueueBindOptions,
        QueueDeclareOptions,
    },
    types::{AMQPValue, FieldTable, ShortString},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{
    broker::{Error, answered},
    events::transient_json,
    glob, inspect,
    message::Message,
    node::{Node, epoch},
    table,
};

pub(crate) const REQUESTS: &str = "celery.pidbox";
pub(crate) const ANSWERS: &str = "reply.celery.pidbox";
/// A queue that its worker has left is deleted after so long.
const QUEUE_LIFE_MS: i32 = 10_000;
const REQUEST_LIFE_MS: i32 = 300_000;

/// One request.
#[derive(Deserialize)]
struct Request {
    method: String,
    #[serde(default)]
    arguments: Option<Map<String, Value>>,
    #[serde(default)]
    destination: Option<Vec<String>>,
    #[serde(default)]
    pattern: Option<String>,
    #[serde(default)]
    matcher: Option<String>,
    #[serde(default)]
    ticket: Option<String>,
    #[serde(default)]
    reply_to: Option<ReplyTo>,
}

#[derive(Deserialize)]
struct ReplyTo {
    exchange: String,
    routing_key: String,
}

impl Request {
    /// Whether it is for the node `name`. Without an address it is for all.
    fn is_for(&self, name: &str) -> bool {
        if let Some(destination) = self.destination.as_ref().filter(|names| !names.is_empty()) {
            return destination.iter().any(|one| one == name);
        }
        match (self.pattern.as_deref(), self.matcher.as_deref()) {
            (Some(pattern), Some("glob")) => glob::matches(pattern, name),
            // Not to act is safer than to act on what was meant for others.
            (Some(_), Some(_)) => false,
            _ => true,
        }
    }
}

/// Answers requests that come over `connection` until `done`.
pub(crate) async fn listen(
    node: &Node,
    connection: &Connection,
    done: &CancellationToken,
) -> Result<(), Error> {
    let channel = answered(connection.create_channel()).await?;
    let queue = table::name(&format!("{}.{REQUESTS}", node.name))?;
    let mut requests = answered(subscribe(&channel, queue)).await?;
    while let Some(request) = done.run_until_cancelled(requests.next()).await {
        let delivery = request.ok_or(Error::Cancelled)??;
        if let Some((to, properties, answer)) = receive(node, delivery) {
            let options = BasicPublishOptions::default();
            let body = answer.to_string();
            let answer =
                channel.basic_publish(ANSWERS.into(), to, options, body.as_bytes(), properties);
            answered(answer).await?;
        }
    }
    Ok(())
}

async fn subscribe(channel: &Channel, queue: ShortString) -> lapin::Result<lapin::Consumer> {
    let none = FieldTable::default;
    declare_exchanges(channel).await?;
    let mut arguments = FieldTable::default();
    arguments.insert("x-expires".into(), AMQPValue::LongInt(QUEUE_LIFE_MS));
    arguments.insert("x-message-ttl".into(), AMQPValue::LongInt(REQUEST_LIFE_MS));
    let ours = QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
    channel.queue_declare(queue.clone(), ours, arguments).await?;
    let bind = QueueBindOptions::default();
    channel.queue_bind(queue.clone(), REQUESTS.into(), "".into(), bind, none()).await?;
    let no_ack = BasicConsumeOptions { no_ack: true, ..Default::default() };
    channel.basic_consume(queue, "".into(), no_ack, none()).await
}

/// Declares the exchanges of requests and answers.
pub(crate) async fn declare_exchanges(channel: &Channel) -> lapin::Result<()> {
    for (name, kind) in [(REQUESTS, ExchangeKind::Fanout), (ANSWERS, ExchangeKind::Direct)] {
        let transient = ExchangeDeclareOptions::default();
        channel.exchange_declare(name.into(), kind, transient, FieldTable::default()).await?;
    }
    Ok(())
}

/// Does what a request asks for. Gives the answer, if one is wanted: routing key, properties, body.
fn receive(
    node: &Node,
    delivery: Delivery,
) -> Option<(ShortString, lapin::BasicProperties, Value)> {
    let message = Message { properties: delivery.properties, body: delivery.data };
    let header = |name| message.header(name).map_or(Value::Null, table::to_json);
    if let Some(clock) = header("clock").as_u64() {
        node.clock.hear(clock);
    }
    let request: Request = match serde_json::from_slice(&message.body) {
        Ok(request) => request,
        Err(error) => {
            // Where in the body, and not what: it could be anything.
            let (line, column) = (error.line(), error.column());
            warn!("dropped a remote control request: not readable at {line}:{column}");
            return None;
        }
    };
    if header("expires").as_f64().is_some_and(|expires| expires < epoch(node.shared.now())) {
        debug!("dropped a remote control request that has expired");
        return None;
    }
    if !request.is_for(&node.name) {
        return None;
    }
    let answer = answer(node, &request.method, &request.arguments.unwrap_or_default())?;
    let ReplyTo { exchange, routing_key } = request.reply_to?;
    let Some(to) = table::name(&routing_key).ok().filter(|_| exchange == ANSWERS) else {
        warn!("cannot answer a remote control request: no such address");
        return None;
    };
    let mut headers = FieldTable::default();
    headers.insert("ticket".into(), table::text_or_void(request.ticket));
    headers.insert("clock".into(), table::from_json(&node.clock.tick().into()).ok()?);
    Some((to, transient_json(headers), json!({ node.name.as_str(): answer })))
}

/// The answer to one request; none to the last.
fn answer(node: &Node, method: &str, arguments: &Map<String, Value>) -> Option<Value> {
    debug!("remote control: {method:?}");
    Some(match method {
        "ping" => json!({"ok": "pong"}),
        "active" => inspect::active(node),
        "reserved" => inspect::reserved(node),
        // What has to wait for its time waits in the broker.
        "scheduled" => json!([]),
        "revoked" => json!(revoked(node)),
        "registered" => json!(node.registered),
        "stats" => inspect::stats(node),
        "active_queues" => inspect::queues(node),
        "conf" => inspect::configuration(node),
        "clock" => json!({ "clock": node.clock.tick() }),
        "query_task" => match texts(arguments.get("ids")) {
            Some(ids) => inspect::tasks(node, &ids),
            None => missing("query_task", "ids"),
        },
        "revoke" => match texts(arguments.get("task_id")) {
            Some(ids) => revoke(node, &ids, arguments.get("terminate")),
            None => missing("revoke", "task_id"),
        },
        "enable_events" => match node.events.switch(true) {
            false => json!({"ok": "task events enabled"}),
            true => json!({"ok": "task events already enabled"}),
        },
        "disable_events" => match node.events.switch(false) {
            true => json!({"ok": "task events disabled"}),
            false => json!({"ok": "task events already disabled"}),
        },
        "heartbeat" => {
            node.events.beat.notify_one();
            Value::Null
        }
        "hello" => hello(node, arguments),
        "shutdown" => {
            info!("told to shut down by remote control");
            node.stop.cancel();
            return None;
        }
        unknown => {
            let name: String = unknown.chars().take(100).collect();
            warn!("an unknown remote control request: {name:?}");
            json!({ "error": format!("KeyError('{name}')") })
        }
    })
}

/// Tasks with these ids are not begun. One that runs is left to end: its work cannot be cut short
/// without asking what it has done.
fn revoke(node: &Node, ids: &[&str], terminate: Option<&Value>) -> Value {
    node.revoked.add(ids.iter().copied());
    info!(count = ids.len(), "tasks revoked by remote control");
    let not_ended = match terminate {
        Some(Value::Bool(true)) => "; running tasks are not terminated",
        _ => "",
    };
    json!({ "ok": format!("tasks {{{}}} flagged as revoked{not_ended}", ids.join(", ")) })
}

/// A worker that starts tells what it knows, and asks what we know.
fn hello(node: &Node, arguments: &Map<String, Value>) -> Value {
    if arguments.get("from_node").and_then(Value::as_str) == Some(&node.name) {
        return Value::Null;
    }
    node.revoked.add(texts(arguments.get("revoked")).unwrap_or_default());
    json!({ "revoked": revoked(node), "clock": node.clock.tick() })
}

fn revoked(node: &Node) -> Vec<String> {
    node.revoked.list().iter().map(ToString::to_string).collect()
}

/// One text or a list of them.
fn texts(value: Option<&Value>) -> Option<Vec<&str>> {
    match value? {
        Value::String(one) => Some(vec![one]),
        Value::Array(many) => many.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

fn missing(method: &str, argument: &str) -> Value {
    json!({ "error": format!("TypeError('{method}: {argument} is missing or not text')") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_for_us(address: Value) -> bool {
        let mut request = json!({"method": "ping"});
        for (name, value) in address.as_object().unwrap() {
            request[name] = value.clone();
        }
        serde_json::from_value::<Request>(request).unwrap().is_for("postroom@host")
    }

    #[test]
    fn a_request_may_have_an_address() {
        assert!(is_for_us(json!({})));
        assert!(is_for_us(json!({"destination": null, "pattern": null, "matcher": null})));
        assert!(is_for_us(json!({"destination": []})));
        assert!(is_for_us(json!({"destination": ["other@host", "postroom@host"]})));
        assert!(!is_for_us(json!({"destination": ["other@host"], "pattern": "*"})));
        assert!(is_for_us(json!({"pattern": "postroom@*", "matcher": "glob"})));
        assert!(!is_for_us(json!({"pattern": "w*", "matcher": "glob"})));
        assert!(!is_for_us(json!({"pattern": ".*", "matcher": "pcre"})));
    }
}
