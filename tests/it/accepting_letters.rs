//! `POST /v2/notifications/letter` and the PDFs of letters: what is accepted, what is refused and in
//! which words, what is stored and queued. Sections are those of the public API contract.

use domain::{KeyType, NotificationId, NotificationStatus as Status, Permission, TemplateId};
use providers::objects::{Bucket, Metadata};
use serde_json::{Value, json};
use store::letters::Letter;
use testkit::TestService;

use crate::app::{Answer, Client, TestApp, id};

const PATH: &str = "/v2/notifications/letter";

/// `%PDF-1.5` in base64.
const PDF: &str = "JVBERi0xLjU=";

/// A system with a client that sends letters.
struct Letters {
    t: TestApp,
    client: Client,
    template: TemplateId,
}

impl Letters {
    async fn start() -> Self {
        Self::with(KeyType::Normal, |service| service).await
    }

    async fn with(
        key_type: KeyType,
        change: impl for<'a> FnOnce(testkit::ServiceBuilder<'a>) -> testkit::ServiceBuilder<'a>,
    ) -> Self {
        let t = TestApp::start().await;
        let db = t.db().await;
        let service = change(testkit::service(&db).live()).create().await;
        Self::of(t, service, key_type).await
    }

    async fn of(t: TestApp, service: TestService, key_type: KeyType) -> Self {
        let db = t.db().await;
        let template = testkit::template(&db, &service).letter("For ((name))", "Hello ((name))");
        let template = template.create().await;
        let client = t.client_of(service, key_type).await;
        Self { t, client, template }
    }

    async fn post(&self, body: &Value) -> Answer {
        self.client.post(PATH, body).await
    }

    /// A request with these values beside a name.
    fn request(&self, values: &Value) -> Value {
        let mut body = json!({
            "template_id": self.template, "reference": "mine",
            "personalisation": { "name": "<Ada> & co" },
        });
        for (name, value) in values.as_object().unwrap() {
            body["personalisation"][name] = value.clone();
        }
        body
    }

    async fn letter(&self, id: NotificationId) -> Letter {
        store::letters::get(&self.t.db().await, id).await.unwrap()
    }

    async fn row(&self, id: NotificationId) -> Value {
        let sql = "SELECT to_jsonb(n) FROM notifications n WHERE id = $1";
        self.t.db().await.query_one(sql, &[&id]).await.unwrap().get(0)
    }

    async fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table} WHERE service_id = $1");
        self.t.db().await.query_one(&sql, &[&self.client.service.id]).await.unwrap().get(0)
    }

    async fn published(&self, queue: &str) -> Vec<(String, Value)> {
        self.t.queues.take_tasks(queue).await
    }
}

fn home() -> Value {
    json!({ "address_line_1": "Ada", "address_line_2": "1 Main Street ,", "postcode": "sw1a1aa" })
}

/// The first error of a v2 answer with this status.
#[track_caller]
fn refused(answer: Answer, status: u16, error: &str, message: &str) {
    let body = answer.expect(status);
    assert_eq!(body["status_code"], status);
    assert_eq!(body["errors"], json!([{ "error": error, "message": message }]));
}

#[track_caller]
fn bad_request(answer: Answer, message: &str) {
    refused(answer, 400, "BadRequestError", message);
}

