//! What a worker tells of itself when asked by remote control.

use std::fs;

use serde_json::{Map, Value, json};

use crate::{
    config::parse_uri,
    envelope::Envelope,
    lane::Lane,
    node::{Node, epoch},
    repr::{args_repr, kwargs_repr},
    running::Run,
};

/// The tasks that run.
pub(crate) fn active(node: &Node) -> Value {
    node.running.list().iter().map(|run| running_task(node, run)).collect()
}

/// The tasks that are here and have not begun.
pub(crate) fn reserved(node: &Node) -> Value {
    waiting(node).map(|(envelope, redelivered)| task(node, &envelope, redelivered)).collect()
}

/// What is known of the tasks with these ids: by id, state and task.
pub(crate) fn tasks(node: &Node, ids: &[&str]) -> Value {
    let asked = |envelope: &Envelope| ids.contains(&envelope.id.as_str());
    let mut found = Map::new();
    for (envelope, redelivered) in waiting(node).filter(|(envelope, _)| asked(envelope)) {
        let task = task(node, &envelope, redelivered);
        found.insert(envelope.id, json!(["reserved", task]));
    }
    for run in node.running.list().iter().filter(|run| asked(&run.envelope)) {
        found.insert(run.envelope.id.clone(), json!(["active", running_task(node, run)]));
    }
    found.into()
}

/// What it has done, and with what.
pub(crate) fn stats(node: &Node) -> Value {
    let total = |count: fn(&Lane) -> u16| -> u32 {
        node.lanes.iter().map(|lane| u32::from(count(lane))).sum()
    };
    json!({
        "total": node.running.totals(),
        "queues": lanes(node),
        "pid": std::process::id(),
        "clock": node.clock.now().to_string(),
        "uptime": node.started.elapsed().as_secs(),
        "pool": {
            "implementation": "tokio",
            "max-concurrency": total(|lane| lane.concurrency),
            "processes": [std::process::id()],
            "max-tasks-per-child": "N/A",
        },
        "broker": broker(node),
        "prefetch_count": total(|lane| lane.prefetch),
        "rusage": { "maxrss": most_memory_kib() },
    })
}

/// What it has taken off each queue, by its name at the broker. Not among what Celery tells.
fn lanes(node: &Node) -> Value {
    let figures = |lane: &Lane| {
        let waited = lane.waited().map(|waited| waited.as_seconds_f64());
        (lane.name.to_string(), json!({ "taken": lane.taken(), "oldest_seconds": waited }))
    };
    node.lanes.iter().map(figures).collect::<Map<_, _>>().into()
}

/// The queues it consumes from, in the words of Celery's client library.
pub(crate) fn queues(node: &Node) -> Value {
    let describe = |lane: &Lane| {
        let name = lane.name.as_str();
        json!({
            "name": name,
            "exchange": {
                "name": "default", "type": "direct", "arguments": null, "durable": true,
                "passive": false, "auto_delete": false, "delivery_mode": null, "no_declare": false,
            },
            "routing_key": name,
            "queue_arguments": null, "binding_arguments": null, "consumer_arguments": null,
            "durable": true, "exclusive": false, "auto_delete": false, "no_ack": false,
            "alias": null, "bindings": [], "no_declare": null, "expires": null,
            "message_ttl": null, "max_length": null, "max_length_bytes": null,
            "max_priority": null,
        })
    };
    node.lanes.iter().map(describe).collect()
}

/// The settings that have a name in Celery. No secrets.
pub(crate) fn configuration(node: &Node) -> Value {
    let broker = broker(node);
    let text = |name: &str| broker[name].as_str().unwrap_or_default().to_owned();
    let url = format!(
        "amqp://{}:********@{}:{}/{}",
        text("userid"),
        text("hostname"),
        broker["port"],
        text("virtual_host"),
    );
    json!({
        "broker_url": url,
        "accept_content": ["json"],
        "task_serializer": "json",
        "enable_utc": true,
        "timezone": "UTC",
        "task_acks_late": true,
        "task_ignore_result": true,
        "task_queues": queues(node),
        "worker_send_task_events": node.events.are_on(),
    })
}

fn waiting(node: &Node) -> impl Iterator<Item = (Envelope, bool)> {
    node.lanes.iter().flat_map(Lane::reserved)
}

fn running_task(node: &Node, run: &Run) -> Value {
    let mut task = task(node, &run.envelope, run.redelivered);
    task["time_start"] = epoch(run.started_at).into();
    task["worker_pid"] = std::process::id().into();
    task
}

fn task(node: &Node, envelope: &Envelope, redelivered: bool) -> Value {
    let lane = node.lanes.iter().find(|lane| lane.queue == envelope.queue);
    json!({
        "id": envelope.id,
        "name": envelope.task,
        "args": args_repr(&envelope.args),
        "kwargs": kwargs_repr(&envelope.kwargs),
        "type": envelope.task,
        "hostname": node.name,
        "time_start": null,
        "acknowledged": false,
        "delivery_info": {
            "exchange": "",
            "routing_key": lane.map_or(envelope.queue.as_str(), |lane| lane.name.as_str()),
            "priority": null,
            "redelivered": redelivered,
        },
        "worker_pid": null,
    })
}

/// The broker, without the password.
fn broker(node: &Node) -> Value {
    let Ok(uri) = parse_uri(&node.shared.config.broker_url) else { return json!({}) };
    json!({
        "hostname": uri.authority.host,
        "userid": uri.authority.userinfo.username,
        "virtual_host": uri.vhost,
        "port": uri.authority.port,
        "ssl": uri.scheme == lapin::uri::AMQPScheme::AMQPS,
        "transport": "amqp",
        "heartbeat": uri.query.heartbeat,
    })
}

/// The most memory this process has had, in KiB; 0 where it is not known.
fn most_memory_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or_default()
}
