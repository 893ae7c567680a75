//! What the printer says of letters, and those that come back.

use domain::{KeyType, NotificationId, NotificationStatus as Status};
use serde_json::{Value, json};
use stub::Kind;
use testkit::TestService;
use time::macros::datetime;

use crate::app::TestApp;

const REFERENCE: &str = "FOO1234567890ABC";

/// A system, and a letter of two sheets in this status.
pub(crate) async fn letter_in(
    status: Status,
    key_type: KeyType,
) -> (TestApp, TestService, NotificationId) {
    let t = TestApp::start().await;
    let db = t.db().await;
    let service = testkit::service(&db).live().create().await;
    let template = testkit::template(&db, &service).letter("Dear", "Hello").create().await;
    let letter = testkit::letter(&db, &service, template).status(status).key_type(key_type);
    let letter = letter.sheets(2).reference(REFERENCE).created_at(datetime!(2026-11-20 12:00 UTC));
    let id = letter.create().await;
    (t, service, id)
}

/// Moves a notification to the history, as the night does.
async fn archive(t: &TestApp, id: NotificationId) {
    let columns =
        "id, job_id, job_row_number, service_id, template_id, template_version, api_key_id,
        key_type, notification_type, created_at, sent_at, sent_by, updated_at, reference,
        billable_units, client_reference, notification_status, postage";
    let sql = format!(
        "INSERT INTO notification_history ({columns}) SELECT {columns} FROM notifications WHERE id = $1"
    );
    let db = t.db().await;
    db.execute(&sql, &[&id]).await.unwrap();
    db.execute("DELETE FROM notifications WHERE id = $1", &[&id]).await.unwrap();
}

