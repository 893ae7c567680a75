//! The rules for receipts, row by row (public API contract §5.1, §5.2).

use domain::{NotificationId, NotificationStatus as Status};
use serde_json::{Value, json};
use strum::VariantArray;
use stub::Kind;
use time::{Duration, format_description::well_known::Rfc3339};

use crate::{
    app::TestApp,
    receipts::{firetext, sending, set},
};

#[tokio::test]
async fn each_word_of_a_provider_becomes_its_status_5_1() {
    let t = TestApp::start().await;
    let id = sending(&t, "07700900123", None).await;
    for (provider, word, status) in [
        ("mmg", "2", Status::PermanentFailure),
        ("mmg", "3", Status::Delivered),
        ("mmg", "4", Status::TemporaryFailure),
        ("mmg", "5", Status::PermanentFailure),
        ("mmg", "0", Status::TechnicalFailure),
        ("firetext", "0", Status::Delivered),
        ("firetext", "1", Status::PermanentFailure),
        ("firetext", "2", Status::Pending),
        ("firetext", "3", Status::TechnicalFailure),
    ] {
        set(&t, id, Status::Sending, Some(provider)).await;
        let told_before = t.stub.received(Kind::Callbacks).len();
        let answer = match provider {
            "mmg" => {
                let receipt = json!({ "CID": id, "status": word, "substatus": "4",
                                      "deliverytime": "2026-07-01 12:00:00", "MSISDN": "1",
                                      "reference": "x" });
                t.mmg_receipt(&receipt).await
            }
            _ => firetext(&t, &[("reference", &id.to_string()), ("status", word)]).await,
        };
        assert_eq!(answer.expect(200), json!({ "result": "success" }));
        t.drain().await;
        assert_eq!(t.status(id).await, status, "{provider} {word}");
        let told = t.stub.received(Kind::Callbacks).len() - told_before;
        assert_eq!(told, usize::from(status != Status::Pending), "{provider} {word}");
    }
    t.end().await;
}

#[tokio::test]
async fn a_status_that_is_a_number_is_a_word_too_and_times_that_are_none_are_ignored_5_1() {
    let t = TestApp::start().await;
    let id = sending(&t, "07700900123", None).await;
    let receipt = json!({ "CID": id, "status": 3, "deliverytime": "yesterday" });
    t.mmg_receipt(&receipt).await.expect(200);
    t.drain().await;
    assert_eq!(t.status(id).await, Status::Delivered);
    t.end().await;
}

#[tokio::test]
async fn receipts_of_text_messages_change_what_is_open_and_nothing_else_5_1() {
    let t = TestApp::start().await;
    let id = sending(&t, "07700900123", None).await;
    for before in Status::VARIANTS {
        set(&t, id, *before, Some("mmg")).await;
        t.mmg_receipt(&json!({ "CID": id, "status": "4" })).await.expect(200);
        t.drain().await;
        let is_open = matches!(
            before,
            Status::Created
                | Status::Sending
                | Status::Pending
                | Status::Sent
                | Status::PendingVirusCheck
        );
        let after = if is_open { Status::TemporaryFailure } else { *before };
        assert_eq!(t.status(id).await, after, "{before}");
    }
    t.end().await;
}

#[tokio::test]
async fn a_receipt_says_who_sent_a_message_and_bills_it_where_that_is_not_known_5_1() {
    let t = TestApp::start().await;
    for (known, units, then) in [(None, 0, ("mmg", 1)), (Some("firetext"), 3, ("firetext", 3))] {
        let id = sending(&t, "07700900123", known).await;
        let sql = "UPDATE notifications SET billable_units = $2 WHERE id = $1";
        t.db().await.execute(sql, &[&id, &units]).await.unwrap();
        t.mmg_receipt(&json!({ "CID": id, "status": "3" })).await.expect(200);
        t.drain().await;
        let sql = "SELECT sent_by, billable_units FROM notifications WHERE id = $1";
        let row = t.db().await.query_one(sql, &[&id]).await.unwrap();
        assert_eq!((row.get::<_, &str>(0), row.get::<_, i32>(1)), then);
    }
    t.end().await;
}

#[tokio::test]
async fn receipts_of_nobodys_message_are_taken_and_change_nothing_5_1() {
    let t = TestApp::start().await;
    for id in ["not-an-id", "00000000-0000-0000-0000-000000000000"] {
        t.mmg_receipt(&json!({ "CID": id, "status": "3" })).await.expect(200);
        firetext(&t, &[("reference", id), ("status", "0")]).await.expect(200);
        assert_eq!(t.drain().await, 2, "{id}");
    }
    assert_eq!(t.drain().await, 0, "nothing is tried again");
    t.end().await;
}