#[tokio::test]
async fn s2_3_s4_1_a_templated_letter_is_stored_and_its_pdf_asked_for() {
    let letters = Letters::start().await;
    let accepted = letters.post(&letters.request(&home())).await.expect(201);
    let (id, base, client) = (id(&accepted), &letters.t.url, &letters.client);
    let template = letters.template;
    assert_eq!(
        accepted,
        json!({
            "id": id, "reference": "mine",
            "content": { "body": "Hello <Ada> & co", "subject": "For &lt;Ada&gt; &amp; co" },
            "uri": format!("{base}/v2/notifications/{id}"),
            "template": { "id": template, "version": 1, "uri":
                format!("{base}/services/{}/templates/{template}", client.service.id) },
            "scheduled_for": null,
        })
    );
    let row = letters.row(id).await;
    for (column, expected) in [
        ("to", json!("Ada\n1 Main Street\nSW1A 1AA")),
        ("normalised_to", json!("ada1mainstreetsw1a1aa")),
        ("notification_status", json!("created")),
        ("billable_units", json!(0)),
        ("postage", json!("second")),
        ("international", json!(false)),
        ("client_reference", json!("mine")),
        ("reply_to_text", json!(null)),
        ("updated_at", json!(null)),
        ("key_type", json!("normal")),
    ] {
        assert_eq!(row[column], expected, "{column}");
    }
    let values = row["_personalisation"].as_str().unwrap();
    let values: Value = letters.t.signer.unsign(values).unwrap();
    assert_eq!(values["postcode"], "sw1a1aa", "values are kept raw");
    let reference = letters.letter(id).await.reference.unwrap();
    assert_eq!(reference.len(), 16);
    assert!(reference.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
    let queued = letters.published(tasks::queues::CREATE_LETTERS_PDF).await;
    let [(name, args)] = queued.as_slice() else { panic!("{queued:?}") };
    assert_eq!((name.as_str(), &args[0]), ("get-pdf-for-templated-letter", &json!([id])));
    letters.t.end().await;
}

#[tokio::test]
async fn s3_10_an_address_abroad_decides_the_postage() {
    let abroad = [Permission::Letter, Permission::InternationalLetters];
    let letters = Letters::with(KeyType::Normal, |service| service.permissions(&abroad)).await;
    for (country, postage, name) in
        [("france", "europe", "France"), ("new zealand", "rest-of-world", "New Zealand")]
    {
        let values = json!({ "address_line_1": "Ada", "address_line_2": "1 Rue",
                             "address_line_7": country, "postcode": "SW1A 1AA" });
        let id = id(&letters.post(&letters.request(&values)).await.expect(201));
        let row = letters.row(id).await;
        assert_eq!((&row["postage"], &row["international"]), (&json!(postage), &json!(true)));
        assert_eq!(row["to"], format!("Ada\n1 Rue\n{name}"));
    }
    letters.t.end_as_it_is().await;
}

/// They are the `ValidationError` of §2.5.
#[tokio::test]
async fn s3_10_each_fault_of_an_address_in_its_words() {
    let home = [Permission::Letter];
    let letters = Letters::with(KeyType::Normal, |service| service.permissions(&home)).await;
    let abroad = [Permission::Letter, Permission::InternationalLetters];
    let t = TestApp::start().await;
    let db = t.db().await;
    let service = testkit::service(&db).live().permissions(&abroad).create().await;
    let travellers = Letters::of(t, service, KeyType::Normal).await;
    let lines = |text: &str| json!({ "address_line_1": text, "postcode": null });
    for (text, message) in [
        ("Ada\nSW1A 1AA", "Address must be at least 3 lines"),
        ("a\nb\nc\nd\ne\nf\ng\nSW1A 1AA", "Address must be no more than 7 lines"),
        (
            "Ada\n---\nSW1A 1AA",
            "The first 2 lines of the address must both include at least one alphanumeric character",
        ),
        ("Ada\nRegiment\nBFPO 1\nFrance", "The last line of a BFPO address must not be a country."),
        ("Ada\n1 Main Street\nNowhere", "Must be a real UK postcode"),
        ("Ada\n1 Rue\nFrance", "Must be a real UK postcode"),
        (
            "---\nAda\nSW1A 1AA",
            "The first 2 lines of the address must both include at least one alphanumeric character",
        ),
        ("Ada\nNFA\nSW1A 1AA", "Must be a real address"),
        ("Ada\nof no fixed abode\nSW1A 1AA", "Must be a real address"),
        ("Ada\nNo Fixed Address\nSW1A 1AA", "Must be a real address"),
        ("[\n--", "Address must be at least 3 lines"),
    ] {
        let answer = letters.post(&letters.request(&lines(text))).await;
        refused(answer, 400, "ValidationError", message);
    }
    for start in "@()=[]\"\\/,<>~".chars() {
        let text = format!("Ada\n{start}1 Main Street\nSW1A 1AA");
        let answer = letters.post(&letters.request(&lines(&text))).await;
        let message = "Address lines must not start with any of the following characters: \
                       @ ( ) = [ ] \u{201d} \\ / , < >";
        refused(answer, 400, "ValidationError", message);
    }
    let answer = travellers.post(&travellers.request(&lines("Ada\n1 Main Street\nNowhere"))).await;
    let message = "Last line of address must be a real UK postcode or another country";
    refused(answer, 400, "ValidationError", message);
    // Keys are exact.
    let other = json!({ "Address Line 1": "Ada", "address line 2": "b", "postcode": "SW1A 1AA" });
    let answer = letters.post(&letters.request(&other)).await;
    refused(answer, 400, "ValidationError", "Address must be at least 3 lines");
    assert_eq!(letters.count("notifications").await, 0);
    for text in ["Ada\n1 Main Street\nSW1A 1AA", "a\nb\nc\nd\ne\nf\nSW1A 1AA"] {
        letters.post(&letters.request(&lines(text))).await.expect(201);
    }
    letters.t.end_as_it_is().await;
    travellers.t.end().await;
}

#[tokio::test]
async fn s2_3_what_the_schema_of_a_templated_letter_refuses() {
    let letters = Letters::start().await;
    let long = "é".repeat(1001);
    let too_long = format!("reference {long} is too long");
    for (body, messages) in [
        (
            json!({}),
            vec!["template_id is a required property", "personalisation is a required property"],
        ),
        (
            json!({ "template_id": 1, "personalisation": ["a"], "reference": 5 }),
            vec![
                "reference 5 is not of type string",
                "template_id is not a valid UUID",
                "personalisation [a] is not of type object",
            ],
        ),
        (
            json!({ "template_id": letters.template, "personalisation": {}, "postage": "first" }),
            vec!["Additional properties are not allowed (postage was unexpected)"],
        ),
        (
            json!({ "template_id": letters.template, "personalisation": {}, "reference": long }),
            vec![too_long.as_str()],
        ),
    ] {
        let said = letters.post(&body).await.expect(400);
        let errors: Vec<Value> = messages
            .iter()
            .map(|message| json!({ "error": "ValidationError", "message": message }))
            .collect();
        assert_eq!(said["errors"], json!(errors));
    }
    assert_eq!(letters.count("notifications").await, 0);
    let mut body = letters.request(&home());
    body["reference"] = json!("é".repeat(1000));
    letters.post(&body).await.expect(201);
    letters.t.end_as_it_is().await;
}

/// With the extra keys of §2.3.
#[tokio::test]
async fn s2_5_s3_refusals_come_in_order() {
    let letters = Letters::start().await;
    let db = letters.t.db().await;
    let service = &letters.client.service;
    let with = |template: &TemplateId, values: Value| json!({ "template_id": template, "personalisation": values });
    let none = json!({});
    let nil = TemplateId(uuid::Uuid::nil());
    bad_request(letters.post(&with(&nil, none.clone())).await, "Template not found");
    bad_request(
        letters.post(&with(&letters.client.sms, none.clone())).await,
        "sms template is not suitable for letter notification",
    );
    let archived = testkit::template(&db, service).letter("a", "b").archived().create().await;
    bad_request(letters.post(&with(&archived, none.clone())).await, "Template has been deleted");
    // The QR code comes before what is missing, that before the empty message, that before a file.
    let code = testkit::template(&db, service).letter("((a))", "qr: ((code))").create().await;
    let long = "x".repeat(505);
    let said = letters.post(&with(&code, json!({ "code": long }))).await.expect(400);
    assert_eq!(
        said["errors"],
        json!([{
            "error": "ValidationError",
            "message": "Cannot create a usable QR code - the link is too long",
            "data": long, "num_bytes": 505, "max_bytes": 504,
        }])
    );
    let mut fits = home();
    fits["a"] = json!("b");
    fits["code"] = json!("x".repeat(504));
    letters.post(&with(&code, fits)).await.expect(201);
    bad_request(
        letters.post(&with(&code, json!({ "a": null }))).await,
        "Missing personalisation: a, code",
    );
    let blank = testkit::template(&db, service).letter("a", "((b))((c))").create().await;
    let empty = json!({ "b": "", "c": " ", "d": { "file": "a" } });
    bad_request(letters.post(&with(&blank, empty)).await, "Your message is empty.");
    let file = json!({ "name": { "file": "a" } });
    bad_request(
        letters.post(&with(&letters.template, file)).await,
        "Can only send a file by email",
    );
    letters.t.end_as_it_is().await; // what was accepted stays queued
}

/// In the order of §3.
#[tokio::test]
async fn s2_5_letters_need_permission_a_live_service_and_no_team_key() {
    let refusals = [
        (KeyType::Normal, vec![Permission::Sms], 400, "Service is not allowed to send letters"),
        (KeyType::Team, vec![Permission::Letter], 403, "Cannot send letters with a team api key"),
        (
            KeyType::Normal,
            vec![Permission::Letter],
            403,
            "Cannot send letters when service is in trial mode",
        ),
    ];
    for (key_type, permissions, status, message) in refusals {
        let t = TestApp::start().await;
        let db = t.db().await;
        let service = testkit::service(&db).permissions(&permissions); // in trial mode
        let letters = Letters::of(t, service.create().await, key_type).await;
        // Before the address, and before the base64.
        let templated = letters.post(&letters.request(&json!({}))).await;
        refused(templated, status, "BadRequestError", message);
        let precompiled = letters.post(&json!({ "reference": "a", "content": "J" })).await;
        refused(precompiled, status, "BadRequestError", message);
        // But after the template.
        if status == 403 {
            let mut body = letters.request(&json!({}));
            body["personalisation"] = json!({});
            bad_request(letters.post(&body).await, "Missing personalisation: name");
        }
        letters.t.end().await;
    }
}

/// In trial mode §2.5 refuses the letters of other keys.
#[tokio::test]
async fn s3_11_a_test_key_needs_no_live_service_and_its_letter_is_delivered() {
    let t = TestApp::start().await;
    let db = t.db().await;
    let service = testkit::service(&db).create().await;
    let letters = Letters::of(t, service, KeyType::Test).await;
    let id = id(&letters.post(&letters.request(&home())).await.expect(201));
    assert_eq!(letters.t.status(id).await, Status::Sending);
    let names: Vec<String> = letters
        .published(tasks::queues::RESEARCH_MODE)
        .await
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["get-pdf-for-templated-letter", "create-fake-letter-callback"]);
    // Once more, and left to the workers.
    let id = self::id(&letters.post(&letters.request(&home())).await.expect(201));
    letters.t.drain_until(id, Status::Delivered).await;
    let pdfs = letters.published(tasks::queues::SANITISE_LETTER).await;
    assert_eq!(pdfs.len(), 1, "a PDF is made all the same");
    let shown = letters.client.get(&format!("/v2/notifications/{id}")).await.expect(200);
    assert_eq!(shown["status"], "received");
    letters.t.end().await;
}

