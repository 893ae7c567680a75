//! `POST /v2/notifications/…`: what is accepted, what is refused and in which words, what is stored
//! and queued.

use domain::{KeyType, NotificationStatus, Permission};
use serde_json::{Value, json};
use stub::Kind;

use crate::app::{Answer, TestApp, id};

/// The first error of a v2 answer with this status.
#[track_caller]
fn refusal(answer: Answer, status: u16) -> (String, String) {
    let body = answer.expect(status);
    assert_eq!(body["status_code"], status);
    let error = &body["errors"][0];
    (error["error"].as_str().unwrap().to_owned(), error["message"].as_str().unwrap().to_owned())
}

#[track_caller]
fn bad_request(answer: Answer, message: &str) {
    assert_eq!(refusal(answer, 400), ("BadRequestError".to_owned(), message.to_owned()));
}

fn sms(template: &impl std::fmt::Display, number: &str) -> Value {
    json!({ "phone_number": number, "template_id": template.to_string(),
            "personalisation": { "name": "Ada" }, "reference": "mine" })
}

/// The answer of §2.1, and what §2.6 shows before and after it is sent.
#[tokio::test]
async fn an_sms_is_stored_queued_and_shown() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let answer = client.post("/v2/notifications/sms", &sms(&client.sms, "07700 900 009")).await;
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    assert!(answer.headers.contains_key("x-b3-traceid"));
    let accepted = answer.expect(201);
    let id = id(&accepted);
    let base = &t.url;
    assert_eq!(
        accepted,
        json!({
            "id": id, "reference": "mine",
            "content": { "body": "Hello Ada", "from_number": "GOVUK" },
            "uri": format!("{base}/v2/notifications/{id}"),
            "template": { "id": client.sms, "version": 1, "uri":
                format!("{base}/services/{}/templates/{}", client.service.id, client.sms) },
            "scheduled_for": null,
        })
    );
    let shown = client.get(&format!("/v2/notifications/{id}")).await.expect(200);
    assert_eq!(shown["status"], "created");
    assert_eq!(shown["phone_number"], "07700 900 009");
    assert_eq!((&shown["body"], &shown["subject"]), (&json!("Hello Ada"), &Value::Null));
    assert_eq!((&shown["is_cost_data_ready"], &shown["cost_details"]), (&json!(false), &json!({})));
    assert_eq!(t.drain().await, 1, "one task was queued");
    t.received(Kind::Sms, 1).await;
    let shown = client.get(&format!("/v2/notifications/{id}")).await.expect(200);
    assert_eq!(shown["cost_in_pounds"], json!(0.024));
    assert_eq!(
        shown["cost_details"],
        json!({ "billable_sms_fragments": 1, "international_rate_multiplier": 1.0, "sms_rate": 0.024 })
    );
    t.end().await;
}

/// The answer of §2.2, and what §2.6 shows.
#[tokio::test]
async fn an_email_is_stored_queued_and_shown() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let body = json!({
        "email_address": " Ada@Example.com ", "template_id": client.email,
        "personalisation": { "name": "User, [click here](https://evil.link)" },
        "sanitise_content_for": ["name"],
        "one_click_unsubscribe_url": "https://example.com/stop",
    });
    let accepted = client.post("/v2/notifications/email", &body).await.expect(201);
    let id = id(&accepted);
    let local_part = accepted["content"]["from_email"].as_str().unwrap();
    assert!(local_part.ends_with("@postroom.example"), "{local_part}");
    assert_eq!(accepted["content"]["body"], "Hello User, \\[click here\\]\\(\\)\r\n\r\nBye");
    assert_eq!(accepted["content"]["one_click_unsubscribe_url"], "https://example.com/stop");
    assert_eq!(
        accepted["sanitised_content"],
        json!({ "name": { "unsanitised": "User, [click here](https://evil.link)",
                          "sanitised": "User, \\[click here\\]\\(\\)" } })
    );
    let shown = client.get(&format!("/v2/notifications/{id}")).await.expect(200);
    assert_eq!(shown["email_address"], "Ada@Example.com");
    assert_eq!((&shown["cost_in_pounds"], &shown["type"]), (&json!(0.0), &json!("email")));
    t.end_as_it_is().await; // what was accepted stays queued
}

