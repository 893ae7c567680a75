//! Messages whose receipt never came.

use domain::{NotificationId, NotificationStatus as Status};
use serde_json::json;
use stub::Kind;
use time::Duration;

use crate::app::TestApp;

const ENTRY: &str = "timeout-sending-notifications";

async fn set(t: &TestApp, id: NotificationId, status: Status, age: Duration) {
    let sql = "UPDATE notifications SET notification_status = $2, created_at = $3 WHERE id = $1";
    let created_at = store::sql_time::to_column(t.app.clock().now() - age);
    t.db().await.execute(sql, &[&id, &<&str>::from(status), &created_at]).await.unwrap();
}

#[tokio::test]
async fn messages_without_a_receipt_end_after_three_days_and_their_services_are_told_once() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let (over, within) = (Duration::hours(72) + Duration::minutes(1), Duration::hours(71));
    let mut ids = Vec::new();
    for (status, age, after) in [
        (Status::Sending, over, Status::TemporaryFailure),
        (Status::Pending, over, Status::TemporaryFailure),
        (Status::Sending, within, Status::Sending),
        (Status::Created, over, Status::Created),
        (Status::Sent, over, Status::Sent),
        (Status::Delivered, over, Status::Delivered),
    ] {
        let id = client.send_sms("07700900123").await;
        set(&t, id, status, age).await;
        ids.push((id, after));
    }
    let email = client.send_email("ada@example.com").await;
    set(&t, email, Status::Sending, over).await;
    ids.push((email, Status::TemporaryFailure));
    t.purge(tasks::queues::SEND_SMS).await;
    t.purge(tasks::queues::SEND_EMAIL).await;

    t.fire(ENTRY).await;
    assert_eq!(t.drain().await, 1);
    for (id, after) in &ids {
        assert_eq!(t.status(*id).await, *after);
    }
    assert_eq!(t.app.relay_once().await.unwrap(), 3);
    assert_eq!(t.drain().await, 3);
    let told = t.received(Kind::Callbacks, 3).await;
    let mut told: Vec<_> = told.iter().map(|told| &told["body"]).collect();
    assert!(told.iter().all(|body| body["status"] == "temporary-failure"));
    told.retain(|body| body["id"] == json!(email));
    assert_eq!(told.len(), 1);
    assert!(told[0]["completed_at"].is_string());

    t.fire(ENTRY).await;
    assert_eq!(t.drain().await, 1, "a second run changes nothing");
    assert_eq!(t.app.relay_once().await.unwrap(), 0);
    t.end().await;
}

#[tokio::test]
async fn letters_are_never_timed_out() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let id = client.send_sms("07700900123").await;
    t.purge(tasks::queues::SEND_SMS).await;
    set(&t, id, Status::Sending, Duration::days(10)).await;
    let sql = "UPDATE notifications SET notification_type = 'letter', postage = 'second'
                WHERE id = $1";
    t.db().await.execute(sql, &[&id]).await.unwrap();
    let trace = queue::Trace::default();
    assert_eq!(t.app.time_out_sending(&trace).await.unwrap(), 0);
    assert_eq!(t.status(id).await, Status::Sending);
    t.end().await;
}

#[tokio::test]
async fn however_many_there_are_and_however_many_runs_each_ends_once() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let id = client.send_sms("07700900123").await;
    t.purge(tasks::queues::SEND_SMS).await;
    set(&t, id, Status::Sending, Duration::days(4)).await;
    t.copy(id, 2499).await;
    let trace = queue::Trace::default();
    let (one, other) = tokio::join!(t.app.time_out_sending(&trace), t.app.time_out_sending(&trace));
    assert_eq!(one.unwrap() + other.unwrap(), 2500);
    let db = t.db().await;
    let sql = "SELECT count(*), count(DISTINCT message -> 'kwargs' ->> 'notification_id')
                 FROM outbox WHERE task = 'send-delivery-status'";
    let row = db.query_one(sql, &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 2500, "one callback for each");
    db.execute("DELETE FROM outbox", &[]).await.unwrap();
    t.end().await;
}
