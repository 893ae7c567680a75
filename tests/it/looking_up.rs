//! `GET /v2/notifications` and `GET /v2/notifications/{id}` (public API contract §2.6, §2.7).

use domain::{
    KeyType, NotificationId, NotificationStatus as Status, NotificationType, letter::Postage,
};
use serde_json::{Value, json};
use time::{Duration, macros::datetime};

use crate::app::{Answer, Client, TestApp};

const LIST: &str = "/v2/notifications";

/// The messages of an answer that lists what is wrong with a request.
#[track_caller]
pub(crate) fn faults(answer: Answer) -> Vec<String> {
    let body = answer.expect(400);
    assert_eq!(body["status_code"], 400);
    let errors = body["errors"].as_array().unwrap();
    let message = |error: &Value| {
        assert_eq!(error["error"], "ValidationError");
        error["message"].as_str().unwrap().to_owned()
    };
    errors.iter().map(message).collect()
}

/// Says that nothing was found, in the words of §0.3.
#[track_caller]
pub(crate) fn not_found(answer: Answer) {
    let error = json!({ "error": "NoResultFound", "message": "No result found" });
    assert_eq!(answer.expect(404), json!({ "status_code": 404, "errors": [error] }));
}

fn ids(page: &Value) -> Vec<NotificationId> {
    page["notifications"].as_array().unwrap().iter().map(crate::app::id).collect()
}

async fn listed(client: &Client, query: &str) -> Vec<NotificationId> {
    ids(&client.get(&format!("{LIST}?{query}")).await.expect(200))
}

/// Messages that testkit writes have no values.
async fn without_values(t: &TestApp) {
    t.db().await.execute("UPDATE notifications SET _personalisation = NULL", &[]).await.unwrap();
}

#[tokio::test]
async fn the_list_holds_what_the_callers_type_of_key_sent_the_newest_first_2_7() {
    let t = TestApp::start().await;
    // All keys are made before the first request: accounts are cached.
    let client = t.client().await;
    let team_key = t.client_of(client.service.clone(), KeyType::Team).await;
    let test_key = t.client_of(client.service.clone(), KeyType::Test).await;
    let (db, service, now) = (t.db().await, &client.service, t.app.clock().now());
    let minutes = |ago: i64| now - Duration::minutes(ago);
    let message = |ago| testkit::message(service, client.sms, minutes(ago));
    let old = message(5).live(&db).await;
    let new = message(1).live(&db).await;
    let team = message(2).key_type(KeyType::Team).live(&db).await;
    let test = message(3).key_type(KeyType::Test).live(&db).await;
    let job = testkit::job(&db, service, client.sms, 1).create().await;
    let row = message(4).job(job.0).live(&db).await;
    let other = t.client().await;
    let others = testkit::message(&other.service, other.sms, now).live(&db).await;
    without_values(&t).await;

    let page = client.get(LIST).await.expect(200);
    assert_eq!(ids(&page), [new, old], "own, of the same key type, no rows of files");
    assert_eq!(listed(&client, "include_jobs=true").await, [new, row, old]);
    assert_eq!(listed(&client, "include_jobs=True&include_jobs=x").await, [new, row, old]);
    assert_eq!(listed(&other, "").await, [others]);
    assert_eq!(listed(&team_key, "").await, [team]);
    assert_eq!(listed(&test_key, "").await, [test]);
    // One alone is found with any key, and so are rows of files (§1.1, §2.6).
    for id in [old, team, test, row] {
        assert_eq!(test_key.get(&format!("{LIST}/{id}")).await.expect(200)["id"], json!(id));
    }
    not_found(test_key.get(&format!("{LIST}/{others}")).await);
    t.end().await;
}

