//! `POST /v2/notifications/bulk`: a file of recipients, and what becomes of it.

use std::fmt::Write;

use domain::{JobId, KeyType, Permission};
use futures_util::StreamExt;
use providers::objects::Bucket;
use serde_json::{Value, json};
use stub::Kind;
use time::Duration;

use crate::app::{Client, TestApp};

const PATH: &str = "/v2/notifications/bulk";

async fn start(
    change: impl for<'a> FnOnce(testkit::ServiceBuilder<'a>) -> testkit::ServiceBuilder<'a>,
) -> (TestApp, Client) {
    let t = TestApp::start().await;
    let db = t.db().await;
    let service = change(testkit::service(&db).live()).create().await;
    let client = t.client_of(service, KeyType::Normal).await;
    (t, client)
}

fn csv(client: &Client, csv: &str) -> Value {
    json!({ "template_id": client.sms, "name": "people.csv", "csv": csv })
}

/// The faults of a refused file: code, row, column.
async fn faults(client: &Client, body: &Value) -> Vec<(String, Option<u64>, Option<String>)> {
    let body = client.post(PATH, body).await.expect(400);
    assert_eq!(body["status_code"], 400);
    let of = |error: &Value| {
        assert_eq!(error["error"], "ValidationError");
        assert!(error["message"].is_string());
        (
            error["code"].as_str().unwrap_or_default().to_owned(),
            error["row"].as_u64(),
            error["column"].as_str().map(str::to_owned),
        )
    };
    body["errors"].as_array().unwrap().iter().map(of).collect()
}

