//! Unsubscribe links: in emails, and what posting to them does (public API contract §2.13).

use domain::{NotificationId, ServiceId, fernet::Fernet};
use serde_json::{Value, json};
use stub::Kind;
use time::{Duration, macros::datetime};

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

/// Who looks the email up is shown such a link, too (§2.6).
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

/// Made by itsdangerous 2.2 of `Ada@example.com`, with the secret and the salt of [`TestApp`], at noon
/// on 25 November 2025.
const OLD_TOKEN: &str = "IkFkYUBleGFtcGxlLmNvbSI.aSWaQA.-Q4KQIph4YJtpPiEHsrZIa56gY8";

#[tokio::test]
async fn links_of_before_fernet_work_as_long_2_13_1_5() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let (db, made_at) = (t.db().await, datetime!(2025-11-25 12:00 UTC));
    let message = || testkit::message(&client.service, client.email, made_at).email();
    let ids = [message().live(&db).await, message().archived(&db).await, message().live(&db).await];
    let year = Duration::days(365);
    // Some mail programs take a full stop for the end of the link.
    for (id, token, age) in [
        (ids[0], OLD_TOKEN.to_owned(), Duration::ZERO),
        (ids[1], OLD_TOKEN.replace('.', "%2E"), year - Duration::minutes(1)),
        (ids[2], t.signer.token("Ada@example.com", made_at).unwrap(), year - Duration::minutes(1)),
    ] {
        t.travel_to(made_at + age);
        post(&t, &format!("{id}/{token}")).await.expect(200);
        let sql = "SELECT email_address FROM unsubscribe_request WHERE notification_id = $1";
        let row = db.query_one(sql, &[&id]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), "Ada@example.com");
    }

    let bad = "This is not a valid unsubscribe link.";
    let foreign = domain::signing::Signer::new(&["other".into()], &"test-salt".into()).unwrap();
    let foreign = foreign.token("Ada@example.com", made_at).unwrap();
    let without_time = t.signer.sign("Ada@example.com").unwrap();
    let changed = OLD_TOKEN.replacen("Ik", "Il", 1);
    t.travel_to(made_at);
    for token in [foreign, without_time, changed] {
        refused(post(&t, &format!("{}/{token}", ids[0])).await, bad);
    }
    t.travel_to(made_at + year + Duration::minutes(1));
    refused(post(&t, &format!("{}/{OLD_TOKEN}", ids[0])).await, bad);
    t.end().await;
}

#[tokio::test]
async fn what_the_admin_app_knows_of_a_services_requests_is_dropped_2_13_7_3() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let (db, now) = (t.db().await, t.app.clock().now());
    let id = testkit::message(&client.service, client.email, now).email().live(&db).await;
    let key = |service: ServiceId, what: &str| {
        format!("{{}}service-{service}-unsubscribe-request-{what}")
    };
    let ours = ["statistics", "reports-summary"].map(|what| key(client.service.id, what));
    let others = key(ServiceId(uuid::Uuid::nil()), "statistics");
    for name in ours.iter().chain([&others]) {
        assert_eq!(t.redis(&format!("SET {name} 1 EX 600")).await, "+OK");
    }
    let bad = "This is not a valid unsubscribe link.";
    refused(post(&t, &format!("{id}/nonsense")).await, bad);
    assert_eq!(t.redis(&format!("EXISTS {} {} {others}", ours[0], ours[1])).await, ":3");
    post(&t, &format!("{id}/{}", token(&t, Duration::ZERO))).await.expect(200);
    assert_eq!(t.redis(&format!("EXISTS {} {}", ours[0], ours[1])).await, ":0");
    assert_eq!(t.redis(&format!("EXISTS {others}")).await, ":1");
    t.redis(&format!("DEL {others}")).await;
    t.end().await;
}

#[tokio::test]
async fn who_unsubscribes_from_the_platforms_own_services_is_asked_no_more_2_13() {
    let [research, features] = [1, 2].map(|id| ServiceId(uuid::Uuid::from_u128(id)));
    let t = TestApp::with_app(|config, _| {
        config.own_services.research_service_id = Some(research);
        config.own_services.new_features_service_id = Some(features);
    })
    .await;
    let (db, now) = (t.db().await, t.app.clock().now());
    let user = testkit::service(&db).create().await;
    let address = user.user_email.to_uppercase();
    let fernet = Fernet::new(&KEY.into()).unwrap();
    let flags = async || {
        let sql = "SELECT take_part_in_research, receives_new_features_email FROM users
                    WHERE id = $1";
        let row = db.query_one(sql, &[&user.user_id]).await.unwrap();
        (row.get::<_, bool>(0), row.get::<_, bool>(1))
    };
    let cached = format!("{{}}user-{}", user.user_id);
    for (service, then) in [(research, (false, true)), (features, (false, false))] {
        let service = testkit::service(&db).id(service).create().await;
        let template = testkit::template(&db, &service).email("News", "Hello").create().await;
        let id = testkit::message(&service, template, now).email().live(&db).await;
        t.redis(&format!("SET {cached} 1 EX 600")).await;
        for _ in 0..2 {
            let link = format!("{id}/{}", fernet.token(&address, now, [7; 16]));
            post(&t, &link).await.expect(200);
        }
        assert_eq!(flags().await, then);
        assert_eq!(t.redis(&format!("EXISTS {cached}")).await, ":0", "§7.3");
        assert_eq!(requests(&t).await, 0, "instead of a request");
    }

    // Somebody who does not sign in here is answered like anybody else.
    let service = testkit::service(&db).create().await;
    let template = testkit::template(&db, &service).email("News", "Hello").create().await;
    for (count, id) in [
        (1, testkit::message(&service, template, now).email().live(&db).await),
        (2, first_of(&db, research).await),
    ] {
        let link = format!("{id}/{}", fernet.token("nobody@example.com", now, [7; 16]));
        post(&t, &link).await.expect(200);
        assert_eq!(requests(&t).await, count);
    }
    t.end().await;
}

/// A message of this service.
async fn first_of(db: &store::pool::Client, service: ServiceId) -> NotificationId {
    let sql = "SELECT id FROM notifications WHERE service_id = $1";
    db.query_one(sql, &[&service]).await.unwrap().get(0)
}
