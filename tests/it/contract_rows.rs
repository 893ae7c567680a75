//! The tables of public API contract §2.1, §2.2, §2.5, §2.14 and §3, row by row, where no other test
//! has the row. Each test names its section.

use domain::{KeyType, Permission, TemplateId};
use serde_json::{Value, json};
use stub::Kind;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    app::{Answer, Client, TestApp, id},
    looking_up::faults,
};

const SMS: &str = "/v2/notifications/sms";
const EMAIL: &str = "/v2/notifications/email";
const LETTER: &str = "/v2/notifications/letter";
const NUMBER: &str = "07700900123";
const ADDRESS: &str = "ada@example.com";

/// The one error of a refusal: its name and message.
#[track_caller]
fn refused(answer: Answer, status: u16) -> (String, String) {
    let body = answer.expect(status);
    assert_eq!(body["status_code"], status);
    let errors = body["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "{body}");
    let text = |name: &str| errors[0][name].as_str().unwrap().to_owned();
    (text("error"), text("message"))
}

#[track_caller]
fn bad_request(answer: Answer, message: &str) {
    assert_eq!(refused(answer, 400), ("BadRequestError".to_owned(), message.to_owned()));
}

fn sms(template: TemplateId, values: Value) -> Value {
    json!({ "phone_number": NUMBER, "template_id": template, "personalisation": values })
}

fn email(template: TemplateId, values: Value) -> Value {
    json!({ "email_address": ADDRESS, "template_id": template, "personalisation": values })
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

fn in_hours(now: OffsetDateTime, hours: i64) -> Value {
    json!((now + Duration::hours(hours)).format(&Rfc3339).unwrap())
}

/// What is wrong with a time to send at, and how that is told.
fn wrong_times(now: OffsetDateTime) -> Vec<(&'static str, Value, &'static str)> {
    let faults = [
        (json!(5), "scheduled_for 5 is not of type string, null"),
        (
            json!("tomorrow"),
            "scheduled_for datetime format is invalid. It must be a valid ISO8601 date time \
             format, https://en.wikipedia.org/wiki/ISO_8601",
        ),
        (in_hours(now, -1), "scheduled_for datetime can not be in the past"),
        (in_hours(now, 25), "scheduled_for datetime can only be 24 hours in the future"),
    ];
    faults.into_iter().map(|(time, fault)| ("scheduled_for", time, fault)).collect()
}

/// The same request without a field.
fn without(mut body: Value, name: &str) -> Value {
    body.as_object_mut().unwrap().remove(name);
    body
}

/// The body of an accepted message.
async fn body_of(client: &Client, path: &str, request: &Value) -> String {
    let accepted = client.post(path, request).await.expect(201);
    accepted["content"]["body"].as_str().unwrap().to_owned()
}

async fn row(t: &TestApp, accepted: &Value) -> Value {
    let sql = "SELECT to_jsonb(n) FROM notifications n WHERE id = $1";
    t.db().await.query_one(sql, &[&id(accepted)]).await.unwrap().get(0)
}

#[tokio::test]
async fn each_field_of_a_text_message_2_1() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let good = sms(client.sms, json!({ "name": "Ada" }));
    let now = t.app.clock().now();
    let long = "é".repeat(1001);
    let too_long = format!("reference {long} is too long");
    let faults_of_fields = [
        ("phone_number", json!(447700900123u64), "phone_number 447700900123 is not of type string"),
        ("template_id", json!(null), "template_id is not a valid UUID"),
        ("template_id", json!("x"), "template_id is not a valid UUID"),
        ("personalisation", json!(null), "personalisation None is not of type object"),
        ("reference", json!(null), "reference None is not of type string"),
        ("reference", json!(long), too_long.as_str()),
        ("sms_sender_id", json!("x"), "sms_sender_id is not a valid UUID"),
        ("sms_sender_id", json!(null), "sms_sender_id is not a valid UUID"),
        (
            "email_reply_to_id",
            json!("x"),
            "Additional properties are not allowed (email_reply_to_id was unexpected)",
        ),
    ];
    for (field, value, message) in faults_of_fields.into_iter().chain(wrong_times(now)) {
        let answer = client.post(SMS, &with(good.clone(), field, value)).await;
        assert_eq!(faults(answer), [message]);
    }
    for field in ["phone_number", "template_id"] {
        let message = format!("{field} is a required property");
        assert_eq!(faults(client.post(SMS, &without(good.clone(), field)).await), [message]);
    }
    // A landline is let pass by the schema, and refused for lack of a permission.
    let landline = with(good.clone(), "phone_number", json!("0117 496 0860"));
    assert_eq!(refused(client.post(SMS, &landline).await, 400).0, "InvalidPhoneError");
    let accepted = [
        ("phone_number", json!("+1 202 555 0104")),
        ("personalisation", json!({ "name": ["Ada", 1, null, "Eve"], "more": { "a": 1.5 } })),
        ("reference", json!("é".repeat(1000))),
        ("scheduled_for", json!(null)),
        ("scheduled_for", in_hours(now, 23)), // and ignored: it is sent at once
        ("sms_sender_id", json!(client.service.sms_sender_id)),
    ];
    for (field, value) in &accepted {
        let accepted = client.post(SMS, &with(good.clone(), field, value.clone())).await;
        assert_eq!(accepted.expect(201)["scheduled_for"], Value::Null, "{field}");
    }
    let db = t.db().await;
    let plain = testkit::template(&db, &client.service).sms("Hi").create().await;
    client.post(SMS, &without(sms(plain, json!({})), "personalisation")).await.expect(201);
    t.drain().await;
    t.received(Kind::Sms, accepted.len() + 1).await;
    t.end_as_it_is().await;
}

#[tokio::test]
async fn each_field_of_an_email_2_2() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let good = email(client.email, json!({ "name": "Ada" }));
    let now = t.app.clock().now();
    let too_long = format!("reference {} is too long", "é".repeat(1001));
    let not_https = "one_click_unsubscribe_url is not a valid https url";
    let faults_of_fields = [
        ("email_address", json!("ada@example"), "email_address Not a valid email address"),
        ("email_address", json!(null), "email_address None is not of type string"),
        ("template_id", json!(5), "template_id is not a valid UUID"),
        ("personalisation", json!([]), "personalisation [] is not of type object"),
        ("personalisation", json!(null), "personalisation None is not of type object"),
        ("reference", json!(5), "reference 5 is not of type string"),
        ("reference", json!("é".repeat(1001)), too_long.as_str()),
        ("email_reply_to_id", json!("x"), "email_reply_to_id is not a valid UUID"),
        ("one_click_unsubscribe_url", json!("http://example.com"), not_https),
        ("one_click_unsubscribe_url", json!("HTTPS://example.com"), not_https),
        ("one_click_unsubscribe_url", json!("https://example.com/é"), not_https),
        ("one_click_unsubscribe_url", json!("https://example.com/a b"), not_https),
        ("one_click_unsubscribe_url", json!("https://example.com/%zz"), not_https),
        ("one_click_unsubscribe_url", json!(null), not_https),
        (
            "sanitise_content_for",
            json!("name"),
            "sanitise_content_for name is not of type array, null",
        ),
        ("sanitise_content_for", json!([5]), "sanitise_content_for 5 is not of type string, null"),
        (
            "sms_sender_id",
            json!("x"),
            "Additional properties are not allowed (sms_sender_id was unexpected)",
        ),
    ];
    for (field, value, message) in faults_of_fields.into_iter().chain(wrong_times(now)) {
        let answer = client.post(EMAIL, &with(good.clone(), field, value)).await;
        assert_eq!(faults(answer), [message]);
    }
    for field in ["email_address", "template_id"] {
        let message = format!("{field} is a required property");
        assert_eq!(faults(client.post(EMAIL, &without(good.clone(), field)).await), [message]);
    }
    for (field, value) in [
        ("personalisation", json!({ "name": ["Ada", 1, null], "more": { "a": 1.5 } })),
        ("reference", json!("é".repeat(1000))),
        ("one_click_unsubscribe_url", json!("https:example.com")),
        ("sanitise_content_for", json!(null)),
        ("sanitise_content_for", json!([null, "unknown"])),
        ("scheduled_for", json!(null)),
        ("scheduled_for", in_hours(now, 23)), // and ignored
    ] {
        let accepted = client.post(EMAIL, &with(good.clone(), field, value)).await.expect(201);
        assert_eq!(accepted["scheduled_for"], Value::Null, "{field}");
    }
    let db = t.db().await;
    let plain = testkit::template(&db, &client.service).email("A", "B").create().await;
    client.post(EMAIL, &without(email(plain, json!({})), "personalisation")).await.expect(201);
    let body = with(good.clone(), "reference", json!("mine"));
    let accepted = client.post(EMAIL, &body).await.expect(201);
    let (id, base, from) = (id(&accepted), &t.url, &accepted["content"]["from_email"]);
    assert_eq!(
        accepted,
        json!({
            "id": id, "reference": "mine",
            "content": { "body": "Hello Ada\r\n\r\nBye", "subject": "Dear Ada", "from_email": from,
                         "one_click_unsubscribe_url": null },
            "uri": format!("{base}/v2/notifications/{id}"),
            "template": { "id": client.email, "version": 1, "uri":
                format!("{base}/services/{}/templates/{}", client.service.id, client.email) },
            "scheduled_for": null, "sanitised_content": {},
        })
    );
    t.end_as_it_is().await;
}

