//! What calls for the operators.

use domain::{NotificationId, NotificationStatus as Status};
use serde_json::{Value, json};
use stub::Kind;
use time::Duration;

use crate::app::{Client, TestApp};

/// A text message that has been accepted, and is in no queue.
async fn accepted(t: &TestApp, client: &Client) -> NotificationId {
    let id = client.send_sms("07700900123").await;
    t.purge(tasks::queues::SEND_SMS).await;
    id
}

async fn run(t: &TestApp, entry: &str) -> Vec<Value> {
    t.fire(entry).await;
    assert_eq!(t.drain().await, 1);
    let tickets = t.stub.received(Kind::Tickets);
    tickets.into_iter().map(|ticket| ticket["request"]["ticket"].clone()).collect()
}

#[tokio::test]
async fn messages_that_stay_created_make_no_ticket() {
    let t = TestApp::start().await;
    let client = t.client().await;
    accepted(&t, &client).await;
    let count = async |age| {
        let before = t.app.clock().now() - age;
        store::monitors::count_still_created(&t.db().await, before).await.unwrap()
    };
    assert_eq!(count(Duration::HOUR).await, 0);
    t.advance(Duration::minutes(61));
    assert_eq!(count(Duration::HOUR).await, 1);
    let tickets = run(&t, "raise-alert-if-email-sms-still-in-created").await;
    assert!(tickets.is_empty());
    t.end().await;
}

#[tokio::test]
async fn a_service_whose_messages_fail_makes_one_ticket_a_day() {
    const ENTRY: &str = "check-for-services-with-high-failure-rates-or-sending-to-tv-numbers";
    let t = TestApp::start().await;
    let client = t.client().await;
    let id = accepted(&t, &client).await;
    let set = async |status: Status| {
        let sql = "UPDATE notifications SET notification_status = $2,
                          normalised_to = '447700800123' WHERE id = $1";
        t.db().await.execute(sql, &[&id, &<&str>::from(status)]).await.unwrap();
    };
    set(Status::PermanentFailure).await;
    t.copy(id, 2499).await;
    set(Status::Delivered).await;
    t.copy(id, 7499).await;
    assert!(run(&t, ENTRY).await.is_empty(), "2,499 of 9,999");
    set(Status::PermanentFailure).await;
    t.copy(id, 1).await;
    let tickets = run(&t, ENTRY).await;
    assert_eq!(tickets.len(), 1);
    let ticket = &tickets[0];
    assert_eq!(ticket["subject"], "[test] High failure rates for sms spotted for services");
    let body = ticket["comment"]["body"].as_str().unwrap();
    assert!(body.contains(&client.service.id.to_string()), "{body}");
    assert!(body.contains("2501 of 10000 text messages failed (25 %), 0 to TV numbers"), "{body}");
    assert_eq!(run(&t, ENTRY).await.len(), 1, "not twice on a day");
    t.advance(Duration::hours(23));
    t.advance(Duration::hours(2));
    assert_eq!(run(&t, ENTRY).await.len(), 1, "those messages are a day old");
    t.end().await;
}

#[tokio::test]
async fn a_live_service_that_sends_to_numbers_of_television_makes_a_ticket() {
    const ENTRY: &str = "check-for-services-with-high-failure-rates-or-sending-to-tv-numbers";
    let t = TestApp::start().await;
    let client = t.client().await;
    let id = accepted(&t, &client).await;
    t.copy(id, 499).await;
    assert!(run(&t, ENTRY).await.is_empty(), "500 are not too many");
    t.copy(id, 1).await;
    let restrict = "UPDATE services SET restricted = $1";
    t.db().await.execute(restrict, &[&true]).await.unwrap();
    assert!(run(&t, ENTRY).await.is_empty(), "services in trial mode may");
    t.db().await.execute(restrict, &[&false]).await.unwrap();
    let tickets = run(&t, ENTRY).await;
    let body = tickets[0]["comment"]["body"].as_str().unwrap();
    assert!(body.contains("501 to TV numbers"), "{body}");
    t.end().await;
}

#[tokio::test]
async fn few_free_numbers_make_a_ticket() {
    const ENTRY: &str = "check-for-low-available-inbound-sms-numbers";
    let t = TestApp::start().await;
    let client = t.client().await;
    let db = t.db().await;
    testkit::inbound_number(&db, Some(&client.service), "07700900999").await;
    for number in 0..51 {
        testkit::inbound_number(&db, None, &format!("077009005{number:02}")).await;
    }
    assert!(run(&t, ENTRY).await.is_empty(), "51 are enough");
    db.execute("UPDATE inbound_numbers SET active = false WHERE number = '07700900500'", &[])
        .await
        .unwrap();
    let tickets = run(&t, ENTRY).await;
    assert_eq!(tickets.len(), 1);
    assert_eq!(tickets[0]["subject"], "Request more inbound SMS numbers");
    assert_eq!(tickets[0]["custom_fields"][0]["value"], json!("notify_task_request_inbound_SMS"));
    t.end().await;
}