async fn jobs(t: &TestApp) -> i64 {
    t.db().await.query_one("SELECT count(*) FROM jobs", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_file_becomes_a_job_that_can_be_followed() {
    let (t, client) = start(|service| service).await;
    let text = "phone number,name,reference\n07700900001,\"Ada, Countess\",a\n07700900002,Bob,b\n";
    let accepted = client.post(PATH, &csv(&client, text)).await.expect(201);
    let (id, base) = (accepted["id"].as_str().unwrap().to_owned(), &t.url);
    let uri = format!("{base}/v2/jobs/{id}");
    let template = json!({ "id": client.sms, "version": 1,
                           "uri": format!("{base}/v2/template/{}/version/1", client.sms) });
    assert_eq!(
        accepted,
        json!({ "id": id, "name": "people.csv", "status": "pending", "scheduled_for": null,
                "notification_count": 2, "template": template, "uri": uri })
    );
    let path = format!("/v2/jobs/{id}");
    let job = client.get(&path).await.expect(200);
    assert_eq!((&job["status"], &job["notifications"]), (&json!("pending"), &json!({})));
    t.drain().await;
    t.received(Kind::Sms, 2).await;
    t.advance(Duration::minutes(2));
    t.fire("update-status-of-fully-processed-jobs").await;
    t.drain().await;
    let job = client.get(&path).await.expect(200);
    assert_eq!(job["status"], "finished all notifications created");
    let counted: i64 =
        job["notifications"].as_object().unwrap().values().map(|n| n.as_i64().unwrap()).sum();
    assert_eq!((counted, &job["notification_count"]), (2, &json!(2)));
    let listed = client.get("/v2/notifications?include_jobs=true&reference=a").await.expect(200);
    assert_eq!(listed["notifications"][0]["body"], "Hello Ada, Countess");

    // The admin app shows it with whoever made the key.
    let author = "SELECT created_by_id FROM jobs WHERE id = $1::text::uuid";
    let author: uuid::Uuid = t.db().await.query_one(author, &[&id]).await.unwrap().get(0);
    assert_eq!(author, client.service.user_id);
    let other = t.client().await;
    other.get(&path).await.expect(404);
    client.get("/v2/jobs/pigeon").await.expect(400);
    t.end_as_it_is().await;
}

#[tokio::test]
async fn rows_may_come_as_json() {
    let (t, client) = start(|service| service).await;
    let rows =
        json!([["phone number", "Name"], ["07700900001", "a \"b\", c\nd"], ["07700900002", 5]]);
    let body = json!({ "template_id": client.sms, "rows": rows });
    let accepted = client.post(PATH, &body).await.expect(201);
    assert_eq!(
        (&accepted["name"], &accepted["notification_count"]),
        (&json!("bulk.csv"), &json!(2))
    );
    t.drain().await;
    t.received(Kind::Sms, 2).await;
    let listed = client.get("/v2/notifications?include_jobs=true").await.expect(200);
    let mut bodies: Vec<&str> = listed["notifications"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| found["body"].as_str().unwrap())
        .collect();
    bodies.sort_unstable();
    assert_eq!(bodies, ["Hello 5", "Hello a \"b\", c\nd"]);
    for rows in [json!([]), json!(5), json!([5]), json!([["phone number"], [{}]])] {
        let body = json!({ "template_id": client.sms, "rows": rows });
        client.post(PATH, &body).await.expect(400);
    }
    t.end_as_it_is().await;
}

#[tokio::test]
async fn every_fault_is_told_with_its_place_and_nothing_is_stored() {
    let (t, client) = start(|service| service).await;
    let of = async |text: &str| faults(&client, &csv(&client, text)).await;
    let fault = |code: &str, row: Option<u64>, column: Option<&str>| {
        (code.to_owned(), row, column.map(str::to_owned))
    };
    assert_eq!(of("phone number,name\n").await, [fault("no-rows", None, None)]);
    assert_eq!(
        of("telephone\n1\n").await,
        [
            fault("no-recipients", None, None),
            fault("missing-column", None, Some("name")),
            fault("missing-column", None, Some("phone number")),
        ]
    );
    assert_eq!(of("phone number,name,Phone Number\n1,Ada,2\n").await[0].0, "duplicate-column");
    let long = "x".repeat(919);
    let text =
        format!("phone number,name\n07700900001,Ada\n0770,Bob\n07700900002,\n07700900003,{long}");
    assert_eq!(
        of(&text).await,
        [
            fault("invalid-phone-number", Some(3), Some("phonenumber")),
            fault("missing", Some(4), Some("name")),
            fault("too-long", Some(5), None),
        ]
    );
    let mut many = "phone number,name\n".to_owned();
    for _ in 0..25 {
        writeln!(many, "1,Ada").unwrap();
    }
    let faults = of(&many).await;
    assert_eq!((faults.len(), faults[20].0.as_str()), (21, "more-rows"));
    client.post(PATH, &json!({ "csv": "a\n1" })).await.expect(400);
    assert_eq!(jobs(&t).await, 0);
    t.end().await;
}

#[tokio::test]
async fn files_have_limits() {
    let (t, client) = start(|service| service.sms_limit(2)).await;
    let rows = |count: usize| {
        let mut text = "phone number,name\n".to_owned();
        for _ in 0..count {
            writeln!(text, "07700900001,Ada").unwrap();
        }
        csv(&client, &text)
    };
    let over = client.post(PATH, &rows(3)).await;
    assert!(
        over.headers.contains_key("ratelimit-remaining")
            && over.headers.contains_key("retry-after")
    );
    over.expect(429);
    let too_many = faults(&client, &rows(50_001)).await;
    assert_eq!(too_many, [("too-many-rows".to_owned(), None, None)]);
    assert_eq!(jobs(&t).await, 0);
    client.post(PATH, &rows(2)).await.expect(201);
    t.drain().await;
    t.end_as_it_is().await;
}

fn rows(client: &Client, count: usize) -> Value {
    let mut text = "phone number,name\n".to_owned();
    for row in 0..count {
        writeln!(text, "07700 9{:05},Ada", row + 100).unwrap();
    }
    csv(client, &text)
}

/// Whatever is accepted is sent: the second is refused at once, and not found out by a worker.
#[tokio::test]
async fn files_that_fit_into_the_day_one_by_one_are_not_both_accepted() {
    let (t, client) = start(|service| service.sms_limit(5)).await;
    let three = rows(&client, 3);
    let (first, second) = tokio::join!(client.post(PATH, &three), client.post(PATH, &three));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 429]);
    let accepted = if first.status == 201 { first } else { second };
    assert_eq!(jobs(&t).await, 1);
    let files = t.app.objects().list(&Bucket::CsvUpload.at("")).await.unwrap();
    assert_eq!(files.count().await, 1, "that of the other is gone");
    // The rows have their places in the day before they are messages, and only once.
    let single = json!({ "phone_number": "07700900123", "template_id": client.sms,
                         "personalisation": { "name": "Ada" } });
    client.post("/v2/notifications/sms", &single).await.expect(201);
    t.drain().await;
    t.received(Kind::Sms, 4).await;
    client.post("/v2/notifications/sms", &single).await.expect(201);
    client.post("/v2/notifications/sms", &single).await.expect(429);
    let path = format!("/v2/jobs/{}", accepted.expect(201)["id"].as_str().unwrap());
    assert_eq!(client.get(&path).await.expect(200)["status"], "finished");
    t.end_as_it_is().await;
}

#[tokio::test]
async fn a_file_that_is_not_stored_gives_back_its_places_in_the_day() {
    let (t, client) = start(|service| service.sms_limit(3)).await;
    let db = t.db().await;
    let fails = "ALTER TABLE jobs ADD CONSTRAINT no_more CHECK (notification_count < 3)";
    db.execute(fails, &[]).await.unwrap();
    client.post(PATH, &rows(&client, 3)).await.expect(500);
    db.execute("ALTER TABLE jobs DROP CONSTRAINT no_more", &[]).await.unwrap();
    client.post(PATH, &rows(&client, 3)).await.expect(201);
    client.post(PATH, &rows(&client, 1)).await.expect(429);
    t.drain().await;
    t.end_as_it_is().await;
}

