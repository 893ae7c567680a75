//! `scheduled_for`: messages wait for the time of their client's choice, where the service may choose.

use domain::{KeyType, NotificationId, NotificationStatus, Permission};
use serde_json::{Value, json};
use stub::Kind;
use time::{Duration, OffsetDateTime, macros::datetime};

use crate::app::{Client, TestApp, id};

const NOON: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);
const ONE: &str = "2026-11-24T13:00:00.000000Z";
const TASK: &str = "send-scheduled-notifications";

/// A system at noon, and a service that may choose.
async fn start() -> (TestApp, Client) {
    let t = TestApp::start().await;
    t.travel_to(NOON);
    let db = t.db().await;
    let sql = "INSERT INTO service_permission_types VALUES ('schedule_notifications')";
    db.execute(sql, &[]).await.unwrap();
    let permissions = [Permission::Sms, Permission::Email, Permission::ScheduleNotifications];
    let service = testkit::service(&db).live().sms_limit(1).permissions(&permissions);
    let service = service.create().await;
    let client = t.client_of(service, KeyType::Normal).await;
    (t, client)
}

fn sms(client: &Client) -> Value {
    json!({ "phone_number": "07700900123", "template_id": client.sms,
            "personalisation": { "name": "Ada" }, "scheduled_for": "2026-11-24T14:00:00+01:00" })
}

async fn post(client: &Client) -> NotificationId {
    id(&client.post("/v2/notifications/sms", &sms(client)).await.expect(201))
}

async fn show(client: &Client, id: NotificationId) -> Value {
    client.get(&format!("/v2/notifications/{id}")).await.expect(200)
}

async fn waiting(t: &TestApp) -> i64 {
    let sql = "SELECT count(*) FROM scheduled_notifications";
    t.db().await.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_message_waits_for_its_time_and_is_then_sent_once() {
    let (t, client) = start().await;
    let accepted = client.post("/v2/notifications/sms", &sms(&client)).await.expect(201);
    assert_eq!(accepted["scheduled_for"], ONE);
    let id = id(&accepted);
    let email = json!({ "email_address": "ada@example.com", "template_id": client.email,
                        "personalisation": { "name": "Ada" }, "scheduled_for": ONE });
    let email = client.post("/v2/notifications/email", &email).await.expect(201);
    assert_eq!(email["scheduled_for"], ONE);
    let shown = show(&client, id).await;
    assert_eq!((&shown["status"], &shown["scheduled_for"]), (&json!("created"), &json!(ONE)));
    let listed = client.get("/v2/notifications").await.expect(200);
    assert_eq!(listed["notifications"][0]["scheduled_for"], ONE);

    // Neither the schedule nor a stray message nor the repair of the lost sends it early.
    t.advance(Duration::minutes(59));
    t.fire(TASK).await;
    t.nudge(id, 0).await;
    t.fire("replay-created-notifications").await;
    t.drain().await;
    assert_eq!(t.status(id).await, NotificationStatus::Created);
    assert!(t.stub.received(Kind::Sms).is_empty() && t.stub.received(Kind::Emails).is_empty());

    t.advance(Duration::minutes(2));
    t.fire(TASK).await;
    t.fire(TASK).await; // a doubled run
    t.drain().await;
    while t.app.relay_once().await.unwrap() > 0 {
        t.drain().await;
    }
    t.received(Kind::Sms, 1).await;
    t.received(Kind::Emails, 1).await;
    let sent = [Kind::Sms, Kind::Emails].map(|kind| t.stub.received(kind).len());
    assert_eq!((sent, waiting(&t).await), ([1, 1], 0));
    assert_eq!(show(&client, id).await["scheduled_for"], Value::Null);
    t.end_as_it_is().await;
}

#[tokio::test]
async fn a_service_that_may_not_choose_sees_no_difference() {
    let t = TestApp::start().await;
    t.travel_to(NOON);
    let client = t.client().await;
    let accepted = client.post("/v2/notifications/sms", &sms(&client)).await.expect(201);
    assert_eq!(accepted["scheduled_for"], Value::Null);
    t.drain().await;
    t.received(Kind::Sms, 1).await;
    assert_eq!(waiting(&t).await, 0);
    t.end_as_it_is().await;
}

#[tokio::test]
async fn a_scheduled_request_of_the_same_key_is_one_message() {
    let (t, client) = start().await;
    let path = "/v2/notifications/sms";
    let first = client.post_once(path, "key", &sms(&client)).await.expect(201);
    assert_eq!(client.post_once(path, "key", &sms(&client)).await.expect(201), first);
    assert_eq!(waiting(&t).await, 1);
    t.end().await;
}

#[tokio::test]
async fn a_scheduled_message_is_called_back_until_it_is_queued() {
    let (t, client) = start().await;
    let called_back = post(&client).await;
    client.post("/v2/notifications/sms", &sms(&client)).await.expect(429);
    let path = format!("/v2/notifications/{called_back}");
    let shown = client.delete(&path).await.expect(200);
    assert_eq!((&shown["status"], &shown["scheduled_for"]), (&json!("cancelled"), &Value::Null));
    let again = client.delete(&path).await.expect(409);
    assert_eq!(again["errors"][0]["message"], "This message has already been cancelled.");

    let sent = post(&client).await; // its place in the day is free again
    t.advance(Duration::hours(1));
    t.fire(TASK).await;
    t.drain().await;
    let late = client.delete(&format!("/v2/notifications/{sent}")).await.expect(400);
    assert_eq!(late["status_code"], 400);
    while t.app.relay_once().await.unwrap() > 0 {
        t.drain().await;
    }
    t.received(Kind::Sms, 1).await;
    assert_eq!(t.status(called_back).await, NotificationStatus::Cancelled);
    assert_eq!(t.stub.received(Kind::Sms).len(), 1);
    t.end_as_it_is().await;
}

/// Whichever of the two is first, the other finds that out.
#[tokio::test]
async fn calling_back_and_queuing_do_not_both_have_a_message() {
    let (t, client) = start().await;
    let id = post(&client).await;
    let path = format!("/v2/notifications/{id}");
    t.advance(Duration::hours(1));
    let now = t.app.clock().now();
    let mut db = t.db().await;
    let tx = db.transaction().await.unwrap();
    assert_eq!(store::scheduled::take_due(&tx, now, 10).await.unwrap().len(), 1);
    assert!(store::scheduled::take_due(&t.db().await, now, 10).await.unwrap().is_empty());
    let calls_back = client.delete(&path);
    let queues = async {
        let blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
                        AND query LIKE '%scheduled.delete%' AND datname = current_database()";
        while t.db().await.query_one(blocked, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            tokio::task::yield_now().await;
        }
        tx.commit().await.unwrap();
    };
    let (answer, ()) = tokio::join!(calls_back, queues);
    answer.expect(409);
    assert_eq!(t.status(id).await, NotificationStatus::Created);
    t.end().await;
}