#[tokio::test]
async fn each_refusal_of_an_email_2_5() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let db = t.db().await;
    let nil = uuid::Uuid::nil();
    let values = || json!({ "name": "Ada" });
    let post = async |body: &Value| client.post(EMAIL, body).await;
    bad_request(post(&email(TemplateId(nil), values())).await, "Template not found");
    let hidden = testkit::template(&db, &client.service).email("A", "B").hidden().create().await;
    bad_request(post(&email(hidden, values())).await, "Template not found");
    bad_request(
        post(&email(client.sms, values())).await,
        "sms template is not suitable for email notification",
    );
    let archived = testkit::template(&db, &client.service).email("A", "B").archived();
    bad_request(post(&email(archived.create().await, values())).await, "Template has been deleted");
    bad_request(
        post(&email(client.email, json!({ "other": 1 }))).await,
        "Missing personalisation: name",
    );
    let blank = testkit::template(&db, &client.service).email("A", "((b))((c))").create().await;
    bad_request(post(&email(blank, json!({ "b": " ", "c": "" }))).await, "Your message is empty.");
    let reply_to = with(email(client.email, values()), "email_reply_to_id", json!(nil));
    let service = client.service.id;
    bad_request(
        post(&reply_to).await,
        &format!("email_reply_to_id {nil} does not exist in database for service id {service}"),
    );
    let fits = "x".repeat(2_000_000 - "Hello \r\n\r\nBye".len());
    bad_request(
        post(&email(client.email, json!({ "name": format!("{fits}x") }))).await,
        "Your message is too long. Emails cannot be longer than 2000000 bytes. \
         Your message is 2000001 bytes.",
    );
    post(&email(client.email, json!({ "name": fits }))).await.expect(201);

    // Of any channel.
    for path in [EMAIL, SMS, LETTER] {
        let raw = t.http.post(format!("{}{path}", t.url)).header("Authorization", client.token());
        let told = raw.body("{").send().await.unwrap().json::<Value>().await.unwrap();
        let error =
            json!({ "error": "BadRequestError", "message": "Invalid JSON supplied in POST data" });
        assert_eq!(told, json!({ "status_code": 400, "errors": [error] }), "{path}");
    }
    let texts = testkit::service(&db).live().permissions(&[Permission::Sms]).create().await;
    let texts = t.client_of(texts, KeyType::Normal).await;
    bad_request(
        texts.post(EMAIL, &email(texts.email, values())).await,
        "Service is not allowed to send emails",
    );
    t.end_as_it_is().await;
}