#[tokio::test]
async fn every_filter_of_the_list_leaves_what_it_names_2_7() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let (db, service, now) = (t.db().await, &client.service, t.app.clock().now());
    let mut by_status = Vec::new();
    let statuses: &[Status] = strum::VariantArray::VARIANTS;
    for (ago, status) in (0..).zip(statuses) {
        let at = now - Duration::minutes(ago);
        let message = testkit::message(service, client.sms, at).status(*status);
        by_status.push((*status, message.live(&db).await));
    }
    let at = now - Duration::hours(1);
    let email = testkit::message(service, client.email, at).email().live(&db).await;
    let at = now - Duration::hours(2);
    let letter = testkit::template(&db, service).letter("A", "B").create().await;
    let letter = testkit::message(service, letter, at).letter(1, "second").live(&db).await;
    without_values(&t).await;
    db.execute("UPDATE notifications SET client_reference = 'a &é' WHERE id = $1", &[&email])
        .await
        .unwrap();
    let expected = |wanted: &[Status]| -> Vec<NotificationId> {
        by_status.iter().filter(|(s, _)| wanted.contains(s)).map(|(_, id)| *id).collect()
    };
    let sms = "template_type=sms&status=";
    for (status, id) in by_status.iter().filter(|(s, _)| *s != Status::Failed) {
        assert_eq!(listed(&client, &format!("{sms}{status}")).await, [*id], "{status}");
    }
    let failed = [
        Status::Failed,
        Status::TechnicalFailure,
        Status::TemporaryFailure,
        Status::PermanentFailure,
        Status::ValidationFailed,
        Status::VirusScanFailed,
        Status::ReturnedLetter,
    ];
    assert_eq!(listed(&client, &format!("{sms}failed")).await, expected(&failed));
    let accepted = [Status::Created, Status::Sending];
    assert_eq!(listed(&client, &format!("{sms}accepted")).await, expected(&accepted));
    assert_eq!(listed(&client, &format!("{sms}received")).await, expected(&[Status::Delivered]));
    let two = [Status::Sent, Status::Pending];
    assert_eq!(listed(&client, &format!("{sms}sent&status=pending")).await, expected(&two));

    let all: Vec<_> = by_status.iter().map(|(_, id)| *id).chain([email, letter]).collect();
    assert_eq!(listed(&client, "").await, all);
    assert_eq!(listed(&client, "template_type=email").await, [email]);
    assert_eq!(listed(&client, "template_type=letter").await, [letter]);
    let both = "template_type=letter&template_type=email";
    assert_eq!(listed(&client, both).await, [email, letter]);
    assert_eq!(listed(&client, "reference=a+%26%C3%A9&reference=x").await, [email]);
    assert!(listed(&client, "reference=A+%26%C3%A9").await.is_empty(), "an exact match");
    assert!(listed(&client, "reference=").await.is_empty());
    assert_eq!(listed(&client, &format!("older_than={email}")).await, [letter]);
    let bare = email.0.simple().to_string().to_uppercase();
    assert_eq!(listed(&client, &format!("older_than={bare}&older_than=x")).await, [letter]);
    t.end().await;
}

#[tokio::test]
async fn pages_of_250_are_linked_and_no_row_is_left_out_between_them_2_7() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let db = t.db().await;
    let one = testkit::message(&client.service, client.sms, t.app.clock().now()).live(&db).await;
    t.copy(one, 259).await; // all accepted at the same time
    without_values(&t).await;
    let path = format!("{LIST}?status=delivered&status=sent&template_type=sms");
    let first = client.get(&path).await.expect(200);
    let first_ids = ids(&first);
    assert_eq!(first_ids.len(), 250);
    assert_eq!(first["links"]["current"], format!("{}{path}", t.url));
    let query = "status=delivered&status=sent&template_type=sms";
    let next = format!("{LIST}?older_than={}&{query}", first_ids[249]);
    assert_eq!(first["links"]["next"], format!("{}{next}", t.url));
    let second = client.get(&next).await.expect(200);
    let second_ids = ids(&second);
    assert_eq!(second["links"]["current"], format!("{}{next}", t.url), "older_than included");
    let last = second_ids.last().unwrap();
    let next = format!("{LIST}?older_than={last}&{query}");
    assert_eq!(second["links"]["next"], format!("{}{next}", t.url), "also after a short page");
    let third = client.get(&next).await.expect(200);
    assert_eq!(
        third,
        json!({ "notifications": [],
                              "links": { "current": format!("{}{next}", t.url) } })
    );
    let seen: std::collections::BTreeSet<_> = first_ids.iter().chain(&second_ids).collect();
    assert_eq!((seen.len(), second_ids.len()), (260, 10));
    let unknown = client.get(&format!("{LIST}?older_than={}", uuid::Uuid::nil())).await;
    assert_eq!(unknown.expect(200)["notifications"], json!([]));
    t.end().await;
}

