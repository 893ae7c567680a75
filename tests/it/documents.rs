//! Files by email (public API contract §3.9): what is refused and in which words, what the store is
//! given, what the recipient gets.

mod attached;

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::KeyType;
use serde_json::{Value, json};
use stub::Kind;

use crate::app::{Answer, Client, TestApp, id, variable};

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

/// Also the refusals of §2.5 that are about files.
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

/// What it says is told as §2.5 has it.
#[tokio::test]
async fn what_the_store_refuses_is_told_and_what_it_fails_at_is_not_3_9() {
    let t = with_notifys_store().await;
    let client = t.client().await;
    set_up(&t, &client).await;
    let virus = email(&client, ADA, json!({ "file": "WDVPIVAlQEFQ" }));
    refused(client.post(PATH, &virus).await, "File did not pass the virus scan");
    let large = email(&client, ADA, json!({ "file": "A".repeat(((2 << 20) + 1) / 3 * 4) }));
    refused(client.post(PATH, &large).await, "Uploaded file exceeds file size limit");
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

/// A system that keeps files itself, with a service that may send them.
async fn with_our_store() -> (TestApp, Client) {
    let t = TestApp::start().await;
    let client = t.client().await;
    set_up(&t, &client).await;
    (t, client)
}

/// Sends a file, and gives the link that its recipient got, at the test's own address.
async fn link_of(t: &TestApp, client: &Client, file: Value) -> String {
    client.post(PATH, &email(client, ADA, file)).await.expect(201);
    sent_link(t).await
}

/// Has the one email sent that waits, and gives its link likewise.
async fn sent_link(t: &TestApp) -> String {
    let before = t.stub.received(Kind::Emails).len();
    t.drain().await;
    let sent = t.received(Kind::Emails, before + 1).await.pop().unwrap();
    let simple = &sent["request"]["Content"]["Simple"]["Body"];
    let text = simple["Text"]["Data"].as_str().unwrap();
    let link = text.split_whitespace().find(|word| word.contains("/documents/")).unwrap();
    let html = simple["Html"]["Data"].as_str().unwrap();
    assert!(html.contains(&format!("href=\"{link}\"")), "{html}");
    link.replace("https://api.example", &t.url)
}

/// The address of the file itself.
fn download(link: &str) -> String {
    link.replace("?key=", "/download?key=")
}

/// A page as a browser gets it, which follows no redirects here.
async fn open(request: reqwest::RequestBuilder) -> (u16, reqwest::header::HeaderMap, Vec<u8>) {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, response.bytes().await.unwrap().to_vec())
}

async fn page(t: &TestApp, link: &str) -> (u16, String) {
    let (status, headers, body) = open(t.http.get(link)).await;
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(headers["referrer-policy"], "no-referrer");
    assert_eq!(headers["x-robots-tag"], "noindex, nofollow");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(headers["cache-control"].to_str().unwrap().contains("no-store"));
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let html = String::from_utf8(body).unwrap();
    assert!(html.starts_with("<!DOCTYPE html>\n<html lang=\"en\">") && html.contains("<h1>"));
    for outside in ["<script", "src=", "url("] {
        assert!(!html.contains(outside), "{html}");
    }
    (status, html)
}

/// What a browser posts when its user has named an address.
async fn confirm(link: &str, address: &str) -> (u16, reqwest::header::HeaderMap, String) {
    let browser =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let form = [("email_address", address)];
    let (status, headers, body) = open(browser.post(link).form(&form)).await;
    (status, headers, String::from_utf8(body).unwrap())
}