#[tokio::test]
async fn limits_name_the_key_and_the_channel_2_5_3_1() {
    let t = TestApp::start().await;
    let db = t.db().await;
    for (key_type, word) in
        [(KeyType::Normal, "LIVE"), (KeyType::Team, "TEAM"), (KeyType::Test, "TEST")]
    {
        let service = testkit::service(&db).live().rate_limit(1).create().await;
        let client = t.client_of(service, key_type).await;
        // 1 a minute: 2 in the bucket, of which one always stays.
        client.post(SMS, &json!({})).await.expect(400);
        let message =
            format!("Exceeded rate limit for key type {word} of 1 requests per 60 seconds");
        for (path, body) in [
            (SMS, json!({})),
            (EMAIL, json!({})),
            (LETTER, json!({})),
            (LETTER, json!({ "content": 5 })),
        ] {
            let told = refused(client.post(path, &body).await, 429);
            assert_eq!(told, ("RateLimitError".to_owned(), message.clone()), "{path}");
        }
    }
    let service = testkit::service(&db).live().email_limit(1).international_sms_limit(1);
    let client = t.client_of(service.create().await, KeyType::Normal).await;
    let over = |what: &str| {
        let message = format!("Exceeded send limits ({what}: 1) for today");
        ("TooManyRequestsError".to_owned(), message)
    };
    client.send_email(ADDRESS).await;
    assert_eq!(refused(client.post(EMAIL, &json!({})).await, 429), over("email"));
    client.send_sms("+1 202 555 0104").await;
    let mut abroad = sms(client.sms, json!({ "name": "Ada" }));
    abroad["phone_number"] = json!("+1 202 555 0105");
    assert_eq!(refused(client.post(SMS, &abroad).await, 429), over("international_sms"));
    // It is looked at before the length is (§3).
    let long = testkit::template(&db, &client.service).sms(&"x".repeat(919)).create().await;
    abroad["template_id"] = json!(long);
    assert_eq!(refused(client.post(SMS, &abroad).await, 429), over("international_sms"));
    client.send_sms(NUMBER).await; // at home there is room
    // Jersey is +44: no foreign country, although it is charged like one.
    client.send_sms("07797 292290").await;
    t.end_as_it_is().await;
}

