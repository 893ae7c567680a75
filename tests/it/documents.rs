//! Files by email (public API contract §3.9): what is refused and in which words, what the store is
//! given, what the recipient gets.

use domain::KeyType;
use serde_json::{Value, json};
use stub::Kind;

use crate::app::{Answer, Client, TestApp, id};

const PATH: &str = "/v2/notifications/email";
const ADA: &str = "Ada@example.com";

/// A system whose files go to Notify's own store.
async fn with_notifys_store() -> TestApp {
    TestApp::with_app(|config, stub| {
        config.documents.document_download_host_internal = Some(stub.url.parse().unwrap());
        config.documents.document_download_key = Some("auth-token".into());
        config.documents.document_download_host = Some("https://documents.example".to_owned());
    })
    .await
}

/// Gives the service what it needs to send files.
async fn set_up(t: &TestApp, client: &Client) {
    let sql = "UPDATE services SET contact_link = 'https://example.com/help' WHERE id = $1";
    assert_eq!(t.db().await.execute(sql, &[&client.service.id]).await.unwrap(), 1);
}

fn email(client: &Client, to: &str, file: Value) -> Value {
    json!({ "email_address": to, "template_id": client.email,
            "personalisation": { "name": file } })
}

#[track_caller]
fn refusals(answer: Answer) -> Vec<(String, String)> {
    let body = answer.expect(400);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let errors = body["errors"].as_array().unwrap();
    errors.iter().map(|error| (text(&error["error"]), text(&error["message"]))).collect()
}

#[track_caller]
fn refused(answer: Answer, message: &str) {
    assert_eq!(refusals(answer), [("BadRequestError".to_owned(), message.to_owned())]);
}

