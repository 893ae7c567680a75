//! The stub as its callers see it. What its providers do is tested with their senders.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use stub::{Config, Kind, Outcome, Stub};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufStream},
    net::TcpStream,
};

async fn started(config: Config) -> Stub {
    stub::start(config).await.unwrap()
}

async fn post(stub: &Stub, path: &str, body: &Value) -> Response {
    let client = Client::new();
    client.post(format!("{}{path}", stub.url)).json(body).send().await.unwrap()
}

async fn get(stub: &Stub, path: &str) -> Value {
    let answer = reqwest::get(format!("{}{path}", stub.url)).await.unwrap();
    answer.json().await.unwrap()
}

fn message(cid: &str) -> Value {
    json!({"reqType": "BULK", "MSISDN": "447700900001", "msg": "Hello", "cid": cid})
}

#[tokio::test]
async fn what_was_received_is_shown_filtered_and_cleared() {
    let stub = started(Config::default()).await;
    for cid in ["a", "b"] {
        assert_eq!(post(&stub, "/mmg", &message(cid)).await.status(), StatusCode::OK);
    }
    post(&stub, "/callback", &json!({"id": "c"})).await;
    assert_eq!(get(&stub, "/received/sms").await[1]["reference"], "b");
    assert_eq!(get(&stub, "/received/sms?reference=a").await.as_array().unwrap().len(), 1);
    assert_eq!(get(&stub, "/received/callbacks?id=c").await.as_array().unwrap().len(), 1);
    assert_eq!(get(&stub, "/received?reference=none").await["sms"], json!([]));
    assert_eq!(get(&stub, "/_status").await["sms"], 2);
    let clear = Client::new().delete(format!("{}/received", stub.url)).send().await.unwrap();
    assert_eq!(clear.status(), StatusCode::NO_CONTENT);
    let empty = json!({
        "sms": [], "emails": [], "callbacks": [], "tickets": [], "documents": [],
    });
    assert_eq!(get(&stub, "/received").await, empty);
}

#[tokio::test]
async fn an_outcome_for_all_holds_until_recipients_decide_again() {
    let stub = started(Config::default()).await;
    for (outcome, status) in [
        (Some(Outcome::Throttle), StatusCode::TOO_MANY_REQUESTS),
        (Some(Outcome::Error500), StatusCode::INTERNAL_SERVER_ERROR),
        (None, StatusCode::OK),
    ] {
        stub.force(outcome);
        assert_eq!(post(&stub, "/mmg", &message("a")).await.status(), status);
    }
    stub.force(Some(Outcome::Garbage));
    assert!(post(&stub, "/mmg", &message("a")).await.json::<Value>().await.is_err());
}

#[tokio::test]
async fn the_oldest_is_forgotten_first() {
    let stub = started(Config { capacity: 2, ..Config::default() }).await;
    for cid in ["a", "b", "c"] {
        post(&stub, "/mmg", &message(cid)).await;
    }
    let received = stub.received(Kind::Sms);
    assert_eq!(received.iter().map(|sms| &sms["reference"]).collect::<Vec<_>>(), ["b", "c"]);
}

#[tokio::test]
async fn incomplete_requests_are_refused() {
    let stub = started(Config::default()).await;
    let answer = post(&stub, "/mmg", &json!({"reqType": "BULK"})).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let unsigned = post(&stub, "/v2/email/outbound-emails", &json!({})).await;
    assert_eq!(unsigned.status(), StatusCode::FORBIDDEN);
    assert_eq!(post(&stub, "/callback/100", &json!({})).await.status(), StatusCode::NOT_FOUND);
    let guess = format!("{}/sns/confirm?Token={}", stub.url, uuid::Uuid::nil());
    assert_eq!(reqwest::get(guess).await.unwrap().status(), StatusCode::BAD_REQUEST);
    assert!(stub.received(Kind::Sms).is_empty() && stub.received(Kind::Emails).is_empty());
}

#[tokio::test]
async fn mail_is_taken_in_the_order_of_the_protocol() {
    let stub = started(Config::default()).await;
    let mut client = BufStream::new(TcpStream::connect(stub.smtp_addr.unwrap()).await.unwrap());
    assert_eq!(reply(&mut client).await, "220");
    for (line, code) in [
        ("HELO test", "250"),
        ("DATA", "503"),
        ("RCPT TO:<anna@example.com>", "503"),
        ("MAIL from", "501"),
        ("MAIL FROM:<a@example.com> SIZE=999999999999", "552"),
        ("MAIL FROM:<a@example.com> BODY=8BITMIME", "250"),
        ("rcpt to: <anna@example.com>", "250"),
        ("RSET", "250"),
        ("DATA", "503"),
        ("TURN", "502"),
        ("NOOP", "250"),
        ("MAIL FROM:<>", "250"),
        ("RCPT TO:<anna@example.com>", "250"),
        ("DATA", "354"),
        ("Message-ID: <1@example.com>\r\n\r\n..dot\r\n.", "250"),
        ("QUIT", "221"),
    ] {
        client.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        client.flush().await.unwrap();
        assert_eq!(reply(&mut client).await, code, "{line}");
    }
    let email = &stub.received(Kind::Emails)[0];
    assert_eq!(email["reference"], "1");
    assert_eq!(
        email["request"],
        json!({
            "from": "",
            "to": ["anna@example.com"],
            "data": "Message-ID: <1@example.com>\r\n\r\n.dot\r\n",
        })
    );
}

#[tokio::test]
async fn a_stopped_stub_frees_its_ports() {
    let stub = started(Config::default()).await;
    let http = stub.url.strip_prefix("http://").unwrap().to_owned();
    let smtp = stub.smtp_addr.unwrap();
    stub.stop().await;
    assert!(TcpStream::connect(http).await.is_err());
    assert!(TcpStream::connect(smtp).await.is_err());
}

/// The code of the next answer, all answers here being one line.
async fn reply(client: &mut BufStream<TcpStream>) -> String {
    let mut line = String::new();
    client.read_line(&mut line).await.unwrap();
    line.split(' ').next().unwrap().to_owned()
}