/// The last row of §3: the PDF is stored, and its scan asked for.
#[tokio::test]
async fn s2_4_a_precompiled_letter_waits_for_its_scan_with_its_file() {
    let letters = Letters::start().await;
    let body = json!({ "reference": "mine", "content": PDF, "postage": "first" });
    let accepted = letters.post(&body).await.expect(201);
    let id = id(&accepted);
    assert_eq!(accepted, json!({ "id": id, "reference": "mine", "postage": "first" }));
    let row = letters.row(id).await;
    for (column, expected) in [
        ("to", json!("Provided as PDF")),
        ("normalised_to", json!("providedaspdf")),
        ("notification_status", json!("pending-virus-check")),
        ("billable_units", json!(0)),
        ("postage", json!("first")),
        ("international", json!(false)),
        ("client_reference", json!("mine")),
    ] {
        assert_eq!(row[column], expected, "{column}");
    }
    let values = row["_personalisation"].as_str().unwrap();
    let values: Value = letters.t.signer.unsign(values).unwrap();
    assert_eq!(values, json!({ "address_line_1": "Provided as PDF" }));

    let queued = letters.published(tasks::queues::ANTIVIRUS).await;
    let [(name, args)] = queued.as_slice() else { panic!("{queued:?}") };
    assert_eq!(name, "scan-file");
    let letter = letters.letter(id).await;
    let reference = letter.reference.as_deref().unwrap();
    let filename = args[1]["filename"].as_str().unwrap();
    assert!(filename.starts_with(&format!("NOTIFY.{reference}.D.1.C.")), "{filename}");
    let file = letters.t.app.objects().get(&Bucket::LettersScan.at(filename)).await.unwrap();
    assert_eq!(&file.unwrap().body[..], b"%PDF-1.5");

    // The hidden template is made once, and nobody else may use it.
    let second = letters.post(&json!({ "reference": "b", "content": "" })).await.expect(201);
    assert_eq!(second["postage"], "second", "the default");
    let template = row["template_id"].as_str().unwrap();
    let other = letters.letter(self::id(&second)).await;
    assert_eq!(other.template_id.to_string(), template);
    let body = json!({ "template_id": template, "personalisation": {} });
    bad_request(letters.post(&body).await, "Template not found");
    let shown = letters.client.get(&format!("/v2/notifications/{id}")).await.expect(200);
    assert_eq!((&shown["status"], &shown["body"]), (&json!("pending-virus-check"), &json!("")));
    letters.t.end().await;
}

