//! What the broker does not take waits in the database, and nothing is lost or doubled.

use domain::NotificationStatus as Status;
use stub::Kind;

use crate::app::TestApp;

#[tokio::test]
async fn the_api_accepts_while_the_broker_is_down_and_the_relay_catches_up() {
    let t = TestApp::start().await;
    let client = t.client().await;
    t.cut_broker().await;
    let ids = [client.send_sms("07700900123").await, client.send_sms("07700900124").await];
    assert_eq!(t.outbox().await, 2);
    assert_eq!(t.app.relay_once().await.unwrap(), 0, "there is nobody to take them");

    t.mend_broker().await;
    assert_eq!(t.app.relay_once().await.unwrap(), 2);
    assert_eq!(t.app.relay_once().await.unwrap(), 0, "once");
    assert_eq!(t.outbox().await, 0);
    for id in ids {
        t.drain_until(id, Status::Delivered).await;
    }
    assert_eq!(t.received(Kind::Sms, 2).await.len(), 2);
    t.end().await;
}

#[tokio::test]
async fn a_callback_survives_the_process_that_recorded_the_receipt() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let id = client.send_sms("07700900009").await;
    t.drain().await;
    // The process dies between the commit and the publish: only the row of the outbox is left.
    let db = t.db().await;
    let row = store::receipts::find(&db, &[id]).await.unwrap().remove(0);
    let trace = queue::Trace::default();
    let now = t.app.clock().now();
    let callback = t
        .app
        .delivery_status_callback(&row, Status::Delivered, now, &trace)
        .await
        .unwrap()
        .unwrap();
    let written = store::outbox::OutboxRow {
        id: t.app.clock().new_id(),
        created_at: now,
        queue: callback.queue.clone(),
        task: callback.task.clone(),
        message: serde_json::to_value(&callback).unwrap(),
        claimed_until: Some(now + time::Duration::seconds(30)),
    };
    let outcome = store::receipts::Outcome {
        id,
        from: Status::Sending,
        to: Status::Delivered,
        at: now,
        sent_by: "mmg",
        billable_units: 1,
        reference: None,
        callback: Some(written),
    };
    assert_eq!(store::receipts::apply(&db, &[outcome]).await.unwrap(), [id]);
    assert_eq!(t.app.relay_once().await.unwrap(), 0, "its writer still holds it");
    t.advance(time::Duration::seconds(31));
    assert_eq!(t.app.relay_once().await.unwrap(), 1);
    t.drain().await;
    assert_eq!(t.received(Kind::Callbacks, 1).await[0]["body"]["status"], "delivered");
    t.end().await;
}
