//! Receipts of every SMS provider, and what they make of a message.

use domain::{NotificationId, NotificationStatus as Status};
use serde_json::{Value, json};
use stub::Kind;
use tasks::ProcessSesResult;
use time::format_description::well_known::Rfc3339;

use crate::app::{Answer, TestApp};

/// A message that waits for its receipt, sent by the provider.
pub(crate) async fn sending(t: &TestApp, number: &str, sent_by: Option<&str>) -> NotificationId {
    let client = t.client().await;
    let id = client.send_sms(number).await;
    t.purge(tasks::queues::SEND_SMS).await;
    set(t, id, Status::Sending, sent_by).await;
    id
}

pub(crate) async fn set(t: &TestApp, id: NotificationId, status: Status, sent_by: Option<&str>) {
    let sql = "UPDATE notifications SET notification_status = $2, sent_by = $3 WHERE id = $1";
    t.db().await.execute(sql, &[&id, &<&str>::from(status), &sent_by]).await.unwrap();
}

pub(crate) async fn firetext(t: &TestApp, fields: &[(&str, &str)]) -> Answer {
    t.tell("firetext", |request| request.form(fields)).await
}

#[tokio::test]
async fn firetext_sends_and_its_receipts_are_applied() {
    let t = TestApp::with(|providers, _| {
        providers.mmg.mmg_api_key = None;
        providers.firetext.firetext_api_key = Some("key".into());
    })
    .await;
    let client = t.client().await;
    let delivered = client.send_sms("07700900123").await;
    let temporary = client.send_sms("07700900003").await; // pending, then failed with a code
    let permanent = client.send_sms("07700900002").await;
    t.drain().await;
    t.drain_until(delivered, Status::Delivered).await;
    t.drain_until(temporary, Status::TemporaryFailure).await;
    t.drain_until(permanent, Status::PermanentFailure).await;
    t.drain().await;
    let told = t.received(Kind::Callbacks, 3).await;
    assert_eq!(told.len(), 3, "pending is not told");
    let sql = "SELECT count(*) FROM notifications WHERE sent_by = 'firetext'";
    assert_eq!(t.db().await.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), 3);
    t.end().await;
}

#[tokio::test]
async fn firetexts_codes_refine_its_failures() {
    use Status as S;
    let t = TestApp::start().await;
    let id = sending(&t, "07700900123", Some("firetext")).await;
    let id_text = id.to_string();
    for (before, sent_by, code, after) in [
        (S::Sending, Some("firetext"), Some("000"), S::TemporaryFailure),
        (S::Sending, Some("firetext"), Some("102"), S::TemporaryFailure),
        (S::Sending, Some("firetext"), Some("900"), S::TemporaryFailure),
        (S::Pending, Some("firetext"), Some("101"), S::PermanentFailure),
        (S::Pending, Some("firetext"), Some("401"), S::PermanentFailure),
        (S::Sending, Some("firetext"), Some("777"), S::PermanentFailure),
        (S::Pending, Some("firetext"), Some("777"), S::TemporaryFailure),
        (S::Pending, Some("firetext"), None, S::TemporaryFailure),
        (S::Sending, Some("firetext"), None, S::PermanentFailure),
        (S::Created, None, Some("102"), S::TemporaryFailure),
        (S::Sending, Some("mmg"), Some("102"), S::PermanentFailure),
    ] {
        set(&t, id, before, sent_by).await;
        let mut fields = vec![("reference", id_text.as_str()), ("status", "1")];
        fields.extend(code.map(|code| ("code", code)));
        let answer = firetext(&t, &fields).await.expect(200);
        assert_eq!(answer, json!({ "result": "success" }));
        t.drain().await;
        assert_eq!(t.status(id).await, after, "{before} by {sent_by:?} with {code:?}");
    }
    t.end().await;
}

#[tokio::test]
async fn a_status_that_nobody_knows_is_a_technical_failure() {
    let t = TestApp::start().await;
    let id = sending(&t, "07700900123", Some("firetext")).await;
    firetext(&t, &[("reference", &id.to_string()), ("status", "9")]).await.expect(200);
    t.drain().await;
    assert_eq!(t.status(id).await, Status::TechnicalFailure);
    t.end().await;
}

#[tokio::test]
async fn receipts_of_reach_have_our_format() {
    let t = TestApp::start().await;
    let id = sending(&t, "07700900123", None).await;
    let receipt = json!({ "notification_id": id, "status": "delivered", "detail": "ok",
                          "delivered_at": "2026-11-24T12:00:00Z" });
    t.tell("reach", |request| request.json(&receipt)).await.expect(200);
    t.drain().await;
    assert_eq!(t.status(id).await, Status::Delivered);
    let sql = "SELECT sent_by FROM notifications WHERE id = $1";
    let row = t.db().await.query_one(sql, &[&id]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "reach", "the first receipt says who sent it");
    t.end().await;
}

#[tokio::test]
async fn incomplete_receipts_are_refused_with_what_is_missing() {
    let t = TestApp::start().await;
    let missing = |answer: Answer| answer.expect(400)["message"].clone();
    let both = json!([
        "Firetext callback failed: status missing",
        "Firetext callback failed: reference missing"
    ]);
    assert_eq!(missing(firetext(&t, &[("status", "")]).await), both);
    let one = json!(["Firetext callback failed: reference missing"]);
    assert_eq!(missing(firetext(&t, &[("status", "0")]).await), one);
    let reach = t.tell("reach", |request| request.json(&json!({ "status": "delivered" }))).await;
    assert_eq!(missing(reach), json!(["Reach callback failed: notification_id missing"]));
    for path in ["mmg", "reach"] {
        t.tell(path, |request| request.body("{")).await.expect(400);
    }
    assert_eq!(t.drain().await, 0);
    t.end().await;
}