/// Each fault is put right in turn; the next one is told then. The words are those of §2.5.
#[tokio::test]
async fn the_rules_come_in_their_order_3() {
    let t = TestApp::start().await;
    let db = t.db().await;
    let trial = testkit::service(&db).permissions(&[Permission::Email]).create().await;
    let client = t.client_of(trial.clone(), KeyType::Normal).await;
    let nil = uuid::Uuid::nil();
    let archived = testkit::template(&db, &trial).sms("((a))").archived().create().await;
    let mut body = json!({ "phone_number": "+1 202 555 0104", "template_id": nil, "x": 1,
                           "sms_sender_id": nil, "personalisation": { "name": null } });
    assert_eq!(faults(client.post(SMS, &body).await).len(), 1, "the schema first");
    body.as_object_mut().unwrap().remove("x");
    bad_request(client.post(SMS, &body).await, "Service is not allowed to send text messages");

    let trial = testkit::service(&db).permissions(&[Permission::Sms]).sms_limit(1).create().await;
    let client = t.client_of(trial.clone(), KeyType::Normal).await;
    let own = testkit::template(&db, &trial);
    let long = own.sms(&format!("((name)){}", "x".repeat(918))).create().await;
    let post = async |body: &Value| client.post(SMS, body).await;
    body["template_id"] = json!(archived);
    bad_request(post(&body).await, "Template not found"); // another service's
    body["template_id"] = json!(client.email);
    bad_request(post(&body).await, "email template is not suitable for sms notification");
    body["template_id"] = json!(long);
    body["personalisation"]["b"] = json!({ "file": "YQ==" });
    bad_request(post(&body).await, "Missing personalisation: name");
    body["personalisation"] = json!({ "name": "Ada", "b": { "file": "YQ==" } });
    bad_request(post(&body).await, "Can only send a file by email");
    body["personalisation"] = json!({ "name": "Ada" });
    assert!(refused(post(&body).await, 400).1.starts_with("sms_sender_id"));
    body["sms_sender_id"] = json!(trial.sms_sender_id);
    assert!(refused(post(&body).await, 400).1.contains("trial mode"));

    let service = testkit::service(&db).live().permissions(&[Permission::Sms]).sms_limit(1);
    let service = service.create().await;
    let client = t.client_of(service.clone(), KeyType::Normal).await;
    let long = testkit::template(&db, &service).sms(&"x".repeat(919)).create().await;
    let mut body = json!({ "phone_number": "+1 202 555 0104", "template_id": long });
    let post = async |body: &Value| client.post(SMS, body).await;
    bad_request(post(&body).await, "Cannot send to international mobile numbers");
    body["phone_number"] = json!("0117 496 0860");
    assert_eq!(refused(post(&body).await, 400).0, "InvalidPhoneError");
    body["phone_number"] = json!(NUMBER);
    assert!(refused(post(&body).await, 400).1.contains("too long"));
    client.send_sms(NUMBER).await;
    // The day's limit comes before JSON and schema.
    let raw = t.http.post(format!("{}{SMS}", t.url)).header("Authorization", client.token());
    assert_eq!(raw.body("{").send().await.unwrap().status(), 429);
    t.end_as_it_is().await;
}

