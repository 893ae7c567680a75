//! What the answer of a service's endpoint means, row by row (public API contract §6).

use std::time::Duration;

use queue::{Attempt, Envelope, Retry, Task, TaskError, Trace};
use serde_json::{Value, json};
use stub::Kind;
use tasks::{
    SendComplaint, SendDeliveryStatus, SendInboundSms, SendReturnedLetter,
    callbacks::DeliveryStatus, queues,
};

use crate::app::TestApp;

/// The task that tells `url` of a message.
fn task(t: &TestApp, url: &str) -> SendDeliveryStatus {
    let update = DeliveryStatus {
        notification_id: "3d844edf-8d35-48ac-975b-e847b4f122b0".to_owned(),
        notification_client_reference: Some("mine".to_owned()),
        notification_to: "07700900123".to_owned(),
        notification_status: "delivered".to_owned(),
        notification_created_at: "2026-11-24T12:00:00.000000Z".to_owned(),
        notification_updated_at: Some("2026-11-24T12:00:02.000000Z".to_owned()),
        notification_sent_at: None,
        notification_type: "sms".to_owned(),
        service_callback_api_url: url.to_owned(),
        service_callback_api_bearer_token: "a token of the service's".to_owned(),
        template_id: "9c1e4f5a-8d35-48ac-975b-e847b4f122b0".to_owned(),
        template_version: 2,
    };
    SendDeliveryStatus {
        notification_id: update.notification_id.parse().unwrap(),
        signed_status_update: t.signer.sign(&update).unwrap(),
        receipt_iso_timestamp: None,
    }
}

/// Whether the call is tried again after its attempt of this number.
async fn is_tried_again(t: &TestApp, url: &str, number: u32) -> bool {
    let task = task(t, url);
    let envelope = Envelope::new(&task, t.app.clock().new_id(), &Trace::default()).unwrap();
    let attempt = Attempt::of::<SendDeliveryStatus>(&envelope, number);
    match worker::callbacks::delivery_status(t.context(), task, attempt).await {
        Ok(()) => false,
        Err(TaskError::Retry { after: None, .. }) => true,
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_payload_has_these_keys_and_no_others_6() {
    let t = TestApp::start().await;
    assert!(!is_tried_again(&t, &format!("{}/callback", t.stub.url), 0).await);
    let told = t.received(Kind::Callbacks, 1).await.remove(0);
    assert_eq!(told["authorization"], "Bearer a token of the service's");
    assert_eq!(told["content_type"], "application/json");
    assert_eq!(
        told["body"],
        json!({
            "id": "3d844edf-8d35-48ac-975b-e847b4f122b0",
            "reference": "mine",
            "to": "07700900123",
            "status": "delivered",
            "created_at": "2026-11-24T12:00:00.000000Z",
            "sent_at": null,
            "completed_at": "2026-11-24T12:00:02.000000Z",
            "notification_type": "sms",
            "template_id": "9c1e4f5a-8d35-48ac-975b-e847b4f122b0",
            "template_version": 2,
        })
    );
    t.end().await;
}

#[tokio::test]
async fn busy_and_failing_endpoints_are_tried_again_and_others_are_not_6() {
    let t = TestApp::start().await;
    for (status, again) in [
        (200, false),
        (201, false),
        (204, false),
        (400, false),
        (401, false),
        (404, false),
        (410, false),
        (429, true),
        (500, true),
        (502, true),
        (503, true),
    ] {
        let url = format!("{}/callback/{status}", t.stub.url);
        assert_eq!(is_tried_again(&t, &url, 0).await, again, "{status}");
        assert!(!is_tried_again(&t, &url, 5).await, "{status}: five times, and then dropped");
    }
    // Nobody listens there.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(is_tried_again(&t, &format!("http://{closed}/"), 4).await);
    t.end().await;
}

#[tokio::test]
async fn every_kind_of_callback_is_tried_again_five_times_in_its_own_queue_6() {
    let retry = Retry::every(Duration::from_secs(300), 5).on(queues::SERVICE_CALLBACKS_RETRY);
    for (name, queue, policy) in [
        (SendDeliveryStatus::NAME, SendDeliveryStatus::QUEUE, SendDeliveryStatus::RETRY),
        (SendComplaint::NAME, SendComplaint::QUEUE, SendComplaint::RETRY),
        (SendInboundSms::NAME, SendInboundSms::QUEUE, SendInboundSms::RETRY),
        (SendReturnedLetter::NAME, SendReturnedLetter::QUEUE, SendReturnedLetter::RETRY),
    ] {
        assert_eq!((queue, policy), ("service-callbacks", retry), "{name}");
    }
    assert_eq!(queues::SERVICE_CALLBACKS_RETRY, "service-callbacks-retry");
}

#[tokio::test]
async fn a_later_change_of_the_address_does_not_affect_what_is_queued_6() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let id = client.send_sms("07700900009").await; // no receipt comes
    t.drain().await;
    t.mmg_receipt(&json!({ "CID": id, "status": "3" })).await.expect(200);
    // The receipt is applied and the callback queued; only then the service moves.
    let receipts = [queues::SMS_CALLBACKS];
    t.drain_only(&receipts).await;
    let db = t.db().await;
    let sql = "UPDATE service_callback_api SET url = $2 WHERE service_id = $1";
    let moved = format!("{}/callback/200", t.stub.url);
    assert_eq!(db.execute(sql, &[&client.service.id, &moved]).await.unwrap(), 1);
    assert_eq!(t.drain().await, 1);
    let told: Value = t.received(Kind::Callbacks, 1).await.remove(0);
    assert_eq!(told["path"], "/callback");
    t.end().await;
}
