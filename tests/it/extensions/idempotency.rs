//! The same request under the same key has its effect once, and the same answer always.

use domain::KeyType;
use serde_json::{Value, json};
use stub::Kind;
use time::Duration;

use crate::app::{Answer, Client, TestApp, id};

const SMS: &str = "/v2/notifications/sms";

fn sms(client: &Client, name: &str) -> Value {
    json!({ "phone_number": "07700900123", "template_id": client.sms,
            "personalisation": { "name": name } })
}

/// The text of a 201, and whether it is said to be an old one.
#[track_caller]
fn accepted(answer: Answer) -> (Value, bool) {
    let replayed = answer.headers.get("idempotent-replayed").map(|value| value == "true");
    (answer.expect(201), replayed.unwrap_or_default())
}

/// The message of a refusal in the shape of v2.
#[track_caller]
fn refused(answer: Answer, status: u16) -> (String, String) {
    let body = answer.expect(status);
    assert_eq!(body["status_code"], status);
    let error = &body["errors"][0];
    (error["error"].as_str().unwrap().to_owned(), error["message"].as_str().unwrap().to_owned())
}

async fn stored(t: &TestApp) -> i64 {
    let sql = "SELECT count(*) FROM notifications";
    t.db().await.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_request_of_the_same_key_is_answered_as_before_and_sends_nothing_more() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let email = json!({ "email_address": "ada@example.com", "template_id": client.email,
                        "personalisation": { "name": "Ada" }, "reference": "mine" });
    // Nothing is stored for it, but it has an id, too.
    let simulated = json!({ "phone_number": "07700900000", "template_id": client.sms,
                            "personalisation": { "name": "Ada" } });
    for (path, key, body) in [
        (SMS, "1", sms(&client, "Ada")),
        ("/v2/notifications/email", "2", email),
        (SMS, "3", simulated),
    ] {
        let (first, replayed) = accepted(client.post_once(path, key, &body).await);
        assert!(!replayed);
        let (second, replayed) = accepted(client.post_once(path, key, &body).await);
        assert!(replayed);
        assert_eq!(first.to_string(), second.to_string());
    }
    assert_eq!(stored(&t).await, 2);
    t.drain().await;
    let sent = [Kind::Sms, Kind::Emails].map(|kind| t.stub.received(kind).len());
    assert_eq!(sent, [1, 1], "each is sent once");

    // Without a key, and under another one, it is another message.
    accepted(client.post(SMS, &sms(&client, "Ada")).await);
    accepted(client.post_once(SMS, "4", &sms(&client, "Ada")).await);
    assert_eq!(stored(&t).await, 4);
    t.end_as_it_is().await;
}

#[tokio::test]
async fn letters_are_made_once_too() {
    let t = TestApp::start().await;
    let db = t.db().await;
    let service = testkit::service(&db).live().create().await;
    let client = t.client_of(service, KeyType::Normal).await;
    let template = testkit::template(&db, &client.service).letter("Hello", "Dear ((name))");
    let template = template.create().await;
    let address = json!({ "address_line_1": "Ada", "address_line_2": "1 Street",
                          "address_line_3": "SW1A 1AA", "name": "Ada" });
    let written = json!({ "template_id": template, "personalisation": address });
    let pdf = json!({ "reference": "mine", "content": "JVBERi0xLjU=" });
    for (key, body) in [("1", written), ("2", pdf)] {
        let path = "/v2/notifications/letter";
        let (first, _) = accepted(client.post_once(path, key, &body).await);
        let (second, replayed) = accepted(client.post_once(path, key, &body).await);
        assert!(replayed);
        assert_eq!(first, second);
    }
    assert_eq!(stored(&t).await, 2);
    t.end_as_it_is().await;
}