/// The same for what only emails and letters have, and for two faults of one template.
#[tokio::test]
async fn the_rules_of_other_channels_come_in_their_order_3() {
    let t = TestApp::start().await;
    let db = t.db().await;
    let service = testkit::service(&db).live().permissions(&[Permission::Sms]).create().await;
    let texts = t.client_of(service, KeyType::Normal).await;
    let nil = TemplateId(uuid::Uuid::nil());
    let mail = with(email(nil, json!({ "name": 5 })), "sanitise_content_for", json!(["name"]));
    let letter = json!({ "template_id": nil, "personalisation": {} });
    for (path, body, what) in [(EMAIL, &mail, "emails"), (LETTER, &letter, "letters")] {
        let answer = texts.post(path, &with(body.clone(), "x", json!(1))).await;
        assert_eq!(faults(answer).len(), 1, "the schema first");
        let message = format!("Service is not allowed to send {what}");
        bad_request(texts.post(path, body).await, &message);
    }
    let client = t.client().await;
    let told = faults(client.post(EMAIL, &mail).await);
    assert_eq!(told, ["sanitise_content_for can only name texts"], "before the template");
    let own = || testkit::template(&db, &client.service);
    let archived = own().email("A", "B").archived().create().await;
    bad_request(
        client.post(SMS, &sms(archived, json!({}))).await,
        "email template is not suitable for sms notification",
    );
    let blank = own().sms("((a))").create().await;
    bad_request(client.post(SMS, &sms(blank, json!({}))).await, "Missing personalisation: a");
    // A file comes before the length, and after the recipient.
    let file = json!({ "name": "x".repeat(2_000_000), "b": { "file": 5 } });
    let told = faults(client.post(EMAIL, &email(client.email, file.clone())).await);
    assert_eq!(told, ["file 5 is not of type string"]);
    let trial = testkit::service(&db).create().await;
    let client = t.client_of(trial, KeyType::Normal).await;
    let mut mail = with(email(client.email, json!({})), "email_reply_to_id", json!(nil));
    bad_request(client.post(EMAIL, &mail).await, "Missing personalisation: name");
    mail["personalisation"] = file;
    assert!(refused(client.post(EMAIL, &mail).await, 400).1.starts_with("email_reply_to_id"));
    let mail = without(mail, "email_reply_to_id");
    assert!(refused(client.post(EMAIL, &mail).await, 400).1.contains("trial mode"));
    t.end().await;
}

/// Others are refused in the words of §2.5.
#[tokio::test]
async fn a_team_and_its_guests_may_be_sent_to_3_2() {
    let t = TestApp::start().await;
    let db = t.db().await;
    let trial = testkit::service(&db).create().await;
    testkit::guest(&db, &trial, "Guest@Example.com").await;
    testkit::guest(&db, &trial, "07700 900321").await;
    // Both keys are made before the first request: accounts are cached.
    let normal = t.client_of(trial.clone(), KeyType::Normal).await;
    let team = t.client_of(trial.clone(), KeyType::Team).await;
    for (client, word) in [(normal, "trial mode"), (team, "team-only API key")] {
        for number in [&*trial.user_mobile, "+44 7700 900321"] {
            client.send_sms(number).await;
        }
        for address in [&*trial.user_email, " guest@example.COM"] {
            client.send_email(address).await;
        }
        let mut stranger = email(client.email, json!({ "name": "Ada" }));
        stranger["email_address"] = json!("guest@example.org");
        let told = refused(client.post(EMAIL, &stranger).await, 400).1;
        assert!(told.contains(word), "{told}");
    }
    t.end_as_it_is().await;
}

#[tokio::test]
async fn placeholders_are_found_filled_and_missed_3_3() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let db = t.db().await;
    let of = async |text: &str| testkit::template(&db, &client.service).sms(text).create().await;
    let names = of("((First Name)) ((last_name)) ((first-name)) ((c??shown)) ((n))").await;
    let missing = sms(names, json!({ "n": null }));
    bad_request(
        client.post(SMS, &missing).await,
        "Missing personalisation: First Name, last_name, c, n",
    );
    for (c, shown) in [
        (json!("yes"), " shown"),
        (json!("Y"), " shown"),
        (json!(true), " shown"),
        (json!("t"), " shown"),
        (json!(1), " shown"),
        (json!("include"), " shown"),
        (json!("show"), " shown"),
        (json!("no"), ""),
        (json!(false), ""),
        (json!(""), ""),
    ] {
        let values = json!({ "FIRSTNAME": "Ada", "Last-Name": "", "C": c, "N": true, "more": 1 });
        let text = body_of(&client, SMS, &sms(names, values)).await;
        let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(text, format!("Ada Ada{shown} True"), "{c}");
    }
    let one = of("((a))").await;
    assert_eq!(
        body_of(&client, SMS, &sms(one, json!({ "a": { "b": null } }))).await,
        "{'b': None}"
    );
    let two = testkit::template(&db, &client.service).email("((b))", "((a)) ((b))").create().await;
    bad_request(client.post(EMAIL, &email(two, json!({}))).await, "Missing personalisation: b, a");
    t.end_as_it_is().await;
}