#[tokio::test]
async fn a_file_waits_for_its_time() {
    let (t, client) = start(|service| service.sms_limit(2)).await;
    let may = Permission::ScheduleNotifications;
    let (db, now) = (t.db().await, t.app.clock().now());
    store::permissions::grant(&db, client.service.id, may, now).await.unwrap();
    let at = t.app.clock().now() + Duration::hours(2);
    let written = at.format(&time::format_description::well_known::Rfc3339).unwrap();
    let sender = "INSERT INTO service_sms_senders (id, service_id, sms_sender, is_default, archived,
            created_at) VALUES (gen_random_uuid(), $1, 'Pigeons', false, false, now()) RETURNING id";
    let sender: uuid::Uuid = db.query_one(sender, &[&client.service.id]).await.unwrap().get(0);
    let mut body = rows(&client, 2);
    body["scheduled_for"] = json!(written);
    body["sms_sender_id"] = json!(sender);
    let accepted = client.post(PATH, &body).await.expect(201);
    assert_eq!(accepted["status"], "scheduled");
    let due = accepted["scheduled_for"].as_str().unwrap();
    assert_eq!(due[..16], written[..16]);
    let path = format!("/v2/jobs/{}", accepted["id"].as_str().unwrap());
    let job = client.get(&path).await.expect(200);
    assert_eq!((&job["status"], &job["scheduled_for"]), (&json!("scheduled"), &json!(due)));
    client.post(PATH, &rows(&client, 1)).await.expect(429); // it has its places in the day

    assert_eq!(t.drain().await, 0);
    t.fire("run-scheduled-jobs").await;
    t.drain().await;
    assert_eq!(client.get(&path).await.expect(200)["status"], "scheduled", "it is not time yet");
    t.advance(Duration::hours(2));
    t.fire("run-scheduled-jobs").await;
    while t.app.relay_once().await.unwrap() + t.drain().await > 0 {}
    let sent = t.received(Kind::Sms, 2).await;
    assert_eq!(sent[0]["request"]["sender"], "Pigeons");
    assert_eq!(client.get(&path).await.expect(200)["status"], "finished");
    body["scheduled_for"] = json!("yesterday");
    client.post(PATH, &body).await.expect(400);
    t.end_as_it_is().await;
}

/// Unlike single messages, which are sent at once then: there are many, and it is no format of Notify's.
#[tokio::test]
async fn who_may_not_schedule_is_told() {
    let (t, client) = start(|service| service).await;
    let refused = async |body: &mut Value| {
        let at = t.app.clock().now() + Duration::hours(2);
        let written = at.format(&time::format_description::well_known::Rfc3339).unwrap();
        body["scheduled_for"] = json!(written);
        let refused = client.post(PATH, body).await.expect(400);
        refused["errors"][0]["message"].as_str().unwrap().to_owned()
    };
    let told = refused(&mut rows(&client, 1)).await;
    assert_eq!(told, "Service is not allowed to schedule text messages");
    let db = t.db().await;
    let letter = testkit::template(&db, &client.service).letter("Hello", "Dear all");
    let mut letters = rows(&client, 1);
    letters["template_id"] = json!(letter.create().await);
    assert_eq!(refused(&mut letters).await, "Service is not allowed to schedule letters");
    assert_eq!(jobs(&t).await, 0);
    t.end().await;
}

#[tokio::test]
async fn a_file_of_the_same_key_is_one_job() {
    let (t, client) = start(|service| service).await;
    let body = csv(&client, "phone number,name\n07700900001,Ada\n");
    let first = client.post_once(PATH, "key", &body).await.expect(201);
    assert_eq!(client.post_once(PATH, "key", &body).await.expect(201), first);
    assert_eq!(jobs(&t).await, 1);
    let id: JobId = first["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(first["uri"], format!("{}/v2/jobs/{id}", t.url));
    t.drain().await;
    t.end_as_it_is().await;
}

#[tokio::test]
async fn only_who_may_send_to_all_rows_may_send_a_file() {
    let t = TestApp::start().await;
    let db = t.db().await;
    let text = "phone number,name\n07700900001,Ada\n";
    let service = testkit::service(&db).live().create().await;
    for key_type in [KeyType::Team, KeyType::Test] {
        let client = t.client_of(service.clone(), key_type).await;
        client.post(PATH, &csv(&client, text)).await.expect(403);
    }
    let trial = testkit::service(&db).create().await;
    let mine = trial.user_mobile.clone();
    let trial = t.client_of(trial, KeyType::Normal).await;
    trial.post(PATH, &csv(&trial, text)).await.expect(400);
    let mine = format!("phone number,name\n{mine},Ada\n");
    trial.post(PATH, &csv(&trial, &mine)).await.expect(201);
    let emails = testkit::service(&db).live().permissions(&[Permission::Email]).create().await;
    let emails = t.client_of(emails, KeyType::Normal).await;
    emails.post(PATH, &csv(&emails, text)).await.expect(400);
    assert_eq!(jobs(&t).await, 1);
    t.drain().await;
    t.end_as_it_is().await;
}
