//! `store::receipts` and `store::complaints`.

use domain::{NotificationId, NotificationStatus};
use serde_json::json;
use store::{
    complaints::{self, Complaint},
    notifications, outbox,
    outbox::OutboxRow,
    receipts::{self, Outcome},
};
use testkit::Database;
use uuid::Uuid;

use crate::notifications::{NOW, Sender, claim_at};

fn outcome(from: NotificationStatus, to: NotificationStatus) -> Outcome<'static> {
    Outcome { from, to, at: NOW, sent_by: "mmg", billable_units: 1, reference: Some("theirs") }
}

fn callback() -> OutboxRow {
    OutboxRow {
        id: Uuid::from_u128(99),
        created_at: NOW,
        queue: "service-callbacks".to_owned(),
        task: "send-delivery-status".to_owned(),
        message: json!({ "a": 1 }),
        claimed_until: None,
    }
}

#[tokio::test]
async fn a_receipt_changes_the_row_once_and_leaves_one_callback() {
    let database = Database::create().await;
    let db = database.client().await;
    let sender = Sender::new(&db).await;
    let row = sender.notification(1);
    notifications::insert_many(&db, std::slice::from_ref(&row)).await.unwrap();
    notifications::claim(&db, row.id, claim_at(NOW, 0)).await.unwrap().unwrap();

    let delivered = outcome(NotificationStatus::Created, NotificationStatus::Delivered);
    let callback = callback();
    assert!(receipts::apply(&db, row.id, &delivered, Some(&callback)).await.unwrap());
    assert!(!receipts::apply(&db, row.id, &delivered, Some(&callback)).await.unwrap());
    assert_eq!(outbox::count(&db).await.unwrap(), 1);

    let found = receipts::find(&db, row.id).await.unwrap().unwrap();
    assert_eq!(found.status, NotificationStatus::Delivered);
    assert_eq!((found.sent_by.as_deref(), found.billable_units), (Some("mmg"), 1));
    assert_eq!(found.to.as_deref(), Some("07700 900123"));
    assert_eq!(found.phone_prefix.as_deref(), Some("44"));
    let state = notifications::claim_state(&db, row.id).await.unwrap();
    assert_eq!(state.claimed_until, None, "a receipt ends the claim");
    let by_reference = receipts::find_by_reference(&db, "theirs").await.unwrap().unwrap();
    assert_eq!(by_reference.id, row.id);
}

#[tokio::test]
async fn an_archived_notification_is_found_and_changed_without_its_recipient() {
    let database = Database::create().await;
    let db = database.client().await;
    let sender = Sender::new(&db).await;
    let id = NotificationId(Uuid::from_u128(5));
    db.execute(
        "INSERT INTO notification_history (id, service_id, template_id, template_version, key_type,
                notification_type, created_at, billable_units, notification_status, reference)
         VALUES ($1, $2, $3, 1, 'normal', 'email', $4, 0, 'sending', 'old')",
        &[&id, &sender.service.id, &sender.template, &store::sql_time::to_column(NOW)],
    )
    .await
    .unwrap();
    let found = receipts::find_by_reference(&db, "old").await.unwrap().unwrap();
    assert_eq!((found.id, found.to), (id, None));
    let delivered = outcome(NotificationStatus::Sending, NotificationStatus::Delivered);
    assert!(receipts::apply(&db, id, &delivered, None).await.unwrap());
    let found = receipts::find_by_reference(&db, "old").await.unwrap().unwrap();
    assert_eq!(found.status, NotificationStatus::Delivered);
    assert_eq!(outbox::count(&db).await.unwrap(), 0);
}

#[tokio::test]
async fn an_unknown_reference_finds_nothing() {
    let database = Database::create().await;
    let db = database.client().await;
    assert!(receipts::find(&db, NotificationId(Uuid::nil())).await.unwrap().is_none());
    assert!(receipts::find_by_reference(&db, "x").await.unwrap().is_none());
}

#[tokio::test]
async fn a_complaint_told_twice_is_kept_once() {
    let database = Database::create().await;
    let db = database.client().await;
    let sender = Sender::new(&db).await;
    let complaint = Complaint {
        id: Uuid::from_u128(1),
        notification_id: NotificationId(Uuid::from_u128(2)),
        service_id: sender.service.id,
        ses_feedback_id: Some("theirs".to_owned()),
        complaint_type: Some("abuse".to_owned()),
        complaint_date: Some(NOW),
        created_at: NOW,
    };
    assert!(complaints::insert(&db, &complaint, None).await.unwrap());
    assert!(!complaints::insert(&db, &complaint, None).await.unwrap());
}
