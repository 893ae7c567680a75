//! Unsubscribe links: in emails, and what posting to them does (public API contract §2.13).

use domain::{NotificationId, fernet::Fernet};
use serde_json::{Value, json};
use stub::Kind;
use time::Duration;

use crate::app::{Answer, Client, TestApp, id};

/// The key of [`TestApp`]'s links.
const KEY: &str = "dGVzdC1rZXktb2YtdGhpcnR5LXR3by1ieXRlcy1vayE=";

/// Sends an email of a template that carries a link; its id.
async fn send(t: &TestApp, client: &Client, one_click: Option<&str>) -> NotificationId {
    let db = t.db().await;
    let template = testkit::template(&db, &client.service).email("News", "Hello");
    let template = template.with_unsubscribe_link().create().await;
    let mut body = json!({ "email_address": "Ada@example.com", "template_id": template });
    if let Some(url) = one_click {
        body["one_click_unsubscribe_url"] = json!(url);
    }
    let accepted = client.post("/v2/notifications/email", &body).await.expect(201);
    assert_eq!(accepted["content"]["one_click_unsubscribe_url"], json!(one_click), "§2.2");
    id(&accepted)
}

/// What a mail program posts to; `path` begins with the id.
async fn post(t: &TestApp, path: &str) -> Answer {
    let url = format!("{}/unsubscribe/{path}", t.url);
    let request = t.http.post(url).body("List-Unsubscribe=One-Click");
    let response = request.send().await.unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.json().await.unwrap(),
    }
}

fn token(t: &TestApp, age: Duration) -> String {
    let made_at = t.app.clock().now() - age;
    Fernet::new(&KEY.into()).unwrap().token("ada@example.com", made_at, [7; 16])
}

#[track_caller]
fn refused(answer: Answer, message: &str) {
    let message = json!({ "unsubscribe request": message });
    assert_eq!(answer.expect(404), json!({ "result": "error", "message": message }));
}

async fn requests(t: &TestApp) -> i64 {
    let sql = "SELECT count(*) FROM unsubscribe_request";
    t.db().await.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn an_email_carries_its_link_in_headers_and_body_and_the_link_works_2_13() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let id = send(&t, &client, None).await;
    t.drain().await;
    let sent = t.received(Kind::Emails, 1).await.remove(0);
    let simple = &sent["request"]["Content"]["Simple"];
    let headers = simple["Headers"].as_array().unwrap();
    let header = |name: &str| {
        let header = headers.iter().find(|header| header["Name"] == name).unwrap();
        header["Value"].as_str().unwrap().to_owned()
    };
    assert_eq!(header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    let list = header("List-Unsubscribe");
    let link = list.strip_prefix('<').unwrap().strip_suffix('>').unwrap();
    let path = link.strip_prefix("https://api.example/unsubscribe/").unwrap();
    assert!(path.starts_with(&format!("{id}/")), "{path}");
    // People get a page of the admin app.
    let page = format!("https://admin.example/unsubscribe/{id}/");
    for part in ["Text", "Html"] {
        let body = simple["Body"][part]["Data"].as_str().unwrap();
        assert!(body.contains(&page), "{part}: {body}");
        assert!(body.contains("Unsubscribe from these emails"), "{part}: {body}");
    }

    let done = json!({ "result": "success", "message": "Unsubscribe successful" });
    assert_eq!(post(&t, path).await.expect(200), done);
    let sql = "SELECT q.service_id = n.service_id AND q.template_id = n.template_id
                  AND q.template_version = n.template_version AS is_its, q.email_address
             FROM unsubscribe_request q JOIN notifications n ON n.id = q.notification_id
            WHERE n.id = $1";
    let row = t.db().await.query_one(sql, &[&id]).await.unwrap();
    assert!(row.get::<_, bool>("is_its"));
    assert_eq!(row.get::<_, &str>("email_address"), "Ada@example.com");

    let shown = client.get(&format!("/v2/notifications/{id}")).await.expect(200);
    let link = shown["one_click_unsubscribe_url"].as_str().unwrap();
    assert!(link.starts_with(&format!("https://api.example/unsubscribe/{id}/")), "§2.6: {link}");
    let again = client.get(&format!("/v2/notifications/{id}")).await.expect(200);
    assert_ne!(again["one_click_unsubscribe_url"], json!(link), "a fresh token on every read");
    t.end_as_it_is().await;
}

#[tokio::test]
async fn the_clients_own_link_goes_before_ours_2_6() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let id = send(&t, &client, Some("https://example.com/stop")).await;
    t.drain().await;
    let sent = t.received(Kind::Emails, 1).await.remove(0);
    let headers = sent["request"]["Content"]["Simple"]["Headers"].to_string();
    assert!(headers.contains("<https://example.com/stop>"), "{headers}");
    let shown = client.get(&format!("/v2/notifications/{id}")).await.expect(200);
    assert_eq!(shown["one_click_unsubscribe_url"], "https://example.com/stop");
    t.end_as_it_is().await;
}

