use providers::callbacks::{CallbackClient, Outcome};
use serde_json::json;
use stub::{Kind, Stub};

use crate::support::{closed_port, config, in_time};

const TO_PRIVATE: &str = "--callback-allow-private";

fn client(arguments: &[&str]) -> CallbackClient {
    CallbackClient::from_config(&config(arguments)).unwrap()
}

async fn started() -> Stub {
    stub::start(stub::Config::default()).await.unwrap()
}

async fn post(client: &CallbackClient, url: &str) -> Outcome {
    let body = json!({"id": "1", "status": "delivered"}).to_string();
    let headers = [("webhook-id", "1".to_owned()), ("webhook-signature", "no\nheader".to_owned())];
    in_time(client.post(url, &"bearer-token".into(), body, &headers)).await
}

#[tokio::test]
async fn callbacks_carry_the_body_and_the_token() {
    let stub = started().await;
    let url = format!("{}/callback", stub.url);
    assert_eq!(post(&client(&[TO_PRIVATE]), &url).await, Outcome::Delivered);
    insta::assert_json_snapshot!(stub.received(Kind::Callbacks)[0], {".at" => "[time]"}, @r#"
    {
      "at": "[time]",
      "id": "1",
      "reference": null,
      "path": "/callback",
      "authorization": "Bearer bearer-token",
      "content_type": "application/json",
      "webhook_id": "1",
      "webhook_timestamp": null,
      "webhook_signature": null,
      "body": {
        "id": "1",
        "status": "delivered"
      }
    }
    "#);
}

#[tokio::test]
async fn the_status_decides_what_follows() {
    let stub = started().await;
    let client = client(&[TO_PRIVATE]);
    for (status, outcome) in [
        (200, Outcome::Delivered),
        (307, Outcome::Refused(307)),
        (400, Outcome::Refused(400)),
        (404, Outcome::Refused(404)),
        (429, Outcome::Retryable { status: Some(429) }),
        (500, Outcome::Retryable { status: Some(500) }),
        (503, Outcome::Retryable { status: Some(503) }),
    ] {
        let url = format!("{}/callback/{status}", stub.url);
        assert_eq!(post(&client, &url).await, outcome, "{status}");
    }
}

#[tokio::test]
async fn redirects_are_followed_as_far_as_allowed() {
    let stub = started().await;
    let client = client(&[TO_PRIVATE, "--callback-redirects", "1"]);
    let url = format!("{}/callback/307", stub.url);
    assert_eq!(post(&client, &url).await, Outcome::Delivered);
    let callbacks = stub.received(Kind::Callbacks);
    assert_eq!(callbacks[1]["path"], "/callback");
    assert_eq!(callbacks[1]["body"], callbacks[0]["body"]);
}

#[tokio::test]
async fn no_answer_is_retried() {
    let stub = started().await;
    let client = client(&[TO_PRIVATE, "--callback-timeout-ms", "50"]);
    let silence = Outcome::Retryable { status: None };
    assert_eq!(post(&client, &format!("{}/callback/slow", stub.url)).await, silence);
    let closed = format!("http://127.0.0.1:{}/", closed_port().await.unwrap());
    assert_eq!(post(&client, &closed).await, silence);
}

#[tokio::test]
async fn private_addresses_are_not_called() {
    let stub = started().await;
    let client = client(&[]);
    let port = stub.url.rsplit(':').next().unwrap();
    for host in ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433", "[::ffff:127.0.0.1]"] {
        let url = format!("http://{host}:{port}/callback");
        assert_eq!(post(&client, &url).await, Outcome::BadTarget, "{url}");
    }
    assert!(stub.received(Kind::Callbacks).is_empty());
}

#[tokio::test]
async fn malformed_urls_are_bad_targets() {
    for url in ["", "nowhere", "https://", "ftp://example.com/", "file:///etc/passwd"] {
        assert_eq!(post(&client(&[TO_PRIVATE]), url).await, Outcome::BadTarget, "{url}");
    }
}