/// The words of §2.5, in the order of §3.
#[tokio::test]
async fn refusals_come_in_the_contracts_words_and_order() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let db = t.db().await;
    let archived = testkit::template(&db, &client.service).archived().create().await;
    let blank = testkit::template(&db, &client.service).sms("((a))((b))").create().await;
    let long = testkit::template(&db, &client.service).sms(&"x".repeat(919)).create().await;
    let path = "/v2/notifications/sms";

    bad_request(
        client.post(path, &sms(&uuid::Uuid::nil(), "07700900123")).await,
        "Template not found",
    );
    bad_request(
        client.post(path, &sms(&client.email, "07700900123")).await,
        "email template is not suitable for sms notification",
    );
    bad_request(
        client.post(path, &sms(&archived, "07700900123")).await,
        "Template has been deleted",
    );
    let missing = json!({ "phone_number": "07700900123", "template_id": blank,
                          "personalisation": { "B": null } });
    bad_request(client.post(path, &missing).await, "Missing personalisation: a, b");
    let empty = json!({ "phone_number": "07700900123", "template_id": blank,
                        "personalisation": { "a": "", "B": " " } });
    bad_request(client.post(path, &empty).await, "Your message is empty.");
    let file = json!({ "phone_number": "07700900123", "template_id": client.sms,
                       "personalisation": { "name": { "file": "YQ==" } } });
    bad_request(client.post(path, &file).await, "Can only send a file by email");
    let nil = uuid::Uuid::nil();
    let sender = json!({ "phone_number": "07700900123", "template_id": client.sms,
                         "personalisation": { "name": "x" }, "sms_sender_id": nil });
    let service = client.service.id;
    bad_request(
        client.post(path, &sender).await,
        &format!("sms_sender_id {nil} does not exist in database for service id {service}"),
    );
    bad_request(
        client.post(path, &sms(&long, "07700900123")).await,
        "Your message is too long. Text messages cannot be longer than 918 characters. \
         Your message is 919 characters long.",
    );
    let landline = refusal(client.post(path, &sms(&client.sms, "0117 496 0860")).await, 400);
    assert_eq!(landline, ("InvalidPhoneError".to_owned(), "Not a UK mobile number".to_owned()));
    let invalid =
        refusal(client.post(path, &json!({ "phone_number": "07700", "x": 1 })).await, 400);
    assert_eq!(
        invalid,
        ("ValidationError".to_owned(), "phone_number Not enough digits".to_owned())
    );
    assert_eq!(t.drain().await, 0, "nothing was queued");
    t.end().await;
}

/// The fields of §2.1, in the order of §0.4.
#[tokio::test]
async fn every_schema_fault_is_listed_in_order() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let body = json!({ "personalisation": ["a"], "reference": 5, "z": 1, "y": 2 });
    let answer = client.post("/v2/notifications/sms", &body).await.expect(400);
    let messages: Vec<_> = answer["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["message"].as_str().unwrap())
        .collect();
    assert_eq!(
        messages,
        [
            "reference 5 is not of type string",
            "personalisation [a] is not of type object",
            "phone_number is a required property",
            "template_id is a required property",
            "Additional properties are not allowed (y, z were unexpected)",
        ]
    );
    t.end().await;
}

/// The rules of §3.2, in the words of §2.5.
#[tokio::test]
async fn who_may_be_sent_to_depends_on_key_and_service() {
    let t = TestApp::start().await;
    let db = t.db().await;
    let trial = testkit::service(&db).create().await;
    testkit::guest(&db, &trial, "07700 900321").await;
    let normal = t.client_of(trial.clone(), KeyType::Normal).await;
    let team = t.client_of(trial.clone(), KeyType::Team).await;
    let test = t.client_of(trial, KeyType::Test).await;
    let path = "/v2/notifications/sms";
    bad_request(
        normal.post(path, &sms(&normal.sms, "07700900123")).await,
        "Can’t send to this recipient when service is in trial mode \
         – see https://www.notifications.service.gov.uk/trial-mode",
    );
    bad_request(
        team.post(path, &sms(&team.sms, "07700900123")).await,
        "Can’t send to this recipient using a team-only API key",
    );
    team.post(path, &sms(&team.sms, "+447700900321")).await.expect(201);
    test.post(path, &sms(&test.sms, "07700900123")).await.expect(201);
    let no_sms = testkit::service(&db).live().permissions(&[Permission::Email]).create().await;
    let no_sms = t.client_of(no_sms, KeyType::Normal).await;
    bad_request(
        no_sms.post(path, &sms(&no_sms.sms, "07700900123")).await,
        "Service is not allowed to send text messages",
    );
    let home = testkit::service(&db).live().permissions(&[Permission::Sms]).create().await;
    let home = t.client_of(home, KeyType::Normal).await;
    bad_request(
        home.post(path, &sms(&home.sms, "+1 202 555 0104")).await,
        "Cannot send to international mobile numbers",
    );
    t.end_as_it_is().await; // what was accepted stays queued
}