#[tokio::test]
async fn an_email_without_a_link_offers_none_2_6() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let id = client.send_email("ada@example.com").await;
    t.drain().await;
    let sent = t.received(Kind::Emails, 1).await.remove(0).to_string();
    assert!(!sent.to_lowercase().contains("unsubscribe"), "{sent}");
    let shown = client.get(&format!("/v2/notifications/{id}")).await.expect(200);
    assert_eq!(shown["one_click_unsubscribe_url"], Value::Null);
    t.end_as_it_is().await;
}

#[tokio::test]
async fn a_request_waits_once_until_its_service_has_worked_through_it_2_13() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let (db, now) = (t.db().await, t.app.clock().now());
    let message = testkit::message(&client.service, client.email, now).email();
    let id = message.live(&db).await;
    let path = format!("{id}/{}", token(&t, Duration::ZERO));
    let posts = (0..8).map(|_| post(&t, &path));
    for answer in futures_util::future::join_all(posts).await {
        answer.expect(200);
    }
    assert_eq!(requests(&t).await, 1);
    db.batch_execute(
        "WITH report AS (
            INSERT INTO unsubscribe_request_report
                (id, service_id, earliest_timestamp, latest_timestamp, processed_by_service_at,
                 count, created_at)
            SELECT gen_random_uuid(), service_id, now(), now(), now(), 1, now()
              FROM unsubscribe_request RETURNING id)
        UPDATE unsubscribe_request SET unsubscribe_request_report_id = (SELECT id FROM report)",
    )
    .await
    .unwrap();
    post(&t, &path).await.expect(200);
    assert_eq!(requests(&t).await, 2);
    t.end().await;
}

#[tokio::test]
async fn links_are_refused_in_the_contracts_words_and_order_2_13() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let (db, now) = (t.db().await, t.app.clock().now());
    let message = || testkit::message(&client.service, client.email, now).email();
    let (live, archived) = (message().live(&db).await, message().archived(&db).await);
    let nil = uuid::Uuid::nil();
    let bad = "This is not a valid unsubscribe link.";
    refused(post(&t, &format!("{nil}/nonsense")).await, bad); // before it is looked up
    let too_old = token(&t, Duration::days(365) + Duration::minutes(1));
    refused(post(&t, &format!("{live}/{too_old}")).await, bad);
    let other = Fernet::new(&format!("{}=", "A".repeat(43)).into()).unwrap();
    let other = other.token("ada@example.com", now, [7; 16]);
    refused(post(&t, &format!("{live}/{other}")).await, bad);
    let unknown = "This unsubscribe link is invalid or expired.";
    refused(post(&t, &format!("{nil}/{}", token(&t, Duration::ZERO))).await, unknown);
    assert_eq!(requests(&t).await, 0);

    let oldest = token(&t, Duration::days(365) - Duration::minutes(1));
    post(&t, &format!("{live}/{oldest}")).await.expect(200);
    post(&t, &format!("{archived}/{oldest}")).await.expect(200);
    assert_eq!(requests(&t).await, 2);

    let missed = post(&t, &format!("x/{oldest}")).await.expect(404);
    assert!(missed["message"].as_str().unwrap().contains("was not found on the server"));
    let get = t.http.get(format!("{}/unsubscribe/{live}/{oldest}", t.url)).send().await.unwrap();
    assert_eq!(
        (get.status().as_u16(), &get.headers()["allow"]),
        (405, &"OPTIONS, POST".parse().unwrap())
    );
    t.end().await;
}
