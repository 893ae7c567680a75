//! Flower, the monitor that runs beside Celery. Its newest version needs the newest Celery.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Celery, Process};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Version, app::vhost};
use crate::support::{Plan, TestBroker, Worker, job, registry};

/// A Flower that serves.
struct Flower {
    address: String,
    process: Process,
}

impl Flower {
    async fn start(celery: &Celery) -> Self {
        let celery = celery.clone().with("FLOWER_UNAUTHENTICATED_API", "true");
        // It chooses a port, and tells which.
        let mut process = celery.start(&["flower", "--address=127.0.0.1", "--port=0"]);
        let said = process.says("Visit me at http://").await;
        let address = said.split("http://").nth(1).unwrap().trim_end_matches('/').to_owned();
        Self { address, process }
    }

    /// What it answers to a request such as `GET /path`.
    async fn fetch(&self, request: &str) -> String {
        let mut server = TcpStream::connect(&self.address).await.unwrap();
        let address = &self.address;
        let head = format!("{request} HTTP/1.0\r\nHost: {address}\r\nContent-Length: 0\r\n\r\n");
        server.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        server.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 "), "{request}: {answer}");
        body.to_owned()
    }

    async fn json(&self, request: &str) -> Value {
        serde_json::from_str(&self.fetch(request).await).unwrap()
    }

    /// The answer when it is as the test waits for.
    async fn json_when(&self, request: &str, done: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..400 {
            let answer = self.json(request).await;
            if done(&answer) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{request} still answers {}", self.json(request).await);
    }
}

#[tokio::test]
async fn flower_shows_a_worker_and_its_tasks() {
    let t = TestBroker::start_alone(vhost::FLOWER, |_| {}).await;
    let (registry, _runs, _) = registry();
    let worker = Worker::start(&t, registry, 4).await;
    let flower = Flower::start(&Version::Newest.beside(&t)).await;

    // It switches the events of tasks on, some seconds after it started.
    let are_on = |workers: &Value| workers["w1@host"]["conf"]["worker_send_task_events"] == true;
    let workers = flower.json_when("GET /api/workers?refresh=1", are_on).await;
    let known = &workers["w1@host"];
    assert_eq!(known["registered"], json!(["job", "someday"]));
    assert_eq!(known["stats"]["pid"], std::process::id());
    assert_eq!(known["active_queues"][0]["name"], t.name("jobs"));
    assert_eq!(flower.json("GET /api/workers?status=1").await, json!({"w1@host": true}));

    let (good, bad) = (job(1, Plan::Succeed), job(2, Plan::Fail));
    t.publish(&good).await;
    t.publish(&bad).await;
    let have_ended = |tasks: &Value| {
        tasks[&good.id]["state"] == "SUCCESS" && tasks[&bad.id]["state"] == "FAILURE"
    };
    let tasks = flower.json_when("GET /api/tasks", have_ended).await;
    for sent in [&good, &bad] {
        let task = &tasks[&sent.id];
        assert_eq!((&task["name"], &task["worker"]), (&json!("job"), &json!("w1@host")));
        for time in ["received", "started"] {
            assert!(task[time].is_f64(), "{time}: {task}");
        }
    }
    assert!(tasks[&good.id]["runtime"].is_f64());
    assert_eq!(tasks[&bad.id]["exception"], "no good");
    assert_eq!(flower.json("GET /api/task/types").await, json!({"task-types": ["job"]}));

    // The pages, and the rows that a browser adds to that of the tasks.
    let rows = "GET /tasks/datatable?draw=1&start=0&length=10&order[0][column]=0&order[0][dir]=asc\
                &columns[0][data]=name";
    let rows = flower.json(rows).await;
    assert_eq!((&rows["recordsTotal"], &rows["data"][0]["worker"]), (&json!(2), &json!("w1@host")));
    let task = format!("GET /task/{}", bad.id);
    for (page, text) in [
        ("GET /workers", "<td>w1@host</td>"),
        ("GET /worker/w1@host", t.name("jobs").as_str()),
        ("GET /tasks", "<table id=\"tasks-table\""),
        (&task, "no good"),
        ("GET /metrics", "flower_worker_online{worker=\"w1@host\"} 1.0"),
    ] {
        let html = flower.fetch(page).await;
        assert!(html.contains(text), "{page}: {html}");
    }

    let told = flower.json("POST /api/worker/shutdown/w1@host").await;
    assert_eq!(told, json!({"message": "Shutting down!"}));
    worker.task.await.unwrap();
    flower.process.kill().await;
    t.stop().await;
}