#[tokio::test]
async fn another_request_of_the_same_key_is_a_conflict() {
    let t = TestApp::start().await;
    let db = t.db().await;
    let service = testkit::service(&db).live().create().await;
    let test_key = t.client_of(service.clone(), KeyType::Test).await;
    let client = t.client_of(service, KeyType::Normal).await;
    let conflict = (
        "ConflictError".to_owned(),
        "Idempotency-Key has been used for another request".to_owned(),
    );
    let body = sms(&client, "Ada");
    accepted(client.post_once(SMS, "key", &body).await);
    let other = client.post_once(SMS, "key", &sms(&client, "Bob")).await;
    assert_eq!(refused(other, 409), conflict);
    let elsewhere = client.post_once("/v2/notifications/email", "key", &body).await;
    assert_eq!(refused(elsewhere, 409), conflict);
    assert_eq!(stored(&t).await, 1);

    let other = t.client().await;
    accepted(other.post_once(SMS, "key", &sms(&other, "Ada")).await);
    assert_eq!(refused(test_key.post_once(SMS, "key", &body).await, 409), conflict);
    assert_eq!(stored(&t).await, 2, "keys are a service's own");
    t.end_as_it_is().await;
}

#[tokio::test]
async fn a_refused_request_may_be_put_right_under_its_key() {
    let t = TestApp::start().await;
    let client = t.client().await;
    client.post_once(SMS, "key", &json!({ "phone_number": "07700900123" })).await.expect(400);
    let (_, replayed) = accepted(client.post_once(SMS, "key", &sms(&client, "Ada")).await);
    assert!(!replayed);
    t.end_as_it_is().await;
}

#[tokio::test]
async fn requests_of_the_same_key_at_once_wait_for_the_first() {
    let t = TestApp::start().await;
    let db = t.db().await;
    let service = testkit::service(&db).live().sms_limit(13).create().await;
    let client = t.client_of(service, KeyType::Normal).await;
    let body = sms(&client, "Ada");
    let answers =
        futures_util::future::join_all((0..12).map(|_| client.post_once(SMS, "key", &body))).await;
    let answers: Vec<_> = answers.into_iter().map(accepted).collect();
    assert!(answers.iter().all(|(body, _)| *body == answers[0].0));
    assert_eq!(answers.iter().filter(|(_, replayed)| !replayed).count(), 1);
    assert_eq!(stored(&t).await, 1);
    for _ in 1..13 {
        accepted(client.post(SMS, &body).await); // the others are not counted against the day
    }
    client.post(SMS, &body).await.expect(429);
    t.end_as_it_is().await;
}

/// A request whose key another transaction has just written blocks on it, and answers when that has
/// ended: with its own answer if it was rolled back.
#[tokio::test]
async fn a_first_request_that_fails_leaves_its_key_to_the_next() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let mut db = t.db().await;
    let tx = db.transaction().await.unwrap();
    let sql = "INSERT INTO idempotency_keys VALUES ($1, 'key', '', '{}', now(), now() + '1 day')";
    tx.execute(sql, &[&client.service.id]).await.unwrap();
    let body = sms(&client, "Ada");
    let waits = client.post_once(SMS, "key", &body);
    let fails = async {
        let waiting = "SELECT count(*) FROM pg_stat_activity
                        WHERE wait_event_type = 'Lock' AND query LIKE '%idempotency_keys.insert%'
                          AND datname = current_database()";
        while t.db().await.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            tokio::task::yield_now().await;
        }
        tx.rollback().await.unwrap();
    };
    let (answer, ()) = tokio::join!(waits, fails);
    let (_, replayed) = accepted(answer);
    assert!(!replayed);
    assert_eq!(stored(&t).await, 1);
    t.end_as_it_is().await;
}

#[tokio::test]
async fn keys_live_for_a_day() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let body = sms(&client, "Ada");
    let (first, _) = accepted(client.post_once(SMS, "key", &body).await);
    accepted(client.post_once(SMS, "other", &body).await);
    t.advance(Duration::hours(24) - Duration::minutes(1));
    t.fire("delete-verify-codes").await;
    t.drain().await;
    let (again, replayed) = accepted(client.post_once(SMS, "key", &body).await);
    assert_eq!((&again, replayed), (&first, true));
    t.advance(Duration::minutes(1));
    let (new, replayed) = accepted(client.post_once(SMS, "key", &body).await);
    assert!(!replayed && new["id"] != first["id"]);
    t.fire("delete-verify-codes").await;
    t.fire("delete-verify-codes").await; // a doubled run
    t.drain().await;
    let keys = "SELECT string_agg(key, ' ') FROM idempotency_keys";
    let keys: String = t.db().await.query_one(keys, &[]).await.unwrap().get(0);
    assert_eq!(keys, "key");
    t.end_as_it_is().await;
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let body = sms(&client, "Ada");
    let text = "Idempotency-Key must be one text of 1 to 255 visible ASCII characters";
    for key in ["", "a b", &"k".repeat(256)] {
        let answer = client.post_once(SMS, key, &body).await;
        assert_eq!(refused(answer, 400), ("BadRequestError".to_owned(), text.to_owned()), "{key}");
    }
    let twice = t
        .http
        .post(format!("{}{SMS}", t.url))
        .header("Authorization", client.token())
        .header("Idempotency-Key", "a")
        .header("Idempotency-Key", "b")
        .json(&body);
    assert_eq!(twice.send().await.unwrap().status(), 400);
    accepted(client.post_once(SMS, &"k".repeat(255), &body).await);
    assert_eq!(stored(&t).await, 1);
    t.end_as_it_is().await;
}