/// Only in development may an operator do without virus scans.
#[tokio::test]
async fn s4_2_without_antivirus_a_pdf_goes_straight_to_be_sanitised() {
    for (environment, is_scanned) in [("development", false), ("production", true)] {
        let t = TestApp::with_app(|config, _| {
            config.letters.antivirus_enabled = "0".to_owned();
            config.alerts.environment = environment.to_owned();
        })
        .await;
        let db = t.db().await;
        let service = testkit::service(&db).live().create().await;
        let letters = Letters::of(t, service, KeyType::Normal).await;
        let accepted = letters.post(&json!({ "reference": "mine", "content": PDF })).await;
        let id = id(&accepted.expect(201));
        // Unscanned it waits for its check all the same, and a worker asks for that.
        assert_eq!(letters.t.drain().await, usize::from(!is_scanned), "{environment}");
        let (queue, task) = match is_scanned {
            true => (tasks::queues::ANTIVIRUS, "scan-file"),
            false => (tasks::queues::SANITISE_LETTER, "sanitise-and-upload-letter"),
        };
        let asked = letters.published(queue).await;
        let [(name, args)] = asked.as_slice() else { panic!("{asked:?}") };
        assert_eq!(name, task, "{environment}");
        let file = Bucket::LettersScan.at(args[1]["filename"].as_str().unwrap());
        assert!(letters.t.app.objects().exists(&file).await.unwrap());
        assert_eq!(letters.row(id).await["notification_status"], "pending-virus-check");
        letters.t.end().await;
    }
}