#[tokio::test]
async fn every_fault_of_a_list_query_is_told_2_7() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let statuses = "cancelled, created, sending, sent, delivered, pending, failed, \
                    technical-failure, temporary-failure, permanent-failure, pending-virus-check, \
                    validation-failed, virus-scan-failed, returned-letter, accepted, received";
    for (query, expected) in [
        (
            "status=x&status=sent&status=y",
            vec![
                format!("status x is not one of [{statuses}]"),
                format!("status y is not one of [{statuses}]"),
            ],
        ),
        (
            "template_type=fax",
            vec!["template_type fax is not one of [sms, email, letter]".to_owned()],
        ),
        ("older_than=x", vec!["older_than is not a valid UUID".to_owned()]),
        ("older_than=", vec!["older_than is not a valid UUID".to_owned()]),
        ("include_jobs=false", vec!["include_jobs false is not one of [true, True]".to_owned()]),
        ("include_jobs=1", vec!["include_jobs 1 is not one of [true, True]".to_owned()]),
        ("page=2", vec!["Additional properties are not allowed (page was unexpected)".to_owned()]),
        (
            "b=1&a=2&older_than=1",
            vec![
                "older_than is not a valid UUID".to_owned(),
                "Additional properties are not allowed (a, b were unexpected)".to_owned(),
            ],
        ),
    ] {
        assert_eq!(faults(client.get(&format!("{LIST}?{query}")).await), expected, "{query}");
    }
    // A character that no database takes is no reason to fail (§0.3).
    client.get(&format!("{LIST}?reference=%00")).await.expect(400);
    t.end().await;
}

#[tokio::test]
async fn an_id_that_is_none_or_unknown_is_refused_2_6() {
    let t = TestApp::start().await;
    let client = t.client().await;
    for id in ["x", "sms", "email", "letter", "%203d844edf-8d35-48ac-975b-e847b4f122b0"] {
        let answer = client.get(&format!("{LIST}/{id}")).await;
        assert_eq!(faults(answer), ["notification_id is not a valid UUID"], "{id}");
    }
    not_found(client.get(&format!("{LIST}/3d844edf-8d35-48ac-975b-e847b4f122b0")).await);
    not_found(client.get(&format!("{LIST}/3D844EDF8D3548AC975BE847B4F122B0")).await);
    let (db, now) = (t.db().await, t.app.clock().now());
    let archived = testkit::message(&client.service, client.sms, now).archived(&db).await;
    not_found(client.get(&format!("{LIST}/{archived}")).await);
    // No aliases with a slash at the end (§0.1), and no such routes any more (§2.15).
    for path in ["/v2/notifications/", "/notifications", &format!("/notifications/{archived}")] {
        assert_eq!(client.get(path).await.expect(404)["result"], "error", "{path}");
    }
    t.end().await;
}