#[tokio::test]
async fn infected_files_are_refused_and_unscanned_ones_are_not_kept_3_9() {
    let addresses = [variable("POSTROOM_TEST_CLAMD_ADDR"), "127.0.0.1:1".to_owned()];
    for (address, status) in addresses.into_iter().zip([201, 500]) {
        let t = TestApp::with_app(|config, _| config.antivirus.clamd_addr = Some(address)).await;
        let client = t.client().await;
        set_up(&t, &client).await;
        let file = |text: &str| json!({ "file": BASE64_STANDARD.encode(text) });
        // In two parts, so that no scanner takes this file for it.
        let virus = [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"];
        let infected = email(&client, ADA, file(&virus.concat()));
        if status == 201 {
            refused(client.post(PATH, &infected).await, "File did not pass the virus scan");
        }
        assert_eq!(count(&t, "SELECT count(*) FROM notifications").await, 0);
        let told = client.post(PATH, &email(&client, ADA, file("a,b"))).await.expect(status);
        if status == 500 {
            assert_eq!(told["errors"][0]["message"], "Internal server error");
            assert_eq!(count(&t, "SELECT count(*) FROM notifications").await, 0);
        }
        t.end_as_it_is().await;
    }
}

#[tokio::test]
async fn a_file_comes_back_byte_for_byte_from_the_link_in_the_email_3_9() {
    let (t, client) = with_our_store().await;
    let db = t.db().await;
    let sql = "UPDATE services SET name = 'Tax & <Rates>' WHERE id = $1";
    db.execute(sql, &[&client.service.id]).await.unwrap();
    let pdf = b"%PDF-1.5 \x00\xff test";
    let file = json!({ "file": "JVBERi0xLjUgAP8gdGVzdA==", "filename": "Zoë’s <b>.pdf",
                       "confirm_email_before_download": false, "retention_period": "1 week" });
    let link = link_of(&t, &client, file).await;
    let (status, html) = page(&t, &link).await;
    assert_eq!(status, 200);
    for text in [
        "Tax &amp; &lt;Rates&gt; sent you a file",
        "PDF (0.1KB)",
        "Zoë’s &lt;b&gt;.pdf",
        "href=\"https://example.com/help\"",
        "You can download it until ",
    ] {
        assert!(html.contains(text), "{text}: {html}");
    }
    let path = download(link.strip_prefix(&t.url).unwrap());
    assert!(html.contains(&format!("href=\"{path}\"")), "{html}");
    let (status, headers, body) = open(t.http.get(download(&link))).await;
    assert_eq!((status, &body[..]), (200, &pdf[..]));
    for (name, value) in [
        ("content-type", "application/pdf"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("referrer-policy", "no-referrer"),
        ("x-robots-tag", "noindex, nofollow"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    assert!(headers["cache-control"].to_str().unwrap().contains("no-store"));
    assert_eq!(
        headers["content-disposition"],
        "attachment; filename=\"Zo__s <b>.pdf\"; \
         filename*=UTF-8''Zo%C3%AB%E2%80%99s%20%3Cb%3E.pdf"
    );

    // Another key, a link cut short, a file that never was.
    let (whole, key) = link.split_once("?key=").unwrap();
    let other = format!("{whole}?key={}", key.chars().rev().collect::<String>());
    let never = link.replace(&whole[whole.len() - 32..], &"0".repeat(32));
    for link in [&other, whole, &link[..link.len() - 1], &never] {
        for address in [link.to_owned(), download(link)] {
            let (status, html) = page(&t, &address).await;
            assert_eq!(status, 404, "{address}");
            assert!(html.contains("This file is not available"), "{html}");
        }
    }
    // The last day is one in London, and the file is there until its end.
    t.advance(time::Duration::days(9));
    for address in [link.clone(), download(&link)] {
        assert_eq!(page(&t, &address).await.0, 404);
    }
    t.end_as_it_is().await;
}

#[tokio::test]
async fn a_file_is_given_to_whoever_knows_its_recipient_3_9() {
    let (t, client) = with_our_store().await;
    let link = link_of(&t, &client, json!({ "file": "YSxi", "is_csv": true })).await;
    let (status, html) = page(&t, &link).await;
    assert_eq!(status, 200);
    assert!(html.contains("<label for=\"email_address\">") && !html.contains("/download"));
    assert_eq!(page(&t, &download(&link)).await.0, 403);

    let (status, headers, html) = confirm(&link, "bob@example.com").await;
    assert_eq!(status, 400);
    assert!(html.contains("<title>Error: ") && html.contains("role=\"alert\""), "{html}");
    assert!(!headers.contains_key("set-cookie"));
    assert!(!html.contains("bob@example.com"));

    let (status, headers, _) = confirm(&link, " ada@EXAMPLE.com ").await;
    assert_eq!(status, 303);
    let path = link.strip_prefix(&t.url).unwrap();
    assert_eq!(headers["location"], path);
    let cookie = headers["set-cookie"].to_str().unwrap();
    let (kept, attributes) = cookie.split_once("; ").unwrap();
    let folder = path.split_once('?').unwrap().0;
    assert_eq!(attributes, format!("Path={folder}; Max-Age=3600; HttpOnly; SameSite=Strict"));
    let with_cookie = |address: &str| t.http.get(address).header("cookie", format!("a=b; {kept}"));
    let (_, _, html) = open(with_cookie(&link)).await;
    assert!(String::from_utf8(html).unwrap().contains("Download this CSV file"));
    let (status, headers, body) = open(with_cookie(&download(&link))).await;
    assert_eq!((status, &body[..]), (200, &b"a,b"[..]));
    assert_eq!(headers["content-type"], "text/csv");
    assert!(headers["content-disposition"].to_str().unwrap().contains("\"document.csv\""));

    // It opens no other file, and this one for an hour.
    let other = link_of(&t, &client, json!({ "file": "YSxi" })).await;
    assert_eq!(open(with_cookie(&download(&other))).await.0, 403);
    t.advance(time::Duration::minutes(61));
    assert_eq!(open(with_cookie(&download(&link))).await.0, 403);
    t.end_as_it_is().await;
}

#[tokio::test]
async fn wrong_addresses_are_counted_and_right_ones_are_not_3_9() {
    let (t, client) = with_our_store().await;
    let link = link_of(&t, &client, json!({ "file": "YSxi" })).await;
    for _ in 0..11 {
        assert_eq!(confirm(&link, ADA).await.0, 303);
    }
    // However many come at once.
    let guesses = (0..15).map(|n| {
        let link = link.clone();
        async move { confirm(&link, &format!("{n}@example.com")).await.0 }
    });
    let mut answers = futures_util::future::join_all(guesses).await;
    answers.sort_unstable();
    assert_eq!(answers, [vec![400; 10], vec![429; 5]].concat());
    let (status, _, html) = confirm(&link, ADA).await;
    assert_eq!(status, 429, "nobody finds out by trying on");
    assert!(html.contains("too many times"), "{html}");
    let other = link_of(&t, &client, json!({ "file": "YSxi" })).await;
    assert_eq!(confirm(&other, ADA).await.0, 303, "another file is another matter");
    t.end_as_it_is().await;
}

#[tokio::test]
async fn our_stores_refusals_are_told_3_9() {
    let (t, client) = with_our_store().await;
    let supported = "Supported types are: 'csv, doc, docx, jpeg, jpg, json, odt, pdf, png, rtf, \
                     txt, xlsx'";
    let long = format!("{}.csv", "a".repeat(97));
    let too_large = "AAAA".repeat(700_000);
    for (file, message) in [
        (
            json!({ "file": "R0lGODlhAA==" }),
            format!("Unsupported file type 'image/gif'. {supported}"),
        ),
        (
            json!({ "file": "YSxi", "filename": "a.exe" }),
            format!("Unsupported file type 'exe'. {supported}"),
        ),
        (
            json!({ "file": "YSxi", "filename": long }),
            "filename cannot be longer than 100 characters".to_owned(),
        ),
        (json!({ "file": too_large }), "File is larger than 2MB".to_owned()),
        (json!({ "file": "é" }), "Document is not base64 encoded".to_owned()),
    ] {
        refused(client.post(PATH, &email(&client, ADA, file)).await, &message);
    }
    assert_eq!(count(&t, "SELECT count(*) FROM notifications").await, 0);
    let simulated = "simulate-delivered@notifications.service.gov.uk";
    let body = email(&client, simulated, json!({ "file": "YSxi" }));
    let accepted = client.post(PATH, &body).await.expect(201);
    let service = client.service.id;
    let link = format!("https://api.example/services/{service}/documents/test-document");
    assert_eq!(accepted["content"]["body"], format!("Hello {link}\r\n\r\nBye"));
    t.end().await;
}

#[tokio::test]
async fn files_whose_time_is_up_are_swept_by_night_and_the_others_stay_3_9() {
    let (t, client) = with_our_store().await;
    let send = async |period: &str| {
        let file = json!({ "file": "YSxi", "retention_period": period,
                           "confirm_email_before_download": false });
        client.post(PATH, &email(&client, ADA, file)).await.expect(201);
    };
    send("1 week").await;
    send("2 weeks").await;
    let bucket = providers::objects::Bucket::Documents;
    let kept = async || {
        use futures_util::TryStreamExt;
        let listed = t.app.objects().list(&bucket.at("")).await.unwrap();
        listed.try_collect::<Vec<_>>().await.unwrap().len()
    };
    assert_eq!(kept().await, 2);
    t.drain().await;
    t.advance(time::Duration::days(6));
    assert_eq!(t.app.sweep_documents().await.unwrap(), 0);
    t.advance(time::Duration::days(3));
    t.publish(&tasks::DeleteEmailNotifications {}).await;
    t.drain().await;
    assert_eq!(kept().await, 1);
    assert_eq!(t.app.sweep_documents().await.unwrap(), 0, "a second run finds nothing");
    t.advance(time::Duration::days(7));
    assert_eq!(t.app.sweep_documents().await.unwrap(), 1);
    t.end_as_it_is().await;
}