/// And what §2.5 refuses of its content.
#[tokio::test]
async fn s2_4_what_the_schema_of_a_precompiled_letter_refuses() {
    let letters = Letters::start().await;
    for (body, messages) in [
        (json!({ "content": PDF }), vec!["reference is a required property"]),
        (
            json!({ "content": null, "reference": 5, "postage": 1 }),
            vec![
                "reference 5 is not of type string",
                "content None is not of type string",
                "postage 1 is not of type string",
            ],
        ),
        (
            json!({ "content": PDF, "reference": "a", "postage": "europe", "template_id": "a" }),
            vec![
                "postage invalid. It must be either first, second or economy.",
                "Additional properties are not allowed (template_id was unexpected)",
            ],
        ),
    ] {
        let said = letters.post(&body).await.expect(400);
        let errors: Vec<Value> = messages
            .iter()
            .map(|message| json!({ "error": "ValidationError", "message": message }))
            .collect();
        assert_eq!(said["errors"], json!(errors));
    }
    for content in ["JVBERg", "J", "é"] {
        let answer = letters.post(&json!({ "reference": "a", "content": content })).await;
        bad_request(answer, "Cannot decode letter content (invalid base64 encoding)");
    }
    assert_eq!(letters.count("notifications").await, 0);
    letters.t.end().await;
}