/// An email with the provider's id `reference`, in this status.
async fn email(t: &TestApp, status: Status) -> NotificationId {
    let client = t.client().await;
    let id = client.send_email("ada@example.com").await;
    t.purge(tasks::queues::SEND_EMAIL).await;
    set(t, id, status, Some("ses")).await;
    let sql = "UPDATE notifications SET reference = $2 WHERE id = $1";
    t.db().await.execute(sql, &[&id, &format!("ses {id}")]).await.unwrap();
    id
}

/// Publishes an event of SES about an email, as whoever gets them from SNS does.
async fn event(t: &TestApp, reference: &str, kind: &str, more: Value, age: Duration) {
    let sent_at = (t.app.clock().now() - age).format(&Rfc3339).unwrap();
    let mail = json!({ "messageId": reference, "timestamp": sent_at,
                       "destination": ["ada@example.com"] });
    let mut event = json!({ "notificationType": kind, "mail": mail });
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let envelope = json!({ "Type": "Notification", "MessageId": "1", "TopicArn": "arn",
                           "Message": event.to_string() });
    t.told("ses-callbacks", "process-ses-result", json!([envelope]), json!({})).await;
}

#[tokio::test]
async fn each_event_of_ses_becomes_its_status_5_2() {
    let t = TestApp::start().await;
    let id = email(&t, Status::Sending).await;
    let bounce = |kind: &str| json!({ "bounce": { "bounceType": kind, "bouncedRecipients": [] } });
    for (kind, more, status) in [
        ("Delivery", json!({ "delivery": {} }), Status::Delivered),
        ("Bounce", bounce("Permanent"), Status::PermanentFailure),
        ("Bounce", bounce("Transient"), Status::TemporaryFailure),
        ("Bounce", bounce("Undetermined"), Status::TemporaryFailure),
        ("Bounce", bounce("Temporary"), Status::TemporaryFailure),
        ("Complaint", json!({ "complaint": { "feedbackId": "1" } }), Status::Sending),
    ] {
        set(&t, id, Status::Sending, Some("ses")).await;
        event(&t, &format!("ses {id}"), kind, more.clone(), Duration::ZERO).await;
        assert_eq!(t.status(id).await, status, "{kind} {more}");
    }
    let sql = "SELECT count(*) FROM complaints WHERE notification_id = $1";
    assert_eq!(t.db().await.query_one(sql, &[&id]).await.unwrap().get::<_, i64>(0), 1);
    t.end().await;
}

/// `created` too: the receipt may come before a worker that died could record its send.
#[tokio::test]
async fn receipts_of_emails_change_what_is_open_and_nothing_else_5_2() {
    let t = TestApp::start().await;
    let id = email(&t, Status::Sending).await;
    for before in Status::VARIANTS {
        set(&t, id, *before, Some("ses")).await;
        let more = json!({ "delivery": {} });
        event(&t, &format!("ses {id}"), "Delivery", more, Duration::ZERO).await;
        let is_open = matches!(before, Status::Created | Status::Sending | Status::Pending);
        let after = if is_open { Status::Delivered } else { *before };
        assert_eq!(t.status(id).await, after, "{before}");
    }
    t.end().await;
}

#[tokio::test]
async fn a_receipt_for_an_unknown_email_is_tried_again_for_five_minutes_5_2() {
    let t = TestApp::start().await;
    let more = json!({ "delivery": {} });
    let delivery = json!({ "notificationType": "Delivery", "mail": { "messageId": "nobody's" } });
    let task = |age: Duration| {
        let mut event = delivery.clone();
        let sent_at = t.app.clock().now() - age;
        event["mail"]["timestamp"] = json!(sent_at.format(&Rfc3339).unwrap());
        tasks::ProcessSesResult {
            response: json!({ "Message": event.to_string() }),
            receipt_iso_timestamp: None,
        }
    };
    for (age, is_tried_again) in [(Duration::minutes(4), true), (Duration::minutes(6), false)] {
        let (task, trace) = (task(age), queue::Trace::default());
        let envelope = queue::Envelope::new(&task, t.app.clock().new_id(), &trace).unwrap();
        let attempt = queue::Attempt::of::<tasks::ProcessSesResult>(&envelope, 0);
        let result = worker::receipts::ses(t.context(), task, attempt).await;
        let again = matches!(result, Err(queue::TaskError::Retry { .. }));
        assert_eq!(again, is_tried_again, "{age}: {result:?}");
    }
    // The old one is done with.
    event(&t, "nobody's", "Delivery", more, Duration::minutes(6)).await;
    assert_eq!(t.drain().await, 0);
    let retry = queue::Retry::every(std::time::Duration::from_secs(300), 5);
    let retry = retry.on(tasks::queues::RETRY);
    assert_eq!(<tasks::ProcessSesResult as queue::Task>::RETRY, retry);
    t.end().await;
}