/// Of those that are not the service's §2.5 tells.
#[tokio::test]
async fn senders_are_the_services_or_the_chosen_ones_3_4() {
    let t = TestApp::start().await;
    let db = t.db().await;
    let service = testkit::service(&db).live().sms_sender("07123123123");
    let service = service.reply_to("reply@example.com").create().await;
    let client = t.client_of(service.clone(), KeyType::Normal).await;
    let sender: uuid::Uuid = db
        .query_one(
            "INSERT INTO service_sms_senders (id, service_id, sms_sender, is_default, archived,
                    created_at) VALUES (gen_random_uuid(), $1, 'PIGEONS', false, false, now())
             RETURNING id",
            &[&service.id],
        )
        .await
        .unwrap()
        .get(0);
    let reply_to: uuid::Uuid = db
        .query_one(
            "INSERT INTO service_email_reply_to (id, service_id, email_address, is_default,
                    archived, created_at)
             VALUES (gen_random_uuid(), $1, 'other@example.com', false, false, now())
             RETURNING id",
            &[&service.id],
        )
        .await
        .unwrap()
        .get(0);
    let text = sms(client.sms, json!({ "name": "Ada" }));
    let mail = email(client.email, json!({ "name": "Ada" }));
    let accepted = client.post(SMS, &text).await.expect(201);
    assert_eq!(accepted["content"]["from_number"], "447123123123");
    assert_eq!(row(&t, &accepted).await["reply_to_text"], "447123123123");
    let chosen = with(text.clone(), "sms_sender_id", json!(sender));
    let accepted = client.post(SMS, &chosen).await.expect(201);
    assert_eq!(accepted["content"]["from_number"], "PIGEONS");
    let accepted = client.post(EMAIL, &mail).await.expect(201);
    assert_eq!(row(&t, &accepted).await["reply_to_text"], "reply@example.com");
    let chosen = with(mail.clone(), "email_reply_to_id", json!(reply_to));
    let accepted = client.post(EMAIL, &chosen).await.expect(201);
    assert_eq!(row(&t, &accepted).await["reply_to_text"], "other@example.com");
    let own: uuid::Uuid = db
        .query_one(
            "SELECT id FROM service_email_reply_to WHERE service_id = $1 AND is_default",
            &[&service.id],
        )
        .await
        .unwrap()
        .get(0);
    // Archived, and another service's.
    for table in ["service_sms_senders", "service_email_reply_to"] {
        let sql = format!("UPDATE {table} SET archived = true WHERE NOT is_default");
        db.execute(&sql, &[]).await.unwrap();
    }
    let others = t.client().await;
    for (client, path, body) in [
        (&client, SMS, with(text, "sms_sender_id", json!(sender))),
        (&client, EMAIL, with(mail, "email_reply_to_id", json!(reply_to))),
        (
            &others,
            SMS,
            with(
                sms(others.sms, json!({ "name": "A" })),
                "sms_sender_id",
                json!(service.sms_sender_id),
            ),
        ),
        (
            &others,
            EMAIL,
            with(email(others.email, json!({ "name": "A" })), "email_reply_to_id", json!(own)),
        ),
    ] {
        let told = refused(client.post(path, &body).await, 400).1;
        assert!(told.contains("does not exist in database for service id"), "{told}");
    }
    let none = others.post(EMAIL, &email(others.email, json!({ "name": "A" }))).await.expect(201);
    assert_eq!(row(&t, &none).await["reply_to_text"], Value::Null);
    t.end_as_it_is().await;
}

/// What is too long is refused in the words of §2.5.
#[tokio::test]
async fn texts_are_rendered_as_they_are_sent_and_measured_3_5() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let db = t.db().await;
    let plain = testkit::template(&db, &client.service).sms("((a))").create().await;
    for (value, shown) in [
        (json!(["a", "b", null, "c"]), "a, b and c"),
        (json!("<b> &"), "<b> &"),
        (json!("one , two ."), "one, two."),
        (json!("a\r\nb\n\n\n\nc"), "a\nb\n\nc"),
        (json!("  around  "), "around"),
        (json!("\u{201c}quoted\u{201d} \u{2013} \u{2026}"), "\"quoted\" - ..."),
        (json!("tab\tnbsp\u{a0}zero\u{200b}width"), "tab nbsp zerowidth"),
        (json!("\u{e7} \u{175} \u{20ac} \u{1f418}"), "c \u{175} \u{20ac} ?"),
    ] {
        let accepted = body_of(&client, SMS, &sms(plain, json!({ "a": value }))).await;
        assert_eq!(accepted, shown);
    }
    let fits = "x".repeat(918);
    client.post(SMS, &sms(plain, json!({ "a": fits }))).await.expect(201);
    bad_request(
        client.post(SMS, &sms(plain, json!({ "a": "x".repeat(919) }))).await,
        "Your message is too long. Text messages cannot be longer than 918 characters. \
         Your message is 919 characters long.",
    );
    let mail = testkit::template(&db, &client.service);
    let mail = mail.email("\"((s))\"  - it", "# Hi\r\n((a))").create().await;
    let accepted = client
        .post(EMAIL, &email(mail, json!({ "s": "A & 'b'", "a": ["x", null, " ", "y"] })))
        .await
        .expect(201);
    assert_eq!(accepted["content"]["body"], "# Hi\r\n\n\n* x\n* y");
    assert_eq!(accepted["content"]["subject"], "\u{201c}A & \u{2018}b\u{2019}\u{201d} \u{2013} it");
    t.end_as_it_is().await;
}