/// Bytes that are no PDF are told later, when they are looked at.
#[tokio::test]
async fn s2_4_what_a_precompiled_letter_may_be() {
    let letters = Letters::start().await;
    let long = "é".repeat(1001);
    for (reference, content, postage) in [
        (long.as_str(), PDF, "first"),
        ("", "JVBERi0x\nLjU=", "second"),
        ("a", "*JV-BERi0x LjU=", "economy"),
        ("a", "YQ==", "economy"),
    ] {
        let body = json!({ "reference": reference, "content": content, "postage": postage });
        let accepted = letters.post(&body).await.expect(201);
        assert_eq!(
            (&accepted["reference"], &accepted["postage"]),
            (&json!(reference), &json!(postage))
        );
    }
    letters.t.end_as_it_is().await;
}

#[tokio::test]
async fn s2_5_s3_1_the_daily_limit_of_letters_holds_for_both_kinds() {
    let letters = Letters::with(KeyType::Normal, |service| service.letter_limit(2)).await;
    letters.post(&letters.request(&home())).await.expect(201);
    letters.post(&json!({ "reference": "a", "content": PDF })).await.expect(201);
    for body in [
        letters.request(&home()),
        json!({ "reference": "a", "content": PDF }),
        json!({}), // before the schema (§3)
        json!({ "content": 5 }),
    ] {
        let message = "Exceeded send limits (letter: 2) for today";
        refused(letters.post(&body).await, 429, "TooManyRequestsError", message);
    }
    letters.t.end_as_it_is().await;
}

#[tokio::test]
async fn s4_3_a_letter_that_is_not_stored_leaves_no_file_and_counts_for_nothing() {
    let letters = Letters::with(KeyType::Normal, |service| service.letter_limit(1)).await;
    let db = letters.t.db().await;
    let body = json!({ "reference": "a", "content": PDF });
    let sql = "ALTER TABLE notifications ADD CONSTRAINT no_letters
               CHECK (client_reference <> 'a' OR notification_type <> 'letter')";
    db.batch_execute(sql).await.unwrap();
    letters.post(&body).await.expect(500);
    let place = Bucket::LettersScan.at("NOTIFY.");
    assert_eq!(letters.t.app.objects().find(&place).await.unwrap(), None);
    db.batch_execute("ALTER TABLE notifications DROP CONSTRAINT no_letters").await.unwrap();
    letters.post(&body).await.expect(201);
    letters.t.end_as_it_is().await;
}