#[tokio::test]
async fn a_text_message_is_shown_with_what_it_costs_2_6() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let (db, now) = (t.db().await, t.app.clock().now());
    let message = || testkit::message(&client.service, client.sms, now);
    let unknown = message().status(Status::Created).units(0).live(&db).await;
    let counted = message().status(Status::Created).units(2).live(&db).await;
    let failed = message().status(Status::TechnicalFailure).units(0).live(&db).await;
    let abroad = message().units(2).abroad(3).live(&db).await;
    let old = testkit::message(&client.service, client.sms, datetime!(2024-01-01 00:00 UTC));
    let old = old.units(2).live(&db).await;
    without_values(&t).await;
    let cost = async |id| {
        let shown = client.get(&format!("{LIST}/{id}")).await.expect(200);
        let field = |name: &str| shown[name].clone();
        (field("is_cost_data_ready"), field("cost_in_pounds"), field("cost_details"))
    };
    let details = |fragments: i32, multiplier: f64| {
        json!({ "billable_sms_fragments": fragments, "international_rate_multiplier": multiplier,
                "sms_rate": 0.024 })
    };
    assert_eq!(cost(unknown).await, (json!(false), Value::Null, json!({})));
    assert_eq!(cost(counted).await, (json!(true), json!(0.048), details(2, 1.0)));
    assert_eq!(cost(failed).await, (json!(true), json!(0.0), details(0, 1.0)));
    assert_eq!(cost(abroad).await, (json!(true), json!(0.144), details(2, 3.0)));
    assert_eq!(cost(old).await.1, json!(0.0394), "at the rate of its day");
    let shown = client.get(&format!("{LIST}/{counted}")).await.expect(200);
    let template = client.sms;
    let uri = format!("{}/v2/template/{template}/version/1", t.url);
    assert_eq!(shown["template"], json!({ "id": template, "version": 1, "uri": uri }));
    for absent in [
        "email_address",
        "line_1",
        "line_6",
        "postcode",
        "subject",
        "completed_at",
        "created_by_name",
        "scheduled_for",
        "postage",
        "one_click_unsubscribe_url",
    ] {
        assert_eq!(shown.get(absent), Some(&Value::Null), "{absent}");
    }
    assert_eq!(shown.get("estimated_delivery"), None);
    t.end().await;
}

#[tokio::test]
async fn what_is_over_has_a_time_of_completion_and_its_sender_a_name_2_6() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let (db, now) = (t.db().await, t.app.clock().now());
    let statuses: &[Status] = strum::VariantArray::VARIANTS;
    let mut messages = Vec::new();
    for status in statuses {
        let message = testkit::message(&client.service, client.sms, now).status(*status);
        messages.push((*status, message.live(&db).await));
    }
    without_values(&t).await;
    db.execute(
        "UPDATE notifications SET updated_at = '2026-01-02 03:04:05.678', created_by_id = $1",
        &[&client.service.user_id],
    )
    .await
    .unwrap();
    let name: String = db
        .query_one("SELECT name FROM users WHERE id = $1", &[&client.service.user_id])
        .await
        .unwrap()
        .get(0);
    for (status, id) in messages {
        let shown = client.get(&format!("{LIST}/{id}")).await.expect(200);
        let is_over = !matches!(
            status,
            Status::Created
                | Status::Sending
                | Status::Pending
                | Status::PendingVirusCheck
                | Status::VirusScanFailed
        );
        let expected = is_over.then_some("2026-01-02T03:04:05.678000Z");
        assert_eq!(shown["completed_at"], json!(expected), "{status}");
        assert_eq!(shown["status"], json!(status), "as it is stored (§2.6.1)");
        assert_eq!(shown["created_by_name"], json!(name));
    }
    t.end().await;
}

