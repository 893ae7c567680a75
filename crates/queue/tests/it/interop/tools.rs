//! Operators' tools: `celery status`, `inspect`, `control` and `events`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use queue::{Attempt, Envelope, Registry, Task, TaskResult, Trace};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{
    Version,
    app::{self, answer_of, run, vhost},
    with_each_celery,
};
use crate::support::{Plan, TestBroker, Worker, job, new_id, registry};

with_each_celery!(a_worker_is_inspected_and_controlled, events_are_dumped);

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

#[derive(Clone)]
struct Gate {
    open: Arc<Semaphore>,
    begun: Arc<AtomicUsize>,
}

impl Gate {
    /// Waits until so many have begun.
    async fn has_begun(&self, count: usize) {
        let have_begun = async {
            while self.begun.load(Ordering::SeqCst) < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), have_begun).await.unwrap();
    }
}

async fn hold(gate: Gate, _: Hold, _: Attempt) -> TaskResult {
    gate.begun.fetch_add(1, Ordering::SeqCst);
    gate.open.acquire().await.unwrap().forget();
    Ok(())
}

const INSPECT: [&str; 10] = [
    "ping",
    "active",
    "reserved",
    "scheduled",
    "registered",
    "active_queues",
    "conf",
    "stats",
    "clock",
    "revoked",
];

fn ids(tasks: &Value) -> Vec<&str> {
    tasks.as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap()).collect()
}

async fn a_worker_is_inspected_and_controlled(version: Version) {
    let t = TestBroker::start_alone(vhost::CONTROL + version as usize, |_| {}).await;
    let celery = version.beside(&t);
    let gate = Gate { open: Arc::new(Semaphore::new(0)), begun: Arc::default() };
    // Four run at once, and two wait.
    let worker = Worker::start(&t, Registry::new(gate.clone()).on(hold), 6).await;
    let mut sent = Vec::new();
    for number in 0..6 {
        let held = Envelope::new(&Hold { number }, new_id(), &Trace::default()).unwrap();
        t.publish(&held).await;
        sent.push(held.id);
    }
    gate.has_begun(4).await;

    let to_ours = |command: &str| format!("{command} --timeout 30 --destination w1@host");
    let text = INSPECT.map(|what| to_ours(&format!("inspect {what}")));
    let json = text.each_ref().map(|command| format!("{command} --json"));
    let mut outputs = run(&celery, &[text, json].concat()).await;
    let answers = outputs.split_off(INSPECT.len());
    for output in outputs {
        assert!(output.contains("w1@host: OK") && output.contains("1 node online."), "{output}");
    }
    let answers: Vec<_> = answers.iter().map(|answer| answer_of("w1@host", answer)).collect();
    let [ping, active, reserved, scheduled, registered, queues, conf, stats, clock, revoked] =
        answers.try_into().unwrap();
    assert_eq!(ping, json!({"ok": "pong"}));
    assert_eq!(ids(&active), sent[..4]);
    assert_eq!(ids(&reserved), sent[4..]);
    assert_eq!((scheduled, registered, revoked), (json!([]), json!(["hold"]), json!([])));
    assert_eq!(
        (&queues[0]["name"], &queues[1]["name"]),
        (&json!(t.name("jobs")), &json!(t.name("retries")))
    );
    assert_eq!(
        (&conf["timezone"], &conf["worker_send_task_events"]),
        (&json!("UTC"), &json!(false))
    );
    assert_eq!((&stats["total"], &stats["pid"]), (&json!({"hold": 4}), &json!(std::process::id())));
    assert!(clock["clock"].is_u64());

    let orders = [
        &format!("control revoke {}", sent[4]),
        "control enable_events",
        "inspect revoked",
        "inspect conf",
    ];
    let orders = orders.map(|order| to_ours(order) + " --json");
    let outputs = run(&celery, &orders).await;
    let [revoke, enable, revoked, conf] =
        [0, 1, 2, 3].map(|index| answer_of("w1@host", &outputs[index]));
    assert!(revoke["ok"].as_str().unwrap().contains(&sent[4]), "{revoke}");
    assert_eq!(enable, json!({"ok": "task events enabled"}));
    assert_eq!(revoked, json!([sent[4]]));
    assert_eq!(conf["worker_send_task_events"], true);
    gate.open.add_permits(6);
    gate.has_begun(5).await;

    // A Celery worker that starts asks its neighbours what they know, and listens to their events.
    let mut theirs = app::worker_with(&celery, &t.config.queue_prefix, &[]).await;
    theirs.says("sync with 1 nodes").await;
    let name = format!("{}py@host", t.config.queue_prefix);
    let revoked = format!("inspect revoked --timeout 30 --destination {name} --json");
    let outputs = run(&celery, &[revoked, "status".to_owned()]).await;
    assert_eq!(answer_of(&name, &outputs[0]), json!([sent[4]]));
    let status = &outputs[1];
    assert!(status.contains("w1@host: OK") && status.contains("2 nodes online."), "{status}");
    celery.python("from app import *; app.control.shutdown(destination=['w1@host'])").await;
    worker.task.await.unwrap();
    for complaint in ["drift", "missed heartbeat", "ERROR", "CRITICAL"] {
        assert!(!theirs.has_said(complaint), "{complaint}");
    }
    theirs.kill().await;
    assert_eq!(gate.begun.load(Ordering::SeqCst), 5);
    t.stop().await;
}

async fn events_are_dumped(version: Version) {
    let vhost = vhost::EVENTS + version as usize;
    let t = TestBroker::start_alone(vhost, |config| config.task_events = true).await;
    let mut dump = version.beside(&t).start(&["events", "--dump"]);
    dump.says("starting capture").await;
    let (registry, _runs, _) = registry();
    let worker = Worker::start(&t, registry, 4).await;
    let alive = dump.says("w1@host").await;
    assert!(alive.contains("sw_ident=postroom"), "{alive}");
    for (plan, ends) in [
        (Plan::Succeed, ["received", "started", "succeeded"]),
        (Plan::Fail, ["received", "started", "failed"]),
        (Plan::Retry, ["received", "started", "retried"]),
    ] {
        let sent = job(1, plan);
        t.publish(&sent).await;
        for kind in ends {
            let line = dump.says(&format!("task {kind}: job({})", sent.id)).await;
            assert!(line.starts_with("w1@host [20"), "{line}");
        }
    }
    worker.stop().await;
    dump.says("shutdown: ").await;
    dump.kill().await;
    t.stop().await;
}
