//! `POST /v2/notifications/bulk`: a file of recipients, and what becomes of it.

use std::fmt::Write;

use domain::{JobId, KeyType, Permission};
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
        json!({ "id": id, "name": "people.csv", "status": "pending", "notification_count": 2,
                "template": template, "uri": uri })
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