async fn count(t: &TestApp, sql: &str) -> i64 {
    t.db().await.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_file_is_uploaded_and_its_link_takes_its_place_3_9() {
    let t = with_notifys_store().await;
    let client = t.client().await;
    set_up(&t, &client).await;
    let body = json!({
        "email_address": ADA, "template_id": client.email,
        "personalisation": {
            "name": { "file": "YSxi", "is_csv": true, "retention_period": "4 weeks" },
            // As the Node client sends it, and not in the template.
            "documents": { "file": "JVBERi0xLjUgdGVzdHBkZg==", "filename": null,
                           "confirm_email_before_download": null, "retention_period": null },
            "third": { "file": "YQ==", "filename": "a.txt", "confirm_email_before_download": false },
            "fourth": { "filename": "no file" },
        },
    });
    let accepted = client.post(PATH, &body).await.expect(201);
    let received = t.stub.received(Kind::Documents);
    let requests: Vec<&Value> = received.iter().map(|received| &received["request"]).collect();
    assert_eq!(
        requests,
        [
            &json!({ "document": "YSxi", "is_csv": true, "retention_period": "4 weeks",
                     "confirmation_email": ADA }),
            &json!({ "document": "JVBERi0xLjUgdGVzdHBkZg==", "is_csv": false,
                     "retention_period": "26 weeks", "confirmation_email": ADA }),
            &json!({ "document": "YQ==", "is_csv": false, "retention_period": "26 weeks",
                     "filename": "a.txt" }),
        ]
    );
    assert!(received[0]["trace_id"].is_string());
    let first = received[0]["id"].as_str().unwrap();
    let service = client.service.id;
    let link = format!("https://documents.example/d/{service}/{first}?key=secret");
    assert_eq!(accepted["content"]["body"], format!("Hello {link}\r\n\r\nBye"));
    let sql = "SELECT _personalisation, document_download_count FROM notifications WHERE id = $1";
    let row = t.db().await.query_one(sql, &[&id(&accepted)]).await.unwrap();
    let stored: Value = t.signer.unsign(row.get(0)).unwrap();
    assert_eq!(stored["name"], link);
    assert!(stored["documents"].as_str().unwrap().starts_with("https://documents.example/d/"));
    assert_eq!(stored["fourth"], json!({ "filename": "no file" }), "an ordinary value");
    assert_eq!(row.get::<_, Option<i32>>(1), Some(3));
    t.drain().await;
    let sent = t.received(Kind::Emails, 1).await.remove(0).to_string();
    assert!(sent.contains(&link), "{sent}");

    // One without a file counts none.
    let plain = client.send_email("bob@example.com").await;
    let row = t.db().await.query_one(sql, &[&plain]).await.unwrap();
    assert_eq!(row.get::<_, Option<i32>>(1), None);
    t.end_as_it_is().await;
}

#[tokio::test]
async fn files_are_checked_in_the_contracts_order_and_words_3_9() {
    let t = with_notifys_store().await;
    let client = t.client().await;
    let team = t.client_of(client.service.clone(), KeyType::Team).await;
    let faulty = || json!({ "file": 5, "retention_period": "79 weeks", "x": 1 });
    // The recipient comes first, then the file, then the service's contact details.
    refused(
        team.post(PATH, &email(&team, "stranger@example.com", faulty())).await,
        "Can’t send to this recipient using a team-only API key",
    );
    let messages = [
        "Additional properties are not allowed (x was unexpected)",
        "file 5 is not of type string",
        "retention_period Unsupported value for retention_period: 79 weeks. Supported periods are \
         from 1 to 78 weeks.",
    ];
    let faults = messages.map(|text| ("ValidationError".to_owned(), text.to_owned()));
    let simulated = "simulate-delivered@notifications.service.gov.uk";
    for to in [ADA, simulated] {
        assert_eq!(refusals(client.post(PATH, &email(&client, to, faulty())).await), faults);
    }
    // The first bad one stops.
    let mut two = email(&client, ADA, json!({ "file": "YQ==" }));
    two["personalisation"]["b"] = faulty();
    two["personalisation"]["c"] = json!({ "file": null });
    assert_eq!(refusals(client.post(PATH, &two).await), faults);
    let service = client.service.id;
    let not_set_up = format!(
        "Send files by email has not been set up - add contact details for your service at \
         https://admin.example/services/{service}/service-settings/send-files-by-email"
    );
    for to in [ADA, simulated] {
        let body = email(&client, to, json!({ "file": "YQ==" }));
        refused(client.post(PATH, &body).await, &not_set_up);
    }
    let mut named = email(&client, ADA, json!({ "file": "YQ==" }));
    named["sanitise_content_for"] = json!(["name"]);
    assert_eq!(refusals(client.post(PATH, &named).await)[0].0, "ValidationError");

    assert_eq!(t.stub.received(Kind::Documents), Vec::<Value>::new(), "nothing was uploaded");
    assert_eq!(count(&t, "SELECT count(*) FROM notifications").await, 0);
    t.end().await;
}

#[tokio::test]
async fn what_the_store_refuses_is_told_and_what_it_fails_at_is_not_3_9() {
    let t = with_notifys_store().await;
    let client = t.client().await;
    set_up(&t, &client).await;
    let virus = email(&client, ADA, json!({ "file": "WDVPIVAlQEFQ" }));
    refused(client.post(PATH, &virus).await, "File did not pass the virus scan");
    let away = email(&client, ADA, json!({ "file": "dW5hdmFpbGFibGU=" }));
    let told = client.post(PATH, &away).await.expect(500);
    assert_eq!(told["errors"][0]["message"], "Internal server error");
    assert_eq!(count(&t, "SELECT count(*) FROM notifications").await, 0);
    t.end().await;
}

#[tokio::test]
async fn simulated_recipients_get_a_link_and_no_file_is_uploaded_3_9() {
    let t = with_notifys_store().await;
    let client = t.client().await;
    set_up(&t, &client).await;
    let to = "Simulate-Delivered-2@notifications.service.gov.uk";
    let body = email(&client, to, json!({ "file": "YQ==" }));
    let accepted = client.post(PATH, &body).await.expect(201);
    let service = client.service.id;
    let link = format!("https://documents.example/services/{service}/documents/test-document");
    assert_eq!(accepted["content"]["body"], format!("Hello {link}\r\n\r\nBye"));
    assert_eq!(t.stub.received(Kind::Documents), Vec::<Value>::new());
    t.end().await;
}

#[tokio::test]
async fn an_email_is_measured_with_its_link_and_not_with_its_file_3_9() {
    let t = with_notifys_store().await;
    let client = t.client().await;
    set_up(&t, &client).await;
    // Six times over, the file would be more than an email may be.
    let db = t.db().await;
    let body = "((file)) ((file)) ((file)) ((file)) ((file)) ((file))";
    let template = testkit::template(&db, &client.service).email("Files", body).create().await;
    let file = json!({ "file": "YWFh".repeat(400_000) });
    let body = json!({ "email_address": ADA, "template_id": template,
                       "personalisation": { "file": file } });
    let accepted = client.post(PATH, &body).await.expect(201);
    assert!(accepted["content"]["body"].as_str().unwrap().len() < 1000);
    t.end_as_it_is().await;
}

#[tokio::test]
async fn a_test_key_uploads_too_3_9() {
    let t = with_notifys_store().await;
    let client = t.client().await;
    set_up(&t, &client).await;
    let test = t.client_of(client.service.clone(), KeyType::Test).await;
    test.post(PATH, &email(&test, ADA, json!({ "file": "YQ==" }))).await.expect(201);
    assert_eq!(t.stub.received(Kind::Documents).len(), 1);
    t.end_as_it_is().await;
}