/// The status of a letter, wherever it is, and the days and bands of its despatch.
pub(crate) async fn status(t: &TestApp, id: NotificationId) -> (String, Vec<(String, String)>) {
    let db = t.db().await;
    let sql = "SELECT notification_status FROM notifications WHERE id = $1
               UNION ALL SELECT notification_status FROM notification_history WHERE id = $1";
    let status = db.query_one(sql, &[&id]).await.unwrap().get(0);
    let sql = "SELECT despatched_on::text, cost_threshold::text FROM notifications_letter_despatch
                WHERE notification_id = $1";
    let rows = db.query(sql, &[&id]).await.unwrap();
    (status, rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

async fn say(t: &TestApp, word: Value) {
    t.told("letter-callbacks", "process-letter-callback", json!([]), word).await;
}

fn despatched(id: NotificationId) -> Value {
    json!({ "notification_id": id, "page_count": 2, "dvla_status": "DESPATCHED",
            "cost_threshold": "sorted", "despatch_date": "2026-11-23" })
}

#[tokio::test]
async fn a_letter_that_was_posted_is_delivered_and_its_despatch_is_kept() {
    let (t, _, id) = letter_in(Status::Sending, KeyType::Normal).await;
    // As Celery writes ids and dates.
    let mut word = despatched(id);
    let hex = id.0.simple().to_string();
    word["notification_id"] = json!({ "__type__": "uuid", "__value__": { "hex": hex } });
    word["despatch_date"] = json!({ "__type__": "date", "__value__": "2026-11-23" });
    say(&t, word).await;
    let posted = vec![("2026-11-23".to_owned(), "sorted".to_owned())];
    assert_eq!(status(&t, id).await, ("delivered".to_owned(), posted.clone()));
    // Said again, otherwise: nothing changes.
    let mut again = despatched(id);
    again["despatch_date"] = json!("2026-11-24");
    again["page_count"] = json!("9");
    say(&t, again).await;
    assert_eq!(status(&t, id).await, ("delivered".to_owned(), posted));
    t.end().await;
}

#[tokio::test]
async fn the_printers_word_reaches_archived_letters() {
    let (t, _, id) = letter_in(Status::Sending, KeyType::Normal).await;
    archive(&t, id).await;
    say(&t, despatched(id)).await;
    let (status, despatch) = status(&t, id).await;
    assert_eq!((status.as_str(), despatch.len()), ("delivered", 1));
    t.end().await;
}

#[tokio::test]
async fn a_letter_that_cannot_be_printed_fails_and_is_seen() {
    let (t, _, id) = letter_in(Status::Sending, KeyType::Normal).await;
    let word = json!({ "notification_id": id, "page_count": null, "dvla_status": "REJECTED",
                       "cost_threshold": null, "despatch_date": "2026-11-23" });
    say(&t, word).await;
    assert_eq!(status(&t, id).await, ("technical-failure".to_owned(), Vec::new()));
    say(&t, despatched(id)).await;
    assert_eq!(status(&t, id).await.0, "technical-failure", "the first word counts");
    t.end().await;
}

#[tokio::test]
async fn a_late_word_leaves_returned_and_cancelled_letters_alone() {
    for before in [Status::ReturnedLetter, Status::Cancelled] {
        let (t, _, id) = letter_in(before, KeyType::Normal).await;
        say(&t, despatched(id)).await;
        assert_eq!(status(&t, id).await, (before.to_string(), Vec::new()));
        t.end().await;
    }
}

#[tokio::test]
async fn the_printer_is_played_for_letters_of_test_keys() {
    let (t, _, id) = letter_in(Status::Sending, KeyType::Test).await;
    let args = json!([id, 2, "second"]);
    t.told("research-mode-tasks", "create-fake-letter-callback", args, json!({})).await;
    assert_eq!(status(&t, id).await.0, "delivered");
    t.end().await;
}

#[tokio::test]
async fn returned_letters_are_marked_wherever_they_are_and_told_of_once() {
    let (t, service, id) = letter_in(Status::Delivered, KeyType::Normal).await;
    let db = t.db().await;
    let token = t.signer.sign("callback token").unwrap();
    let sql = "INSERT INTO service_callback_api
            (id, service_id, url, bearer_token, callback_type, updated_by_id, version, created_at)
        VALUES (gen_random_uuid(), $1, $4, $2, 'returned_letter', $3, 1, now())";
    let url = format!("{}/callback", t.stub.url);
    db.execute(sql, &[&service.id, &token, &service.user_id, &url]).await.unwrap();
    let template = testkit::template(&db, &service).letter("Dear", "Hello").create().await;
    let live =
        testkit::letter(&db, &service, template).reference("BAR1234567890ABC").create().await;
    archive(&t, id).await;

    let references = json!([[REFERENCE, "BAR1234567890ABC", "not one of ours", REFERENCE]]);
    for _ in 0..2 {
        t.queues
            .send("database-tasks", "process-returned-letters-list", references.clone(), json!({}))
            .await;
        assert_eq!(t.drain().await, 1);
        for id in [id, live] {
            assert_eq!(status(&t, id).await.0, "returned-letter");
        }
    }
    let days =
        "SELECT count(*), count(DISTINCT service_id) FROM returned_letters WHERE service_id = $1";
    let row = db.query_one(days, &[&service.id]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (2, 1));

    assert_eq!(t.app.relay_once().await.unwrap(), 2, "each is told of once");
    assert_eq!(t.drain().await, 2);
    let told = t.received(Kind::Callbacks, 2).await;
    assert!(told.iter().all(|call| call["authorization"] == "Bearer callback token"));
    let first = told.iter().find(|call| call["body"]["notification_id"] == json!(id)).unwrap();
    let first = &first["body"];
    assert_eq!(first["date_sent"], "2026-11-20T12:00:00.000000Z");
    assert_eq!((&first["sent_by"], &first["reference"]), (&json!("API"), &json!(null)));
    assert_eq!(first["template_name"], "Test template");
    assert_eq!(first["template_version"], 1);
    t.end().await;
}
