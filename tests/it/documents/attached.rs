//! Files that a template links to (public API contract §3 row 7, §3.9).

use domain::{KeyType, TemplateId};
use providers::objects::{Bucket, Metadata};
use serde_json::{Value, json};
use stub::Kind;
use testkit::TemplateFileBuilder;

use super::{
    ADA, PATH, TestApp, confirm, count, download, open, page, refused, sent_link,
    with_notifys_store, with_our_store,
};
use crate::app::{Client, id};

/// Makes the file and puts it where the admin app does.
async fn put(t: &TestApp, client: &Client, file: TemplateFileBuilder<'_>, bytes: &str) {
    let id = file.create().await;
    let place = Bucket::TemplateEmailFiles.at(format!("{}/{id}", client.service.id));
    t.app.objects().put(&place, bytes.to_owned(), &Metadata::new()).await.unwrap();
}

async fn template(t: &TestApp, client: &Client, body: &str) -> TemplateId {
    let db = t.db().await;
    testkit::template(&db, &client.service).email("Terms", body).create().await
}

/// A template with this body and a file, `terms.txt`, that says "Be kind".
async fn with_terms(t: &TestApp, client: &Client, body: &str) -> TemplateId {
    let (db, template) = (t.db().await, template(t, client, body).await);
    let file = testkit::template_file(&db, &client.service, template, "terms.txt");
    put(t, client, file, "Be kind").await;
    template
}

fn email(template: TemplateId, to: &str, values: Value) -> Value {
    json!({ "email_address": to, "template_id": template, "personalisation": values })
}

/// The files that Notify's store was given, as they were described.
fn uploads(t: &TestApp) -> Vec<Value> {
    t.stub
        .received(Kind::Documents)
        .into_iter()
        .map(|document| document["request"].clone())
        .collect()
}

/// §3 row 7, §3.9: what the client gave under a file's name is not looked at.
#[tokio::test]
async fn files_of_the_template_are_uploaded_and_their_links_take_their_places_3_9() {
    let t = with_notifys_store().await;
    let client = t.client().await; // no contact details: they are for files of the client's
    let body = "((name)): ((terms.txt)), ((Price list.csv))";
    let template = template(&t, &client, body).await;
    let (db, service) = (t.db().await, &client.service);
    let terms = testkit::template_file(&db, service, template, "terms.txt");
    put(&t, &client, terms.weeks(78), "Be kind").await;
    let prices = testkit::template_file(&db, service, template, "Price list.csv");
    put(&t, &client, prices.link_text("the prices").confirm_email(), "a,b").await;
    for file in [
        testkit::template_file(&db, service, template, "archived.txt").archived(),
        testkit::template_file(&db, service, template, "pending.txt").pending(),
    ] {
        put(&t, &client, file, "not live").await;
    }
    let values = json!({ "Terms.TXT": { "file": 5 }, "name": "Ada", "price-list.csv": "theirs" });
    let accepted = client.post(PATH, &email(template, ADA, values)).await.expect(201);
    assert_eq!(
        uploads(&t),
        [
            json!({ "document": "QmUga2luZA==", "is_csv": false, "retention_period": "78 weeks",
                    "filename": "terms.txt" }),
            json!({ "document": "YSxi", "is_csv": false, "retention_period": "1 week",
                    "filename": "Price list.csv", "confirmation_email": ADA }),
        ]
    );
    let link = |number: usize| {
        let document = &t.stub.received(Kind::Documents)[number];
        let id = document["id"].as_str().unwrap().to_owned();
        format!("https://documents.example/d/{}/{id}?key=secret", service.id)
    };
    let (terms, prices) = (link(0), link(1));
    let body = format!("Ada: {terms}, [the prices]({prices})");
    assert_eq!(accepted["content"]["body"], body);
    let sql = "SELECT _personalisation FROM notifications WHERE id = $1";
    let row = t.db().await.query_one(sql, &[&id(&accepted)]).await.unwrap();
    let stored: Value = t.signer.unsign(row.get(0)).unwrap();
    let links = json!({ "name": "Ada", "terms.txt": terms,
                        "Price list.csv": format!("[the prices]({prices})") });
    assert_eq!(stored, links);
    t.drain().await;
    let sent = t.received(Kind::Emails, 1).await;
    let html = sent[0]["request"]["Content"]["Simple"]["Body"]["Html"]["Data"].as_str().unwrap();
    assert!(html.contains(&format!("href=\"{terms}\"")), "{html}");
    assert!(html.contains(&format!("href=\"{prices}\"")) && html.contains(">the prices</a>"));
    t.end_as_it_is().await;
}

