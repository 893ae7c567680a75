//! Callbacks are signed in the format of Standard Webhooks.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use stub::Kind;
use tasks::{SendComplaint, callbacks::Signed};

use crate::app::{Client, TestApp};

/// Whether a service that knows this secret takes the callback for ours, by the specification.
fn is_ours(callback: &Value, secret: &str) -> bool {
    let text = |name: &str| callback[name].as_str().unwrap().to_owned();
    let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    assert!((24..=64).contains(&key.len()));
    let signed =
        format!("{}.{}.{}", text("webhook_id"), text("webhook_timestamp"), callback["body"]);
    let mac = Hmac::<Sha256>::new_from_slice(&key).unwrap().chain_update(signed);
    let signature = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
    text("webhook_signature").split(' ').any(|given| given == signature)
}

async fn secrets(client: &Client) -> Value {
    client.get("/v2/webhook-secrets").await.expect(200)
}

#[tokio::test]
async fn a_service_can_check_that_a_callback_is_ours() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let db = t.db().await;
    let token = t.signer.sign("another token").unwrap();
    let url = format!("{}/callback", t.stub.url);
    testkit::callback(&db, &client.service, "complaint", &url, &token).await;
    let secrets = secrets(&client).await;
    let names: Vec<&String> = secrets.as_object().unwrap().keys().collect();
    assert_eq!(names, ["complaint", "delivery_status"], "those that the service has");

    let id = client.send_email("ada@example.com").await;
    t.drain_until(id, domain::NotificationStatus::Delivered).await;
    t.drain().await;
    let callback = t.received(Kind::Callbacks, 1).await.remove(0);
    assert_eq!(callback["authorization"], "Bearer callback token", "as ever");
    let secret = secrets["delivery_status"].as_str().unwrap();
    assert!(is_ours(&callback, secret));
    assert!(!is_ours(&callback, secrets["complaint"].as_str().unwrap()), "each has its own");
    let mut forged = callback.clone();
    forged["body"]["status"] = json!("permanent-failure");
    assert!(!is_ours(&forged, secret));
    t.end_as_it_is().await;
}

#[tokio::test]
async fn a_callback_that_is_tried_again_keeps_its_id_and_has_a_new_time() {
    let t = TestApp::start().await;
    let (url, token) = (format!("{}/callback", t.stub.url), "token");
    let id = "3d844edf-8d35-48ac-975b-e847b4f122b0";
    let body = json!({
        "notification_id": id, "complaint_id": id, "reference": null, "to": null,
        "complaint_date": null,
    });
    let signed = Signed {
        body: body.as_object().unwrap().clone(),
        service_callback_api_url: url.clone(),
        service_callback_api_bearer_token: token.to_owned(),
    };
    let task = SendComplaint { complaint_data: t.signer.sign(&signed).unwrap() };
    let (id, trace) = (t.app.clock().new_id(), queue::Trace::default());
    for retries in 0..2 {
        let mut envelope = queue::Envelope::new(&task, id, &trace).unwrap();
        envelope.retries = retries;
        t.app.enqueue(envelope).await.unwrap();
        assert_eq!(t.drain().await, 1);
        t.advance(time::Duration::minutes(5));
    }
    let calls = t.received(Kind::Callbacks, 2).await;
    let secret = t.signer.webhook_secrets(&url, token).remove(0).to_text();
    assert!(calls.iter().all(|call| is_ours(call, &secret)));
    assert!(calls.iter().all(|call| call["webhook_id"] == json!(id)));
    let at = |call: &Value| call["webhook_timestamp"].as_str().unwrap().parse::<i64>().unwrap();
    assert!((300..330).contains(&(at(&calls[1]) - at(&calls[0]))));
    t.end().await;
}

#[tokio::test]
async fn secrets_are_told_to_the_service_alone() {
    let t = TestApp::start().await;
    let (client, other) = (t.client().await, t.client().await);
    let stranger = t.http.get(format!("{}/v2/webhook-secrets", t.url)).send().await.unwrap();
    assert_eq!(stranger.status(), 401);
    let db = t.db().await;
    let service = testkit::service(&db).live().create().await;
    let without = t.client_of(service, domain::KeyType::Normal).await;
    assert_eq!(secrets(&without).await, json!({}));
    // Both have the stub's address and the same token: then it is the same secret.
    assert_eq!(secrets(&client).await, secrets(&other).await);
    t.end().await;
}
