//! One trace from request to task, sent to a collector by OTLP.

use std::{net::SocketAddr, time::Duration};

use testkit::{Database, process};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    process::{Child, Command},
    sync::mpsc,
};

use crate::broker;

const TRACE: &str = "0123456789abcdef0123456789abcdef";

/// Takes what is exported, one body after another.
async fn collector() -> (SocketAddr, mpsc::UnboundedReceiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (bodies, received) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let bodies = bodies.clone();
            tokio::spawn(async move {
                let mut data = Vec::new();
                while stream.read_buf(&mut data).await.is_ok_and(|read| read > 0) {
                    let Some(end) = data.windows(4).position(|four| four == b"\r\n\r\n") else {
                        continue;
                    };
                    let head = String::from_utf8_lossy(&data[..end]).to_lowercase();
                    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
                    let whole = end + 4 + length.unwrap().trim().parse::<usize>().unwrap();
                    if data.len() >= whole {
                        assert!(head.starts_with("post /v1/traces "), "{head}");
                        let _ = bodies.send(data[end + 4..whole].to_vec());
                        data.drain(..whole);
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                        stream.write_all(answer).await.unwrap();
                    }
                }
            });
        }
    });
    (address, received)
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

fn start(arguments: &[&str], database: &Database, collector: SocketAddr, prefix: &str) -> Child {
    let mut command: Command = process::command(env!("CARGO_BIN_EXE_postroom"));
    command
        .args(arguments)
        .env("SQLALCHEMY_DATABASE_URI", database.url())
        .env("CELERY_BROKER_URL", broker::url())
        .env("NOTIFICATION_QUEUE_PREFIX", prefix)
        .env("REDIS_URL", broker::variable("POSTROOM_TEST_REDIS_URL"))
        .env("SECRET_KEY", "test-secret")
        .env("DANGEROUS_SALT", "test-salt")
        .env("TOKEN_SECRET_KEY", "dGVzdC1rZXktb2YtdGhpcnR5LXR3by1ieXRlcy1vayE=")
        .env("POSTROOM_RECEIPTS_WITHOUT_AUTH", "1")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}"))
        .spawn()
        .unwrap()
}

/// Waits for a span of this name in this trace.
async fn until_received(received: &mut mpsc::UnboundedReceiver<Vec<u8>>, span: &str, trace: u128) {
    let found = async {
        while let Some(body) = received.recv().await {
            if contains(&body, span.as_bytes()) && contains(&body, &trace.to_be_bytes()) {
                return;
            }
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), found).await;
    assert!(waited.is_ok(), "no span {span} of {trace:032x}");
}

#[tokio::test]
async fn a_request_is_one_trace() {
    let database = Database::create().await;
    let (address, mut received) = collector().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let port_text = port.to_string();
    let mut api =
        start(&["api", "--host", "127.0.0.1", "--port", &port_text], &database, address, "");
    let request = format!("GET /_status HTTP/1.1\r\nhost: api\r\nx-b3-traceid: {TRACE}\r\n\r\n");
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    let mut stream = loop {
        match tokio::net::TcpStream::connect(("127.0.0.1", port)).await {
            Ok(stream) => break stream,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
        assert!(api.try_wait().unwrap().is_none(), "the API has ended");
        assert!(tokio::time::Instant::now() < deadline, "the API does not listen");
    };
    stream.write_all(request.as_bytes()).await.unwrap();
    until_received(&mut received, "http.request", u128::from_str_radix(TRACE, 16).unwrap()).await;
    api.kill().await.unwrap();
    database.close().await;
}

#[tokio::test]
async fn a_task_without_a_request_is_a_trace_of_its_own() {
    let database = Database::create().await;
    let (address, mut received) = collector().await;
    let mut fired = process::command(env!("CARGO_BIN_EXE_postroom"));
    let entry = ["beat", "run", "--database-url", database.url(), "replay-created-notifications"];
    assert!(fired.args(entry).status().await.unwrap().success());
    let sql = "SELECT message->>'id' FROM outbox";
    let id: String = database.client().await.query_one(sql, &[]).await.unwrap().get(0);
    let prefix = testkit::unique("traces-");
    let mut worker = start(&["worker", "--role", "periodic"], &database, address, &prefix);
    let trace = u128::from_str_radix(&id.replace('-', ""), 16).unwrap();
    until_received(&mut received, "task.run", trace).await;
    worker.kill().await.unwrap();
    let names = vec!["periodic-tasks", "dead-letters"];
    testkit::Queues::new(&broker::url(), &prefix, names).delete().await;
    database.close().await;
}
