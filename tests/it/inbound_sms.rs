//! Text messages that services receive.

use domain::{Permission, ServiceId};
use serde_json::{Value, json};
use stub::Kind;
use testkit::TestService;

use crate::app::TestApp;

/// A service that receives at 07700900500 and is told of it.
async fn receiver(t: &TestApp) -> TestService {
    let db = t.db().await;
    let permissions = [Permission::Sms, Permission::InboundSms];
    let service = testkit::service(&db).live().permissions(&permissions).create().await;
    testkit::inbound_number(&db, Some(&service), "07700900500").await;
    let token = t.signer.sign("callback token").unwrap();
    let url = format!("{}/callback", t.stub.url);
    testkit::callback(&db, &service, "inbound_sms", &url, &token).await;
    service
}

fn mmg(number: &str) -> Value {
    json!({ "MSISDN": "447700900855", "Number": number, "Message": "Some+message%3A+caf%C3%A9",
            "ID": "SOME-MMG-SPECIFIC-ID", "DateRecieved": "2017-01-02+03%3A04%3A05" })
}

async fn count(t: &TestApp, service: ServiceId) -> i64 {
    let sql = "SELECT count(*) FROM inbound_sms WHERE service_id = $1";
    t.db().await.query_one(sql, &[&service]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_message_from_mmg_is_kept_and_its_service_is_told() {
    let t = TestApp::start().await;
    let service = receiver(&t).await;
    let answer = t.tell("receive/mmg", |request| request.json(&mmg("447700900500"))).await;
    assert_eq!(answer.expect(200), json!({ "status": "ok" }));
    t.drain().await;
    let told = t.received(Kind::Callbacks, 1).await.remove(0);
    assert_eq!(told["authorization"], "Bearer callback token");
    let sql = "SELECT id::text, content, provider, provider_reference FROM inbound_sms
                WHERE service_id = $1";
    let row = t.db().await.query_one(sql, &[&service.id]).await.unwrap();
    assert_eq!(
        told["body"],
        json!({
            "id": row.get::<_, &str>("id"),
            "source_number": "447700900855",
            "destination_number": "07700900500",
            "message": "Some message: café",
            "date_received": "2017-01-02T03:04:05.000000Z",
        })
    );
    let content: String = t.signer.unsign(row.get("content")).unwrap();
    assert_eq!(content, "Some message: café");
    assert_eq!(row.get::<_, &str>("provider"), "mmg");
    assert_eq!(row.get::<_, &str>("provider_reference"), "SOME-MMG-SPECIFIC-ID");
    t.end().await;
}

#[tokio::test]
async fn a_message_from_firetext_is_kept_as_it_is() {
    let t = TestApp::start().await;
    let service = receiver(&t).await;
    let form = [
        ("source", "07700 900855"),
        ("destination", "07700900500"),
        ("message", "100%+1\\n"),
        ("time", "2017-01-01 12:00:00"),
    ];
    let answer = t.tell("receive/firetext", |request| request.form(&form)).await;
    assert_eq!(answer.expect(200), json!({ "status": "ok" }));
    t.drain().await;
    let told = t.received(Kind::Callbacks, 1).await.remove(0);
    let body = &told["body"];
    assert_eq!(body["message"], "100%+1\\n");
    assert_eq!(body["source_number"], "447700900855");
    assert_eq!(body["date_received"], "2017-01-01T12:00:00.000000Z");
    assert_eq!(count(&t, service.id).await, 1);
    t.end().await;
}

#[tokio::test]
async fn no_sender_date_or_text_is_too_odd_to_keep_the_message() {
    let t = TestApp::start().await;
    receiver(&t).await;
    let mut message = mmg("07700900500");
    message["MSISDN"] = json!("BANK");
    message["DateRecieved"] = json!("soon");
    message["Message"] = json!("");
    t.tell("receive/mmg", |request| request.json(&message)).await.expect(200);
    t.drain().await;
    let told = t.received(Kind::Callbacks, 1).await.remove(0);
    assert_eq!(told["body"]["source_number"], "BANK");
    assert_eq!(told["body"]["message"], "");
    let at = told["body"]["date_received"].as_str().unwrap();
    assert!(at.starts_with("20") && !at.starts_with("2017"), "{at}");
    t.end().await;
}

#[tokio::test]
async fn messages_to_numbers_that_no_service_may_use_are_taken_and_not_kept() {
    let t = TestApp::start().await;
    let service = receiver(&t).await;
    let db = t.db().await;
    let without = testkit::service(&db).live().create().await; // may not receive
    testkit::inbound_number(&db, Some(&without), "07700900501").await;
    testkit::inbound_number(&db, None, "07700900502").await;
    db.execute("UPDATE inbound_numbers SET active = false WHERE number = '07700900500'", &[])
        .await
        .unwrap();
    for number in ["07700900500", "07700900501", "07700900502", "40604"] {
        let url = format!("{}/notifications/sms/receive/mmg", t.url);
        let request = t.http.post(url).basic_auth("receipts", Some("password"));
        let answer = request.json(&mmg(number)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.text().await.unwrap(), "RECEIVED", "{number}");
        let form = [("source", "1"), ("destination", number), ("message", ""), ("time", "")];
        let answer = t.tell("receive/firetext", |request| request.form(&form)).await;
        assert_eq!(answer.expect(200), json!({ "status": "ok" }));
    }
    assert_eq!((count(&t, service.id).await, count(&t, without.id).await), (0, 0));
    assert_eq!(t.drain().await, 0);
    t.end().await;
}

#[tokio::test]
async fn incomplete_messages_are_refused() {
    let t = TestApp::start().await;
    let text = "The browser (or proxy) sent a request that this server could not understand.";
    for field in ["MSISDN", "Number", "Message", "ID"] {
        let mut message = mmg("07700900500");
        message.as_object_mut().unwrap().remove(field);
        let answer = t.tell("receive/mmg", |request| request.json(&message)).await;
        assert_eq!(answer.expect(400)["message"], text, "{field}");
    }
    t.tell("receive/mmg", |request| request.body("{")).await.expect(400);
    let form = [("source", "1"), ("destination", "2"), ("message", "3")];
    let answer = t.tell("receive/firetext", |request| request.form(&form)).await;
    assert_eq!(answer.expect(400)["message"], text);
    t.end().await;
}

#[tokio::test]
async fn a_service_that_does_not_want_to_be_told_is_not() {
    let t = TestApp::start().await;
    let service = receiver(&t).await;
    t.db().await.execute("DELETE FROM service_callback_api", &[]).await.unwrap();
    t.tell("receive/mmg", |request| request.json(&mmg("07700900500"))).await.expect(200);
    assert_eq!(t.drain().await, 1, "the task runs and has nobody to tell");
    assert_eq!(count(&t, service.id).await, 1);
    assert!(t.stub.received(Kind::Callbacks).is_empty());
    t.end().await;
}
