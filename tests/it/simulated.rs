//! Recipients and keys for trying things out, row by row (public API contract §3.11).

use domain::{KeyType, NotificationStatus as Status};
use serde_json::json;
use stub::Kind;

use crate::app::TestApp;

const NUMBERS: [&str; 5] =
    ["07700900000", "07700900111", "07700900222", "+44 7700 900000", "447700900111"];
const ADDRESSES: [&str; 4] = [
    "simulate-delivered@notifications.service.gov.uk",
    "simulate-delivered-2@notifications.service.gov.uk",
    "simulate-delivered-3@notifications.service.gov.uk",
    "Simulate-Delivered@notifications.service.gov.uk",
];

#[tokio::test]
async fn simulated_recipients_are_answered_and_neither_kept_nor_counted_3_11() {
    let t = TestApp::start().await;
    let db = t.db().await;
    let service = testkit::service(&db).live().sms_limit(1).email_limit(1).create().await;
    let client = t.client_of(service, KeyType::Normal).await;
    let mut ids = Vec::new();
    for number in NUMBERS {
        ids.push(client.send_sms(number).await);
    }
    for address in ADDRESSES {
        ids.push(client.send_email(address).await);
    }
    for id in ids {
        client.get(&format!("/v2/notifications/{id}")).await.expect(404);
    }
    assert_eq!(t.drain().await, 0);
    // Every check runs all the same.
    let incomplete = json!({ "phone_number": NUMBERS[0], "template_id": client.sms });
    let refused = client.post("/v2/notifications/sms", &incomplete).await.expect(400);
    assert_eq!(refused["errors"][0]["message"], "Missing personalisation: name");
    // The day's only message is still to be had.
    client.send_sms("07700900123").await;
    client.send_email("ada@example.com").await;
    t.end_as_it_is().await;
}

/// They are refused in the words of §2.5.
#[tokio::test]
async fn simulated_recipients_are_not_exempt_from_the_team_check_3_2() {
    let t = TestApp::start().await;
    let service = t.client().await.service;
    let client = t.client_of(service, KeyType::Team).await;
    for (channel, field, template, recipient) in [
        ("sms", "phone_number", client.sms, NUMBERS[0]),
        ("email", "email_address", client.email, ADDRESSES[0]),
    ] {
        let body = json!({ field: recipient, "template_id": template,
                           "personalisation": { "name": "Ada" } });
        let path = format!("/v2/notifications/{channel}");
        let refused = client.post(&path, &body).await.expect(400);
        assert_eq!(
            refused["errors"][0]["message"],
            "Can\u{2019}t send to this recipient using a team-only API key"
        );
    }
    t.end().await;
}

#[tokio::test]
async fn the_recipient_decides_what_becomes_of_a_message_of_a_test_key_3_11() {
    let t = TestApp::start().await;
    let live = t.client().await;
    let client = t.client_of(live.service.clone(), KeyType::Test).await;
    let mut expected = Vec::new();
    for (number, status) in [
        ("07700900003", Status::TemporaryFailure),
        ("+447700900003", Status::TemporaryFailure),
        (" 07700900002 ", Status::PermanentFailure),
        ("07700900123", Status::Delivered),
    ] {
        expected.push((number, client.send_sms(number).await, status));
    }
    for (address, status) in [
        ("temp-fail@simulator.notify", Status::TemporaryFailure),
        ("perm-fail@simulator.notify", Status::PermanentFailure),
        ("Perm-Fail@simulator.notify", Status::Delivered),
        ("ada@example.com", Status::Delivered),
    ] {
        expected.push((address, client.send_email(address).await, status));
    }
    t.drain().await;
    for (recipient, id, status) in &expected {
        assert_eq!(t.status(*id).await, *status, "{recipient}");
    }
    let told = t.received(Kind::Callbacks, expected.len()).await;
    assert_eq!(told.len(), expected.len(), "services are called back for test keys too");
    assert!(t.stub.received(Kind::Sms).is_empty() && t.stub.received(Kind::Emails).is_empty());
    t.end().await;
}