#[tokio::test]
async fn a_letter_is_shown_with_its_address_cost_and_delivery_2_6() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let db = t.db().await;
    let template = testkit::template(&db, &client.service).letter("Hi ((name))", "Bye ((name))");
    let template = template.create().await;
    let values = json!({ "Address Line 1": "A. Person", "address_line_2": "1 High Street",
                         "ADDRESS-LINE-6": 6, "address_line_7": "SW1 1AA", "name": "<Ada>" });
    let signed = t.signer.sign(&values).unwrap();
    let letter = || {
        testkit::letter(&db, &client.service, template)
            .created_at(datetime!(2000-12-01 00:00 UTC))
            .personalisation(&signed)
    };
    let show = async |id| client.get(&format!("{LIST}/{id}")).await.expect(200);
    let shown = show(letter().create().await).await;
    assert_eq!(shown["line_1"], "A. Person");
    assert_eq!(shown["line_2"], "1 High Street");
    assert_eq!((&shown["line_3"], &shown["line_6"]), (&Value::Null, &json!(6)));
    assert_eq!(shown.get("line_7"), None);
    assert_eq!((&shown["postcode"], &shown["postage"]), (&Value::Null, &json!("second")));
    assert_eq!((&shown["phone_number"], &shown["email_address"]), (&Value::Null, &Value::Null));
    assert_eq!(shown["body"], "Bye <Ada>");
    assert_eq!(shown["subject"], "Hi &lt;Ada&gt;", "escaped (§3.5)");
    assert_eq!(shown["reference"], "client reference");
    assert_eq!(shown["is_cost_data_ready"], false);
    // §2.6.2's own example, and the other classes of post.
    for (postage, expected) in [
        (Postage::Second, "2000-12-11T16:00:00.000000Z"),
        (Postage::First, "2000-12-05T16:00:00.000000Z"),
        (Postage::Economy, "2000-12-13T16:00:00.000000Z"),
        (Postage::Europe, "2000-12-12T16:00:00.000000Z"),
        (Postage::RestOfWorld, "2000-12-14T16:00:00.000000Z"),
    ] {
        let shown = show(letter().postage(postage).create().await).await;
        assert_eq!(shown["estimated_delivery"], expected, "{postage}");
    }
    for (status, expected) in [
        (Status::Created, "accepted"),
        (Status::Sending, "accepted"),
        (Status::Delivered, "received"),
        (Status::ReturnedLetter, "received"),
        (Status::PendingVirusCheck, "pending-virus-check"),
        (Status::VirusScanFailed, "virus-scan-failed"),
        (Status::ValidationFailed, "validation-failed"),
        (Status::TechnicalFailure, "technical-failure"),
        (Status::PermanentFailure, "permanent-failure"),
        (Status::Cancelled, "cancelled"),
    ] {
        assert_eq!(show(letter().status(status).create().await).await["status"], expected);
    }
    t.end().await;
}

#[tokio::test]
async fn a_letter_costs_its_sheets_at_the_rate_of_its_day_2_6() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let (db, now) = (t.db().await, t.app.clock().now());
    let template = testkit::template(&db, &client.service).letter("A", "B").create().await;
    let rate: String = db
        .query_one(
            "SELECT rate::text FROM letter_rates WHERE crown AND sheet_count = 3
                AND post_class = 'second' AND end_date IS NULL",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    let rate: f64 = rate.parse().unwrap();
    let letter = || testkit::letter(&db, &client.service, template).sheets(3).created_at(now);
    let never_sent = json!({ "billable_sheets_of_paper": 0, "postage": "second" });
    let counted = json!({ "billable_sheets_of_paper": 3, "postage": "second" });
    for (status, ready, cost, details) in [
        (Status::PendingVirusCheck, false, Value::Null, json!({})),
        (Status::Created, true, json!(rate), counted.clone()),
        (Status::Delivered, true, json!(rate), counted),
        (Status::Cancelled, true, json!(0.0), never_sent.clone()),
        (Status::TechnicalFailure, true, json!(0.0), never_sent.clone()),
        (Status::ValidationFailed, true, json!(0.0), never_sent.clone()),
        (Status::VirusScanFailed, true, json!(0.0), never_sent),
    ] {
        let id = letter().status(status).create().await;
        let shown = client.get(&format!("{LIST}/{id}")).await.expect(200);
        assert_eq!(shown["is_cost_data_ready"], ready, "{status}");
        assert_eq!(
            (&shown["cost_in_pounds"], &shown["cost_details"]),
            (&cost, &details),
            "{status}"
        );
    }
    for (sheets, postage, created_at, cost) in [
        (2, Postage::First, datetime!(2020-01-01 00:00 UTC), 0.66),
        (2, Postage::Second, datetime!(2020-01-01 00:00 UTC), 0.40),
        (3, Postage::Second, datetime!(2020-01-01 00:00 UTC), 0.45),
        (2, Postage::Second, datetime!(2021-01-31 23:59 UTC), 0.40),
        (2, Postage::Second, datetime!(2021-02-01 00:00 UTC), 0.44),
        (1, Postage::RestOfWorld, datetime!(2023-12-31 00:00 UTC), 1.26),
    ] {
        let letter = testkit::letter(&db, &client.service, template).postage(postage);
        let id = letter.sheets(sheets).created_at(created_at).create().await;
        let shown = client.get(&format!("{LIST}/{id}")).await.expect(200);
        assert_eq!(shown["cost_in_pounds"], json!(cost), "{sheets} {postage} {created_at}");
    }
    t.end().await;
}