/// The refusals of the second stage are those of §2.5.
#[tokio::test]
async fn each_fault_of_a_number_at_its_stage_3_6() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let invalid =
        "phone_number Number is not valid \u{2013} double check the phone number you entered";
    let post = async |client: &Client, number: &str| {
        let body = with(sms(client.sms, json!({ "name": "Ada" })), "phone_number", json!(number));
        client.post(SMS, &body).await
    };
    for (number, message) in [
        ("", "phone_number Not enough digits"),
        ("   ", invalid),
        ("0800 123 4567", invalid),
        ("077009001111111", "phone_number Too many digits"),
        ("07515*11", "phone_number Must not contain letters or symbols"),
        ("+850 192 123 4567", "phone_number Not a valid country prefix"),
    ] {
        assert_eq!(faults(post(&client, number).await), [message], "{number}");
    }
    let landline = || ("InvalidPhoneError".to_owned(), "Not a UK mobile number".to_owned());
    for number in ["0117 496 0860", "03001234567"] {
        assert_eq!(refused(post(&client, number).await, 400), landline(), "{number}");
    }
    let db = t.db().await;
    let may = [Permission::Sms, Permission::SmsToUkLandlines];
    let service = testkit::service(&db).live().permissions(&may).create().await;
    let landlines = t.client_of(service, KeyType::Normal).await;
    post(&landlines, "0117 496 0860").await.expect(201);
    bad_request(
        post(&landlines, "20-12-1234-1234").await,
        "Cannot send to international mobile numbers",
    );
    // Jersey needs no permission, and is stored as international, for twice the price.
    let jersey = post(&landlines, "+44 (0)7797 292290").await.expect(201);
    let stored = row(&t, &jersey).await;
    assert_eq!(
        (&stored["international"], &stored["rate_multiplier"], &stored["normalised_to"]),
        (&json!(true), &json!(2), &json!("447797292290"))
    );
    t.end_as_it_is().await;
}

#[tokio::test]
async fn addresses_are_taken_or_not_3_7() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let post = async |address: &str| {
        let body = email(client.email, json!({ "name": "Ada" }));
        client.post(EMAIL, &with(body, "email_address", json!(address))).await
    };
    let long = format!("{}@example.com", "a".repeat(309));
    for address in [
        "",
        "ada",
        "a@b@example.com",
        "a..b@example.com",
        "a@example",
        "a@-b.com",
        "a@b-.com",
        "a@a---b.com",
        "a@b.c",
        "a b@example.com",
        "a@example..com",
        &long,
    ] {
        let told = faults(post(address).await);
        assert_eq!(told, ["email_address Not a valid email address"], "{address}");
    }
    for address in [".a.@example.com", "a+b@example.co.uk", "a@\u{e9}.com", &long[1..]] {
        post(address).await.expect(201);
    }
    let accepted = post(" A\u{200b}da@Example.com\u{a0}").await.expect(201);
    let stored = row(&t, &accepted).await;
    assert_eq!(
        (&stored["to"], &stored["normalised_to"]),
        (&json!("Ada@Example.com"), &json!("ada@example.com"))
    );
    t.end_as_it_is().await;
}