#[tokio::test]
async fn s4_2_letters_are_accepted_without_a_broker_and_go_on_when_it_is_back() {
    let letters = Letters::start().await;
    letters.t.cut_broker().await;
    letters.post(&letters.request(&home())).await.expect(201);
    letters.post(&json!({ "reference": "a", "content": PDF })).await.expect(201);
    let waiting = letters.t.outbox().await;
    assert_eq!(waiting, 2, "their messages were written with them");
    letters.t.mend_broker().await;
    letters.t.advance(time::Duration::minutes(1));
    assert_eq!(letters.t.app.relay_once().await.unwrap(), 2);
    assert_eq!(letters.published(tasks::queues::ANTIVIRUS).await.len(), 1);
    assert_eq!(letters.published(tasks::queues::CREATE_LETTERS_PDF).await.len(), 1);
    letters.t.end().await;
}

#[tokio::test]
async fn s2_8_a_pdf_is_served_once_it_is_there() {
    let letters = Letters::start().await;
    let client = &letters.client;
    let pdf = |id: String| async move { client.get(&format!("/v2/notifications/{id}/pdf")).await };
    let invalid = "notification_id is not a valid UUID";
    refused(pdf("letter".to_owned()).await, 400, "ValidationError", invalid);
    let nil = uuid::Uuid::nil().to_string();
    refused(pdf(nil).await, 404, "NoResultFound", "No result found");
    let sms = client.send_sms("07700900123").await;
    bad_request(pdf(sms.to_string()).await, "Notification is not a letter");
    let not_ready = "PDF not available yet, try again later";

    let id = id(&letters.post(&letters.request(&home())).await.expect(201));
    refused(pdf(id.to_string()).await, 400, "PDFNotReadyError", not_ready);
    // The same where the store fails, as its folder is none.
    let bucket = std::path::Path::new(&letters.t.objects_folder()).join("letters-pdf");
    std::fs::remove_dir(&bucket).unwrap();
    std::fs::write(&bucket, "").unwrap();
    refused(pdf(id.to_string()).await, 400, "PDFNotReadyError", not_ready);
    std::fs::remove_file(&bucket).unwrap();
    std::fs::create_dir(&bucket).unwrap();
    let db = letters.t.db().await;
    let store = letters.t.app.objects();
    let letter = letters.letter(id).await;
    for (status, bucket) in [
        (Status::Created, "letters-pdf"),
        (Status::Cancelled, "letters-pdf"),
        (Status::ValidationFailed, "invalid-pdf"),
    ] {
        let letter = Letter { status, ..letter.clone() };
        let place = app::letters::pdf_prefix(&letter).unwrap();
        assert_eq!(place.bucket.to_string(), bucket);
        let place = place.bucket.at(place.key + "D.2.C.20260101000000.PDF");
        store.put(&place, bucket, &Metadata::new()).await.unwrap();
        let sql = "UPDATE notifications SET notification_status = $2 WHERE id = $1";
        db.execute(sql, &[&id, &<&str>::from(status)]).await.unwrap();
        let url = format!("{}/v2/notifications/{id}/pdf", letters.t.url);
        let request = letters.t.http.get(url).header("Authorization", client.token());
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "application/pdf");
        assert_eq!(answer.text().await.unwrap(), bucket);
    }
    for (status, error, message) in [
        (Status::VirusScanFailed, "BadRequestError", "File did not pass the virus scan"),
        (
            Status::TechnicalFailure,
            "BadRequestError",
            "PDF not available for letters in status technical-failure",
        ),
        (Status::PendingVirusCheck, "PDFNotReadyError", not_ready),
    ] {
        let sql = "UPDATE notifications SET notification_status = $2 WHERE id = $1";
        db.execute(sql, &[&id, &<&str>::from(status)]).await.unwrap();
        refused(pdf(id.to_string()).await, 400, error, message);
    }
    // Another service's is not there.
    let stranger = letters.t.client().await;
    let answer = stranger.get(&format!("/v2/notifications/{id}/pdf")).await;
    refused(answer, 404, "NoResultFound", "No result found");
    letters.t.end_as_it_is().await;
}