#[tokio::test]
async fn receipts_need_credentials() {
    let t = TestApp::start().await;
    let id = sending(&t, "07700900123", None).await;
    for path in ["mmg", "firetext", "reach", "receive/mmg", "receive/firetext"] {
        let url = format!("{}/notifications/sms/{path}", t.url);
        let body = json!({ "CID": id, "notification_id": id, "status": "3" });
        let request = || t.http.post(&url).json(&body);
        let answer = request().send().await.unwrap();
        assert_eq!(answer.status(), 401, "{path}");
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        let body: Value = answer.json().await.unwrap();
        let message = "Unauthorized: authentication token must be provided";
        assert_eq!(body, json!({ "result": "error", "message": message }));
        let answer = request().basic_auth("receipts", Some("wrong")).send().await.unwrap();
        assert_eq!(answer.status(), 403, "{path}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["message"], "Forbidden: invalid authentication token provided");
    }
    assert_eq!(t.drain().await, 0);
    t.end().await;
}

#[tokio::test]
async fn a_receipt_from_a_country_that_reports_nothing_leaves_the_message_sent() {
    let t = TestApp::start().await;
    let id = sending(&t, "07700900123", Some("mmg")).await;
    for (prefix, after) in [("1", Status::Sent), ("44", Status::Delivered)] {
        let sql = "UPDATE notifications SET international = true, phone_prefix = $2,
                          notification_status = 'sent' WHERE id = $1";
        t.db().await.execute(sql, &[&id, &prefix]).await.unwrap();
        t.mmg_receipt(&json!({ "CID": id, "status": "3" })).await.expect(200);
        t.drain().await;
        assert_eq!(t.status(id).await, after, "{prefix}");
    }
    t.end().await;
}

/// An event of SES about an email that it calls `reference`, accepted `age` ago.
fn ses_event(t: &TestApp, reference: &str, age: time::Duration, event: &Value) -> ProcessSesResult {
    let at = (t.app.clock().now() - age).format(&Rfc3339).unwrap();
    let mut message = json!({ "mail": { "messageId": reference, "timestamp": at } });
    message.as_object_mut().unwrap().extend(event.as_object().unwrap().clone());
    let response = json!({ "Message": message.to_string() });
    ProcessSesResult { response, receipt_iso_timestamp: None }
}

/// An email that SES took and calls `reference`.
async fn email_at_ses(t: &TestApp, reference: &str) -> NotificationId {
    let client = t.client().await;
    let id = client.send_email("ada@example.com").await;
    t.purge(tasks::queues::SEND_EMAIL).await;
    let sql =
        "UPDATE notifications SET notification_status = 'sending', reference = $2 WHERE id = $1";
    t.db().await.execute(sql, &[&id, &reference]).await.unwrap();
    id
}

#[tokio::test]
async fn bounces_of_emails_are_soft_or_hard_and_a_second_receipt_changes_nothing() {
    let t = TestApp::start().await;
    let delivered = json!({ "notificationType": "Delivery" });
    let bounce =
        |kind: &str| json!({ "notificationType": "Bounce", "bounce": { "bounceType": kind } });
    for (reference, event, status) in [
        ("delivered", delivered.clone(), Status::Delivered),
        ("soft", bounce("Transient"), Status::TemporaryFailure),
        ("unsure", bounce("Undetermined"), Status::TemporaryFailure),
        ("hard", bounce("Permanent"), Status::PermanentFailure),
    ] {
        let id = email_at_ses(&t, reference).await;
        for event in [&event, &delivered, &bounce("Permanent")] {
            t.publish(&ses_event(&t, reference, time::Duration::ZERO, event)).await;
            t.drain().await;
            assert_eq!(t.status(id).await, status, "{reference}");
        }
    }
    assert_eq!(t.received(Kind::Callbacks, 4).await.len(), 4, "each is told of once");
    t.end().await;
}

#[tokio::test]
async fn a_receipt_of_a_young_email_waits_for_it_and_of_an_old_one_does_not() {
    let t = TestApp::start().await;
    let event = json!({ "notificationType": "Delivery" });
    let run = async |task: &ProcessSesResult| {
        let trace = queue::Trace::default();
        let envelope = queue::Envelope::new(task, t.app.clock().new_id(), &trace).unwrap();
        let attempt = queue::Attempt::of::<ProcessSesResult>(&envelope, 0);
        worker::receipts::ses(t.context(), task.clone(), attempt).await
    };
    let young = ses_event(&t, "unknown", time::Duration::seconds(290), &event);
    assert!(matches!(run(&young).await, Err(queue::TaskError::Retry { after: None, .. })));
    let old = ses_event(&t, "unknown", time::Duration::seconds(310), &event);
    assert!(run(&old).await.is_ok(), "it is only logged");

    t.publish(&young).await;
    assert_eq!(t.drain().await, 1, "its retry waits");
    let id = email_at_ses(&t, "unknown").await; // the send has been recorded meanwhile
    t.retry(&young).await;
    t.drain().await;
    assert_eq!(t.status(id).await, Status::Delivered);
    t.end().await;
}