/// The first has taken the day's last place, and its answer is not written yet.
#[tokio::test]
async fn the_last_of_the_day_is_answered_to_all_who_ask_at_once() {
    let t = TestApp::start().await;
    let db = t.db().await;
    for round in 0..5 {
        let service = testkit::service(&db).live().sms_limit(1).letter_limit(1).create().await;
        let letter = testkit::template(&db, &service).letter("Hello", "Dear ((name))");
        let letter = letter.create().await;
        let client = t.client_of(service, KeyType::Normal).await;
        let letter = json!({ "template_id": letter, "personalisation": { "name": "Ada",
            "address_line_1": "Ada", "address_line_2": "1 Street", "address_line_3": "SW1A 1AA" } });
        for (path, key, body) in
            [(SMS, "key", sms(&client, "Ada")), ("/v2/notifications/letter", "letter", letter)]
        {
            let asks = (0..12).map(|_| client.post_once(path, key, &body));
            let answers = futures_util::future::join_all(asks).await;
            let answers: Vec<_> = answers.into_iter().map(accepted).collect();
            assert!(answers.iter().all(|(body, _)| *body == answers[0].0), "round {round}");
            assert_eq!(answers.iter().filter(|(_, replayed)| !replayed).count(), 1);
            client.post_once(path, "another", &body).await.expect(429);
        }
    }
    t.end_as_it_is().await;
}

/// The same, step by step: while the first holds the key and the place, the second waits.
#[tokio::test]
async fn who_finds_the_day_full_waits_for_the_first_of_its_key() {
    let t = TestApp::start().await;
    let db = t.db().await;
    let service = testkit::service(&db).live().sms_limit(1).create().await;
    let client = t.client_of(service, KeyType::Normal).await;
    let body = sms(&client, "Ada");
    let lock = "LOCK TABLE notifications IN SHARE MODE";
    let mut db = t.db().await;
    let tx = db.transaction().await.unwrap();
    tx.execute(lock, &[]).await.unwrap(); // the first stops between its place and its end
    let waiting = async |query: &str| {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
                    AND query LIKE $1 AND datname = current_database()";
        while t.db().await.query_one(sql, &[&query]).await.unwrap().get::<_, i64>(0) == 0 {
            tokio::task::yield_now().await;
        }
    };
    let first = client.post_once(SMS, "key", &body);
    let second = async {
        waiting("%INSERT INTO notifications%").await;
        client.post_once(SMS, "key", &body).await
    };
    let goes_on = async {
        waiting("%idempotency_keys.insert%").await;
        tx.rollback().await.unwrap();
    };
    let (first, second, ()) = tokio::join!(first, second, goes_on);
    let (first, _) = accepted(first);
    assert_eq!(accepted(second), (first, true));
    t.end_as_it_is().await;
}

/// Who has sent all that a day allows is still told what became of the last one.
#[tokio::test]
async fn an_answer_is_given_again_when_the_day_is_full() {
    let t = TestApp::start().await;
    let db = t.db().await;
    let service = testkit::service(&db).live().sms_limit(1).create().await;
    let client = t.client_of(service, KeyType::Normal).await;
    let body = sms(&client, "Ada");
    let (first, _) = accepted(client.post_once(SMS, "key", &body).await);
    client.post_once(SMS, "other", &body).await.expect(429);
    assert_eq!(accepted(client.post_once(SMS, "key", &body).await), (first.clone(), true));
    assert_eq!(t.status(id(&first)).await, domain::NotificationStatus::Created);
    t.end_as_it_is().await;
}