#[tokio::test]
async fn a_file_of_the_template_comes_back_from_the_link_in_the_email_3_9() {
    let (t, client) = with_our_store().await;
    let template = with_terms(&t, &client, "See ((terms.txt))").await;
    client.post(PATH, &email(template, ADA, json!({}))).await.expect(201);
    let link = sent_link(&t).await;
    let (status, html) = page(&t, &link).await;
    assert_eq!(status, 200);
    assert!(html.contains("terms.txt"), "{html}");
    let (status, _, body) = open(t.http.get(download(&link))).await;
    assert_eq!((status, &body[..]), (200, &b"Be kind"[..]));
    t.advance(time::Duration::days(9));
    assert_eq!(page(&t, &link).await.0, 404, "its week is over");

    let db = t.db().await;
    let confirmed = self::template(&t, &client, "((terms.txt))").await;
    let file = testkit::template_file(&db, &client.service, confirmed, "terms.txt");
    put(&t, &client, file.confirm_email(), "Be kind").await;
    client.post(PATH, &email(confirmed, ADA, json!({}))).await.expect(201);
    let link = sent_link(&t).await;
    assert_eq!(page(&t, &download(&link)).await.0, 403);
    assert_eq!(confirm(&link, "bob@example.com").await.0, 400);
    assert_eq!(confirm(&link, ADA).await.0, 303);
    t.end_as_it_is().await;
}

/// §3 row 7, §3.9: an archived file is none any more, and a pending one is none yet.
#[tokio::test]
async fn files_that_are_not_live_fill_no_placeholder_3_9() {
    let t = with_notifys_store().await;
    let client = t.client().await;
    let db = t.db().await;
    for is_archived in [true, false] {
        let template = template(&t, &client, "((terms.txt))").await;
        let file = testkit::template_file(&db, &client.service, template, "terms.txt");
        let file = if is_archived { file.archived() } else { file.pending() };
        put(&t, &client, file, "Be kind").await;
        let answer = client.post(PATH, &email(template, ADA, json!({}))).await;
        refused(answer, "Missing personalisation: terms.txt");
        let values = json!({ "terms.txt": "mine" });
        let accepted = client.post(PATH, &email(template, ADA, values)).await.expect(201);
        assert_eq!(accepted["content"]["body"], "mine");
    }
    assert_eq!(uploads(&t), Vec::<Value>::new());
    t.end_as_it_is().await;
}

/// §3 row 7, §3.9: the upload comes before every check on the content.
#[tokio::test]
async fn files_of_the_template_are_uploaded_even_if_a_later_check_fails_3_9() {
    let t = with_notifys_store().await;
    let client = t.client().await;
    let body = "((terms.txt)) ((name))";
    let template = with_terms(&t, &client, body).await;
    let answer = client.post(PATH, &email(template, ADA, json!({}))).await;
    refused(answer, "Missing personalisation: name");
    assert_eq!(uploads(&t).len(), 1);
    t.end().await;
}

#[tokio::test]
async fn a_file_of_the_template_that_is_gone_or_not_taken_is_told_as_others_are_3_9() {
    let t = with_notifys_store().await;
    let client = t.client().await;
    let (db, service) = (t.db().await, &client.service);
    let make = async || template(&t, &client, "((terms.txt))").await;
    let gone = make().await;
    testkit::template_file(&db, service, gone, "terms.txt").create().await;
    let away = make().await;
    let file = testkit::template_file(&db, service, away, "terms.txt");
    put(&t, &client, file, "unavailable").await;
    for template in [gone, away] {
        let told = client.post(PATH, &email(template, ADA, json!({}))).await.expect(500);
        assert_eq!(told["errors"][0]["message"], "Internal server error");
    }
    let infected = make().await;
    let file = testkit::template_file(&db, service, infected, "terms.txt");
    put(&t, &client, file, "X5O!P%@AP").await;
    let answer = client.post(PATH, &email(infected, ADA, json!({}))).await;
    refused(answer, "File did not pass the virus scan");
    assert_eq!(count(&t, "SELECT count(*) FROM notifications").await, 0);
    t.end().await;
}

