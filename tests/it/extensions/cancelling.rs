//! `DELETE /v2/notifications/{id}`: a letter is called back before it is printed (letters contract §7.3).

use domain::{KeyType, NotificationId, NotificationStatus};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, macros::datetime};

use crate::app::{Answer, Client, TestApp, id};

/// A system at noon, and a service that may send so many letters a day.
async fn start(letter_limit: i64) -> (TestApp, Client, Value) {
    let t = TestApp::start().await;
    t.travel_to(datetime!(2026-11-24 12:00 UTC));
    let db = t.db().await;
    let service = testkit::service(&db).live().letter_limit(letter_limit).create().await;
    let template = testkit::template(&db, &service).letter("Hello", "Dear ((name))");
    let template = template.create().await;
    let client = t.client_of(service, KeyType::Normal).await;
    let letter = json!({ "template_id": template, "personalisation":
        { "address_line_1": "Ada", "address_line_2": "1 Street", "address_line_3": "SW1A 1AA",
          "name": "Ada" } });
    (t, client, letter)
}

async fn delete(client: &Client, id: impl std::fmt::Display) -> Answer {
    client.delete(&format!("/v2/notifications/{id}")).await
}

#[track_caller]
fn refused(answer: Answer, status: u16) -> String {
    let body = answer.expect(status);
    assert_eq!(body["status_code"], status);
    body["errors"][0]["message"].as_str().unwrap().to_owned()
}

async fn set(t: &TestApp, id: NotificationId, what: &str) {
    let sql = format!("UPDATE notifications SET {what} WHERE id = $1");
    assert_eq!(t.db().await.execute(&sql, &[&id]).await.unwrap(), 1);
}

async fn accepted_at(t: &TestApp, id: NotificationId, at: OffsetDateTime) {
    let sql = "UPDATE notifications SET created_at = $2 WHERE id = $1";
    let at = store::sql_time::to_column(at);
    assert_eq!(t.db().await.execute(sql, &[&id, &at]).await.unwrap(), 1);
}

#[tokio::test]
async fn a_letter_is_called_back_and_gives_back_its_place_in_the_day() {
    let (t, client, letter) = start(1).await;
    let path = "/v2/notifications/letter";
    let first = id(&client.post(path, &letter).await.expect(201));
    client.post(path, &letter).await.expect(429);
    let shown = delete(&client, first).await.expect(200);
    assert_eq!((&shown["id"], &shown["status"]), (&json!(first), &json!("cancelled")));
    assert!(shown["completed_at"].is_string());
    assert_eq!(client.get(&format!("/v2/notifications/{first}")).await.expect(200), shown);
    assert_eq!(
        refused(delete(&client, first).await, 409),
        "This letter has already been cancelled."
    );
    client.post(path, &letter).await.expect(201);
    t.end_as_it_is().await;
}

#[tokio::test]
async fn letters_that_are_printed_are_not_called_back() {
    let (t, client, letter) = start(10).await;
    let printed = id(&client.post("/v2/notifications/letter", &letter).await.expect(201));
    let too_late = |day: &str| {
        format!("It\u{2019}s too late to cancel this letter. Printing started {day} at 5.30pm")
    };
    t.travel_to(datetime!(2026-11-24 17:31 UTC));
    assert_eq!(refused(delete(&client, printed).await, 409), too_late("today"));
    t.travel_to(datetime!(2026-11-25 09:00 UTC));
    assert_eq!(refused(delete(&client, printed).await, 409), too_late("on 24 November"));
    accepted_at(&t, printed, datetime!(2026-11-22 18:00 UTC)).await;
    assert_eq!(refused(delete(&client, printed).await, 409), too_late("on 23 November"));
    accepted_at(&t, printed, datetime!(2026-11-24 18:00 UTC)).await;
    set(&t, printed, "notification_status = 'sending'").await;
    assert_eq!(
        refused(delete(&client, printed).await, 409),
        "We could not cancel this notification. Status: sending"
    );
    assert_eq!(t.status(printed).await, NotificationStatus::Sending);
    set(&t, printed, "notification_status = 'pending-virus-check'").await;
    delete(&client, printed).await.expect(200);
    t.end_as_it_is().await;
}

/// Whoever prints a letter has claimed it first; only one of the two gets it.
#[tokio::test]
async fn a_letter_that_is_being_printed_is_not_called_back_nor_a_cancelled_one_printed() {
    let (t, client, letter) = start(10).await;
    let post = async || {
        let letter = client.post("/v2/notifications/letter", &letter).await;
        id(&letter.expect(201))
    };
    let claim = async |id| {
        let now = t.app.clock().now();
        let claim = store::notifications::Claim {
            id,
            holder: uuid::Uuid::nil(),
            attempt: 0,
            now,
            until: now + Duration::MINUTE,
        };
        !store::notifications::claim(&t.db().await, &[claim]).await.unwrap().is_empty()
    };
    let being_printed = post().await;
    assert!(claim(being_printed).await);
    refused(delete(&client, being_printed).await, 409);
    assert_eq!(t.status(being_printed).await, NotificationStatus::Created);
    let called_back = post().await;
    delete(&client, called_back).await.expect(200);
    assert!(!claim(called_back).await);
    t.end_as_it_is().await;
}

#[tokio::test]
async fn nothing_else_is_called_back() {
    let (t, client, _) = start(10).await;
    let sent = client.send_sms("07700900123").await;
    assert_eq!(
        refused(delete(&client, sent).await, 400),
        "Notification cannot be cancelled - only letters and scheduled messages can be cancelled"
    );
    let other = t.client().await;
    for unknown in [sent, NotificationId(uuid::Uuid::nil())] {
        assert_eq!(refused(delete(&other, unknown).await, 404), "No result found");
    }
    let url = format!("{}/v2/notifications/{sent}", t.url);
    assert_eq!(t.http.delete(url).send().await.unwrap().status(), 401);
    assert_eq!(t.status(sent).await, NotificationStatus::Created);
    delete(&client, "pigeon").await.expect(405);
    t.end_as_it_is().await;
}