/// None is left out for being null, but for the estimated delivery of what is no letter.
#[tokio::test]
async fn every_field_is_there_for_every_channel_2_6() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let db = t.db().await;
    let template = testkit::template(&db, &client.service).letter("A", "B").create().await;
    let letter = testkit::letter(&db, &client.service, template).create().await;
    let sms = client.send_sms(" +(44)\u{200b} 77009-00855 ").await;
    let email = client.send_email(" Ada\u{200b}@Example.com\u{a0}").await;
    let show = async |id: NotificationId| client.get(&format!("{LIST}/{id}")).await.expect(200);
    for (id, is_letter) in [(sms, false), (email, false), (letter, true)] {
        let shown = show(id).await;
        let mut fields = vec![
            "body",
            "completed_at",
            "cost_details",
            "cost_in_pounds",
            "created_at",
            "created_by_name",
            "email_address",
            "estimated_delivery",
            "id",
            "is_cost_data_ready",
            "line_1",
            "line_2",
            "line_3",
            "line_4",
            "line_5",
            "line_6",
            "one_click_unsubscribe_url",
            "phone_number",
            "postage",
            "postcode",
            "reference",
            "scheduled_for",
            "sent_at",
            "status",
            "subject",
            "template",
            "type",
        ];
        fields.retain(|name| is_letter || *name != "estimated_delivery");
        let mut there: Vec<&String> = shown.as_object().unwrap().keys().collect();
        there.sort();
        assert_eq!(there, fields);
        assert_eq!(shown["id"], json!(id));
    }
    // Only trimmed, and rid of what nobody sees.
    assert_eq!(show(sms).await["phone_number"], "+(44) 77009-00855");
    assert_eq!(show(email).await["email_address"], "Ada@Example.com");
    t.end_as_it_is().await;
}

#[tokio::test]
async fn a_message_is_shown_from_the_version_that_it_was_made_from_2_6() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let db = t.db().await;
    let new_version = async |version: i32| {
        let sql =
            "UPDATE templates SET version = $2, content = 'Version ' || $2::int || ' ((name))'
                    WHERE id = $1";
        db.execute(sql, &[&client.sms, &version]).await.unwrap();
        let sql = "INSERT INTO templates_history SELECT * FROM templates WHERE id = $1";
        db.execute(sql, &[&client.sms]).await.unwrap();
    };
    new_version(2).await;
    let id = client.send_sms("07700900123").await;
    new_version(3).await;
    let shown = client.get(&format!("{LIST}/{id}")).await.expect(200);
    assert_eq!(
        (&shown["body"], &shown["template"]["version"]),
        (&json!("Version 2 Ada"), &json!(2))
    );
    t.end_as_it_is().await;
}

#[tokio::test]
async fn a_precompiled_letter_has_neither_address_nor_body_2_6() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let db = t.db().await;
    let template = testkit::template(&db, &client.service).letter("Pre-compiled PDF", "").hidden();
    let template = template.create().await;
    let signed = t.signer.sign(&json!({ "address_line_1": "Provided as PDF" })).unwrap();
    let letter = testkit::letter(&db, &client.service, template).personalisation(&signed);
    let shown = client.get(&format!("{LIST}/{}", letter.create().await)).await.expect(200);
    assert_eq!((&shown["line_1"], &shown["line_2"]), (&json!("Provided as PDF"), &Value::Null));
    assert_eq!((&shown["body"], &shown["subject"]), (&json!(""), &json!("Pre-compiled PDF")));
    assert_eq!(shown["type"], json!(NotificationType::Letter));
    t.end().await;
}