#[tokio::test]
async fn test_keys_upload_the_templates_files_and_simulated_recipients_get_a_link_3_9() {
    let t = with_notifys_store().await;
    let client = t.client().await;
    let test = t.client_of(client.service.clone(), KeyType::Test).await;
    let template = with_terms(&t, &client, "((terms.txt))").await;
    let simulated = "Simulate-Delivered@notifications.service.gov.uk";
    let accepted = client.post(PATH, &email(template, simulated, json!({}))).await.expect(201);
    let service = client.service.id;
    let link = format!("https://documents.example/services/{service}/documents/test-document");
    assert_eq!(accepted["content"]["body"], link);
    assert_eq!(uploads(&t), Vec::<Value>::new());
    test.post(PATH, &email(template, ADA, json!({}))).await.expect(201);
    assert_eq!(uploads(&t).len(), 1);
    t.end_as_it_is().await;
}

/// §3.9, and tasks contract §1.1: such rows have a queue of their own. The files are those of the
/// job's version of the template, whatever has become of them since.
#[tokio::test]
async fn emails_of_a_job_link_to_the_templates_files_and_need_no_column_for_them_3_9() {
    let (t, client) = with_our_store().await;
    let body = "Dear ((name)), see ((terms.txt))";
    let template = with_terms(&t, &client, body).await;
    let job = |csv: &str| json!({ "template_id": template, "csv": csv });
    let told =
        client.post("/v2/notifications/bulk", &job("email address\nada@example.com\n")).await;
    let missing: Vec<Value> = told.expect(400)["errors"].as_array().unwrap().clone();
    assert_eq!((missing.len(), &missing[0]["column"]), (1, &json!("name")));
    let csv = "email address,name\nada@example.com,Ada\nbob@example.com,Bob\n";
    client.post("/v2/notifications/bulk", &job(csv)).await.expect(201);

    let db = t.db().await;
    for sql in [
        "UPDATE templates SET content = 'Dear ((name))', version = 2 WHERE id = $1",
        "INSERT INTO templates_history SELECT * FROM templates WHERE id = $1",
        "UPDATE template_email_files SET archived_at = now(), version = 2, template_version = 2
          WHERE template_id = $1",
        "INSERT INTO template_email_files_history
         SELECT * FROM template_email_files WHERE template_id = $1",
    ] {
        assert_eq!(db.execute(sql, &[&template]).await.unwrap(), 1);
    }
    assert_eq!(t.drain_only(&["job-tasks"]).await, 2);
    assert_eq!(t.drain_only(&["database-tasks"]).await, 0);
    assert_eq!(t.drain_only(&["database-tasks-documents"]).await, 2);
    t.drain().await;
    let links: Vec<String> = t
        .received(Kind::Emails, 2)
        .await
        .iter()
        .map(|sent| {
            let text = sent["request"]["Content"]["Simple"]["Body"]["Text"]["Data"].as_str();
            let link = text.unwrap().split_whitespace().find(|word| word.contains("/documents/"));
            link.unwrap().replace("https://api.example", &t.url)
        })
        .collect();
    assert_ne!(links[0], links[1], "a link for each recipient");
    for link in links {
        assert_eq!(open(t.http.get(download(&link))).await.2, b"Be kind");
    }
    t.end_as_it_is().await;
}

/// §3.9: its row stays missing, and is one of those that are looked for.
#[tokio::test]
async fn an_email_of_a_job_waits_for_a_file_of_the_template_that_is_gone_3_9() {
    let (t, client) = with_our_store().await;
    let (db, service) = (t.db().await, &client.service);
    let template = template(&t, &client, "((terms.txt))").await;
    let file = testkit::template_file(&db, service, template, "terms.txt").create().await;
    let body = json!({ "template_id": template, "csv": "email address\nada@example.com\n" });
    client.post("/v2/notifications/bulk", &body).await.expect(201);
    t.drain().await;
    assert_eq!(count(&t, "SELECT count(*) FROM notifications").await, 0);

    let place = Bucket::TemplateEmailFiles.at(format!("{}/{file}", service.id));
    t.app.objects().put(&place, "Be kind", &Metadata::new()).await.unwrap();
    t.advance(time::Duration::minutes(90));
    t.fire("check-for-missing-rows-in-completed-jobs").await;
    t.drain().await;
    assert_eq!(count(&t, "SELECT count(*) FROM notifications").await, 1);
    t.end_as_it_is().await;
}