/// The rules of §3.1, in the words of §2.5.
#[tokio::test]
async fn limits_are_kept() {
    let t = TestApp::start().await;
    let db = t.db().await;
    let path = "/v2/notifications/sms";
    let service = testkit::service(&db).live().sms_limit(2).create().await;
    let client = t.client_of(service, KeyType::Normal).await;
    client.send_sms("07700900009").await;
    client.post(path, &json!({})).await.expect(400); // counts as a request, not as a message
    client.send_sms("07700900009").await;
    let over = refusal(client.post(path, &json!({})).await, 429);
    let message = "Exceeded send limits (sms: 2) for today".to_owned();
    assert_eq!(over, ("TooManyRequestsError".to_owned(), message));

    // 1 a minute: 2 in the bucket, of which one always stays.
    let service = testkit::service(&db).live().rate_limit(1).create().await;
    let client = t.client_of(service, KeyType::Normal).await;
    client.post(path, &json!({})).await.expect(400);
    let over = refusal(client.post(path, &json!({})).await, 429);
    let message = "Exceeded rate limit for key type LIVE of 1 requests per 60 seconds".to_owned();
    assert_eq!(over, ("RateLimitError".to_owned(), message));
    assert_eq!(t.drain().await, 2);
    t.end().await;
}

#[tokio::test]
async fn simulated_recipients_are_neither_stored_nor_sent() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let sms = client.send_sms("07700 900000").await;
    let email = client.send_email("simulate-delivered@notifications.service.gov.uk").await;
    for id in [sms, email] {
        client.get(&format!("/v2/notifications/{id}")).await.expect(404);
    }
    assert_eq!(t.drain().await, 0);
    t.end().await;
}

#[tokio::test]
async fn nobody_reads_another_services_notification() {
    let t = TestApp::start().await;
    let (owner, stranger) = (t.client().await, t.client().await);
    let id = owner.send_sms("07700900123").await;
    let path = format!("/v2/notifications/{id}");
    owner.get(&path).await.expect(200);
    let missing = refusal(stranger.get(&path).await, 404);
    assert_eq!(missing, ("NoResultFound".to_owned(), "No result found".to_owned()));
    let nonsense = refusal(owner.get("/v2/notifications/sms").await, 400);
    let message = "notification_id is not a valid UUID".to_owned();
    assert_eq!(nonsense, ("ValidationError".to_owned(), message));
    assert_eq!(t.status(id).await, NotificationStatus::Created);
    t.end_as_it_is().await; // what was accepted stays queued
}

/// Who calls is asked before anything else (§3), and told so (§1.4).
#[tokio::test]
async fn without_a_token_there_is_no_answer() {
    let t = TestApp::start().await;
    let url = format!("{}/v2/notifications/sms", t.url);
    let response = t.http.post(&url).body("{}").send().await.unwrap();
    assert_eq!(response.status(), 401);
    let body: Value = response.json().await.unwrap();
    let message = "Unauthorized: authentication token must be provided";
    assert_eq!(
        body,
        json!({ "status_code": 401, "errors": [{ "error": "AuthError", "message": message }] })
    );

    let response = t.http.get(format!("{}/nowhere", t.url)).send().await.unwrap();
    assert_eq!(response.status(), 404);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["result"], "error");
    let response = t.http.delete(&url).send().await.unwrap();
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers()["allow"], "GET, HEAD, OPTIONS, POST");
    t.end().await;
}

#[tokio::test]
async fn the_status_page_tells_the_schema_and_answers_head() {
    let t = TestApp::start().await;
    let url = format!("{}/_status", t.url);
    let body: Value = t.http.get(&url).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&body["status"], &body["db_version"]),
        (&json!("ok"), &json!(store::migrate::NOTIFY_HEAD))
    );
    let simple = t.http.get(format!("{url}?simple=1")).send().await.unwrap();
    assert_eq!(simple.json::<Value>().await.unwrap(), json!({ "status": "ok" }));
    assert_eq!(t.http.head(&url).send().await.unwrap().status(), 200);
    assert_eq!(t.http.get(format!("{}/metrics", t.url)).send().await.unwrap().status(), 200);
    t.end().await;
}
