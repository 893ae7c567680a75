//! `store::receipts` and `store::complaints`.

use domain::{NotificationId, NotificationStatus};
use serde_json::json;
use store::{
    GenericClient,
    complaints::{self, Complaint},
    notifications, outbox,
    outbox::OutboxRow,
    receipts::{self, Outcome, Receivable},
};
use testkit::Database;
use uuid::Uuid;

use crate::notifications::{NOW, Sender, claim};

pub(crate) fn delivered(id: NotificationId, from: NotificationStatus) -> Outcome {
    Outcome {
        id,
        from,
        to: NotificationStatus::Delivered,
        at: NOW,
        sent_by: "mmg",
        billable_units: 1,
        reference: Some("theirs".to_owned()),
        callback: None,
    }
}

async fn find(db: &impl GenericClient, id: NotificationId) -> Option<Receivable> {
    receipts::find(db, &[id]).await.unwrap().pop()
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
    claim(&db, row.id, NOW, 0).await.unwrap();

    let callback = Some(callback());
    let receipt = Outcome { callback, ..delivered(row.id, NotificationStatus::Created) };
    let unknown = delivered(NotificationId(Uuid::nil()), NotificationStatus::Created);
    let both = [receipt, unknown];
    assert_eq!(receipts::apply(&db, &both).await.unwrap(), [row.id]);
    assert_eq!(receipts::apply(&db, &both).await.unwrap(), []);
    assert_eq!(outbox::waiting(&db).await.unwrap().len(), 1);

    let found = find(&db, row.id).await.unwrap();
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
    let receipt = delivered(id, NotificationStatus::Sending);
    assert_eq!(receipts::apply(&db, &[receipt]).await.unwrap(), [id]);
    let found = receipts::find_by_reference(&db, "old").await.unwrap().unwrap();
    assert_eq!(found.status, NotificationStatus::Delivered);
    assert!(outbox::waiting(&db).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_unknown_reference_finds_nothing() {
    let database = Database::create().await;
    let db = database.client().await;
    assert!(find(&db, NotificationId(Uuid::nil())).await.is_none());
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