#[tokio::test]
async fn named_values_are_made_harmless_3_8() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let db = t.db().await;
    let template = testkit::template(&db, &client.service).email("A", "((First name)) ((b))");
    let template = template.create().await;
    for (value, harmless) in [
        ("Marie.Curie", "Marie\\. Curie"),
        ("see https://evil.link/a?b c", "see  c"),
        ("a-b_c", "a\\-b\\_c"),
        ("`*(){}[]<>#+!|\\", "\\`\\*\\(\\)\\{\\}\\[\\]\\<\\>\\#\\+\\!\\|\\\\"),
        ("Ada", "Ada"),
    ] {
        let body = email(template, json!({ "First name": value, "b": "x.y" }));
        let body = with(body, "sanitise_content_for", json!(["FIRST_NAME"]));
        let accepted = client.post(EMAIL, &body).await.expect(201);
        assert_eq!(accepted["content"]["body"], format!("{harmless} x.y"), "{value}");
        let expected = match value == harmless {
            true => json!({}),
            false => json!({ "First name": { "unsanitised": value, "sanitised": harmless } }),
        };
        assert_eq!(accepted["sanitised_content"], expected);
        let stored = row(&t, &accepted).await;
        let stored: Value = t.signer.unsign(stored["_personalisation"].as_str().unwrap()).unwrap();
        assert_eq!(stored["First name"], harmless, "it is stored so");
    }
    t.end_as_it_is().await;
}

/// The rows of the table, each on its own; which of them come first is told elsewhere. They are the
/// `ValidationError` of §2.5.
#[tokio::test]
async fn each_fault_of_a_file_3_9() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let post =
        async |file: Value| client.post(EMAIL, &email(client.email, json!({ "name": file }))).await;
    for (file, message) in [
        (json!({ "file": 5 }), "file 5 is not of type string"),
        (
            json!({ "file": "", "is_csv": "yes" }),
            "is_csv Unsupported value for is_csv: yes. Use a boolean true or false value.",
        ),
        (
            json!({ "file": "", "confirm_email_before_download": 1 }),
            "confirm_email_before_download Unsupported value for confirm_email_before_download: 1. \
             Use a boolean true or false value.",
        ),
        (
            json!({ "file": "", "retention_period": "0 weeks" }),
            "retention_period Unsupported value for retention_period: 0 weeks. Supported periods \
             are from 1 to 78 weeks.",
        ),
        (
            json!({ "file": "", "retention_period": "79 weeks" }),
            "retention_period Unsupported value for retention_period: 79 weeks. Supported periods \
             are from 1 to 78 weeks.",
        ),
        (
            json!({ "file": "", "filename": "report" }),
            "filename `filename` must end with a file extension. For example, filename.csv",
        ),
        (
            json!({ "file": "", "is_csv": null, "filename": null }),
            "Do not set a value for `is_csv` if `filename` is set.",
        ),
        (json!({ "file": "", "x": 1 }), "Additional properties are not allowed (x was unexpected)"),
    ] {
        assert_eq!(faults(post(file).await), [message]);
    }
    // What is right is refused for what comes next: the service has no contact details.
    for (field, value) in [
        ("is_csv", json!(null)),
        ("is_csv", json!(true)),
        ("confirm_email_before_download", json!(null)),
        ("confirm_email_before_download", json!(false)),
        ("retention_period", json!(null)),
        ("retention_period", json!("1 week")),
        ("retention_period", json!(" 78 WEEKS ")),
        ("filename", json!(null)),
        ("filename", json!("a.b")),
    ] {
        let (name, message) = refused(post(with(json!({ "file": "" }), field, value)).await, 400);
        assert_eq!(name, "BadRequestError", "{field}: {message}");
    }
    // Without `file` it is an ordinary value.
    let accepted = post(json!({ "filename": 1 })).await.expect(201);
    assert_eq!(accepted["content"]["body"], "Hello {'filename': 1}\r\n\r\nBye");
    t.end_as_it_is().await;
}

#[tokio::test]
async fn the_status_page_counts_what_is_live_2_14() {
    let t = TestApp::start().await;
    let url = |path: &str| format!("{}{path}", t.url);
    let counts = async || {
        let path = url("/_status/live-service-and-organisation-counts");
        t.http.get(path).send().await.unwrap().json::<Value>().await.unwrap()
    };
    let before = counts().await;
    let db = t.db().await;
    testkit::service(&db).live().create().await;
    testkit::service(&db).create().await; // in trial mode
    let after = counts().await;
    let services = |counts: &Value| counts["services"].as_i64().unwrap();
    assert_eq!(services(&after), services(&before) + 1);
    assert!(after["organisations"].is_i64());
    for (method, path) in [("GET", "/"), ("POST", "/"), ("GET", "/_status"), ("POST", "/_status")] {
        let method = method.parse::<reqwest::Method>().unwrap();
        let answer = t.http.request(method, url(path)).send().await.unwrap();
        let body: Value = answer.json().await.unwrap();
        let mut names: Vec<&String> = body.as_object().unwrap().keys().collect();
        names.sort();
        assert_eq!(names, ["build_time", "db_bulk_version", "db_version", "git_commit", "status"]);
        assert_eq!(body["status"], "ok");
    }
    t.end().await;
}
