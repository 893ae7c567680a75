//! A real Celery worker among ours.

use domain::{NotificationId, NotificationStatus as Status};
use serde_json::json;
use stub::Kind;
use testkit::{Celery, Process};

use crate::app::{Client, TestApp, id};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/it/interop");

/// Posts a text message, which the Celery worker takes with the id of this request.
async fn send_by(celery: &mut Process, client: &Client) -> NotificationId {
    let body = json!({ "phone_number": "07700900123", "template_id": client.sms,
                       "personalisation": { "name": "Ada" } });
    let answer = client.post("/v2/notifications/sms", &body).await;
    let request = answer.headers["x-b3-traceid"].to_str().unwrap().to_owned();
    let id = id(&answer.expect(201));
    celery.says(&format!("deliver_sms {id} of request {request}.")).await;
    id
}

#[tokio::test]
async fn a_celery_worker_takes_part() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let (prefix, queue) = (t.queues.prefix(), format!("{}send-sms-tasks", t.queues.prefix()));
    let app = Celery::newest(FOLDER).with("BROKER_URL", &t.proxy.url).with("QUEUE_PREFIX", prefix);
    let name = format!("{prefix}@host");
    let mut celery = app.start(&[
        "worker",
        "-n",
        &name,
        "-Q",
        &queue,
        "-P",
        "threads",
        "-c",
        "1",
        "-l",
        "INFO",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
    ]);
    celery.says(" ready.").await;

    // It sends the first itself: we learn of it by the receipt that it queues, and tell the service.
    let sent = send_by(&mut celery, &client).await;
    t.drain_until(sent, Status::Delivered).await;
    t.drain().await;
    let called = t.received(Kind::Callbacks, 1).await;
    assert_eq!(called[0]["body"]["id"], json!(sent));
    assert!(t.stub.received(Kind::Sms).is_empty());

    // The second it tries and gives to us: ours is attempt 1 of the same task.
    let retried = send_by(&mut celery, &client).await;
    t.drain_until(retried, Status::Delivered).await;
    assert_eq!(t.received(Kind::Sms, 1).await[0]["request"]["cid"], json!(retried));
    let sql = "SELECT claim_attempt FROM notifications WHERE id = $1";
    let row = t.db().await.query_one(sql, &[&retried]).await.unwrap();
    assert_eq!(row.get::<_, Option<i32>>("claim_attempt"), Some(1));
    t.drain().await;
    celery.kill().await;
    t.end().await;
}
