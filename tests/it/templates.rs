//! `/v2/template` and `/v2/templates` (public API contract §2.9 to §2.11).

use domain::{KeyType, TemplateId};
use serde_json::{Value, json};

use crate::{
    app::{Answer, TestApp},
    looking_up::{faults, not_found},
};

#[track_caller]
fn bad_request(answer: Answer, message: &str) {
    let error = json!({ "error": "BadRequestError", "message": message });
    assert_eq!(answer.expect(400), json!({ "status_code": 400, "errors": [error] }));
}

#[tokio::test]
async fn a_template_is_shown_in_its_latest_version_or_another_2_9() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let db = t.db().await;
    let id = client.email;
    let path = format!("/v2/template/{id}");
    db.execute(
        "UPDATE templates SET version = 2, content = E'New ((Colour??yes)) ((name)) ((NAME))\\r\\n',
                name = 'Second', updated_at = '2026-01-02 03:04:05' WHERE id = $1",
        &[&id],
    )
    .await
    .unwrap();
    db.execute("INSERT INTO templates_history SELECT * FROM templates WHERE id = $1", &[&id])
        .await
        .unwrap();
    let sql = "SELECT email_address FROM users WHERE id = $1";
    let author: String = db.query_one(sql, &[&client.service.user_id]).await.unwrap().get(0);
    let latest = client.get(&path).await.expect(200);
    let created_at = latest["created_at"].clone();
    assert_eq!(created_at.as_str().unwrap().len(), 27);
    assert_eq!(
        latest,
        json!({
            "id": id, "name": "Second", "version": 2, "type": "email", "created_at": created_at,
            "updated_at": "2026-01-02T03:04:05.000000Z", "created_by": author,
            "body": "New ((Colour??yes)) ((name)) ((NAME))\r\n", "subject": "Dear ((name))",
            "personalisation": { "name": { "required": true }, "Colour": { "required": true } },
            "postage": null, "letter_contact_block": null,
        })
    );
    let first = client.get(&format!("{path}/version/1")).await.expect(200);
    assert_eq!((&first["version"], &first["name"]), (&json!(1), &json!("Test template")));
    assert_eq!(first["body"], "Hello ((name))\r\n\r\nBye", "newlines as they are stored");
    assert_eq!(first["updated_at"], Value::Null);
    assert_eq!(client.get(&format!("{path}/version/2")).await.expect(200), latest);
    assert_eq!(client.get(&format!("{path}/version/0")).await.expect(200), latest, "the latest");
    not_found(client.get(&format!("{path}/version/3")).await);
    not_found(client.get(&format!("{path}/version/99999999999")).await);
    for version in ["x", "-1", "1.0", ""] {
        let answer = client.get(&format!("{path}/version/{version}")).await;
        assert_eq!(answer.expect(404)["result"], "error", "{version}: no such route");
    }
    t.end().await;
}

#[tokio::test]
async fn templates_of_others_and_hidden_ones_are_not_found_and_deleted_ones_are_2_9() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let db = t.db().await;
    let hidden = testkit::template(&db, &client.service).letter("A", "B").hidden().create().await;
    let archived = testkit::template(&db, &client.service).archived().create().await;
    let others = t.client().await.sms;
    for id in [hidden, others, TemplateId(uuid::Uuid::nil())] {
        not_found(client.get(&format!("/v2/template/{id}")).await);
        not_found(client.get(&format!("/v2/template/{id}/version/1")).await);
        not_found(client.post(&format!("/v2/template/{id}/preview"), &json!({})).await);
    }
    client.get(&format!("/v2/template/{archived}")).await.expect(200);
    client.get(&format!("/v2/template/{archived}/version/1")).await.expect(200);
    let values = json!({ "personalisation": { "name": "Ada" } });
    client.post(&format!("/v2/template/{archived}/preview"), &values).await.expect(200);
    for path in ["/v2/template/x", "/v2/template/x/version/1"] {
        assert_eq!(faults(client.get(path).await), ["id is not a valid UUID"], "{path}");
    }
    t.end().await;
}

#[tokio::test]
async fn a_letters_placeholders_are_those_of_all_its_texts_but_the_address_2_9() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let db = t.db().await;
    let id = testkit::template(&db, &client.service).letter("((a))", "((b))").create().await;
    db.execute(
        "WITH block AS (
            INSERT INTO service_letter_contacts
                (id, service_id, contact_block, is_default, archived, created_at)
            VALUES (gen_random_uuid(), $2, '((c))', false, false, now()) RETURNING id)
        UPDATE templates SET service_letter_contact_id = (SELECT id FROM block),
               letter_welsh_subject = '((d))', letter_welsh_content = '((e))',
               letter_languages = 'welsh_then_english' WHERE id = $1",
        &[&id, &client.service.id],
    )
    .await
    .unwrap();
    let shown = client.get(&format!("/v2/template/{id}")).await.expect(200);
    let names: Vec<_> = shown["personalisation"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["c", "d", "e", "a", "b"].iter().collect::<Vec<_>>());
    assert_eq!(
        (&shown["postage"], &shown["letter_contact_block"]),
        (&json!("second"), &json!("((c))"))
    );
    assert_eq!(shown["type"], "letter");
    t.end().await;
}

#[tokio::test]
async fn the_list_holds_templates_in_use_by_name_and_type_2_10() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let db = t.db().await;
    testkit::template(&db, &client.service).archived().create().await;
    testkit::template(&db, &client.service).hidden().create().await;
    let letter = testkit::template(&db, &client.service).letter("A", "B").create().await;
    db.execute("UPDATE templates SET name = 'A letter' WHERE id = $1", &[&letter]).await.unwrap();
    let ids = async |query: &str| -> Vec<String> {
        let page = client.get(&format!("/v2/templates{query}")).await.expect(200);
        let templates = page["templates"].as_array().unwrap().iter();
        templates.map(|template| template["id"].as_str().unwrap().to_owned()).collect()
    };
    let (sms, email, letter) =
        (client.sms.to_string(), client.email.to_string(), letter.to_string());
    assert_eq!(ids("").await, [&letter, &sms, &email].map(String::clone));
    assert_eq!(ids("?type=sms").await, [sms]);
    assert_eq!(ids("?type=email&type=x").await, [email.as_str()], "the first counts");
    assert_eq!(ids("?type=letter").await, [letter]);
    let page = client.get("/v2/templates?type=email").await.expect(200);
    let alone = client.get(&format!("/v2/template/{email}")).await.expect(200);
    assert_eq!(page["templates"][0], alone);
    assert_eq!(
        faults(client.get("/v2/templates?type=fax&x=1").await),
        [
            "type fax is not one of [sms, email, letter]",
            "Additional properties are not allowed (x was unexpected)",
        ]
    );
    let service = testkit::service(&db).live().create().await;
    let empty = t.client_of(service, KeyType::Team).await;
    db.execute("UPDATE templates SET archived = true WHERE service_id = $1", &[&empty.service.id])
        .await
        .unwrap();
    assert_eq!(empty.get("/v2/templates").await.expect(200), json!({ "templates": [] }));
    t.end().await;
}

#[tokio::test]
async fn a_preview_fills_the_template_2_11() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let preview = async |id: TemplateId| {
        let body = json!({ "personalisation": { "Name": "<Ada>", "more": 1 }, "other": null });
        client.post(&format!("/v2/template/{id}/preview"), &body).await.expect(200)
    };
    let sms = client.sms;
    assert_eq!(
        preview(sms).await,
        json!({ "id": sms, "type": "sms", "version": 1, "body": "Hello <Ada>", "subject": null,
                "postage": null, "html": null })
    );
    let mut email = preview(client.email).await;
    let html = email["html"].take();
    let html = html.as_str().unwrap();
    assert!(html.contains("Hello &lt;Ada&gt;</p>") && !html.contains("<html"), "{html}");
    assert_eq!(
        email,
        json!({ "id": client.email, "type": "email", "version": 1, "html": null, "postage": null,
                "body": "Hello <Ada>\r\n\r\nBye", "subject": "Dear <Ada>" })
    );
    let db = t.db().await;
    let letter = testkit::template(&db, &client.service).letter("Hi ((name))", "B").create().await;
    assert_eq!(
        preview(letter).await,
        json!({ "id": letter, "type": "letter", "version": 1, "body": "B",
                "subject": "Hi &lt;Ada&gt;", "postage": "second", "html": null })
    );
    t.end().await;
}

#[tokio::test]
async fn a_preview_needs_every_value_and_no_body_2_11() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let db = t.db().await;
    let two = testkit::template(&db, &client.service).email("((b))", "((a)) ((B))").create().await;
    let plain = testkit::template(&db, &client.service).sms("Hello").create().await;
    let path = format!("/v2/template/{two}/preview");
    bad_request(client.post(&path, &json!({})).await, "Missing personalisation: b, a");
    let null = json!({ "personalisation": { "a": null, "b": "" } });
    bad_request(client.post(&path, &null).await, "Missing personalisation: a");
    for (value, shown) in [(json!(null), "None"), (json!(["a"]), "[a]"), (json!(1), "1")] {
        let answer = client.post(&path, &json!({ "personalisation": value })).await;
        let message = format!("personalisation {shown} is not of type object");
        assert_eq!(faults(answer), [message]);
    }
    let answer = client.post("/v2/template/x/preview", &json!({})).await;
    assert_eq!(faults(answer), ["id is not a valid UUID"]);
    let own = || testkit::template(&db, &client.service).sms("Hello");
    let (archived, hidden) = (own().archived().create().await, own().hidden().create().await);
    client.post(&format!("/v2/template/{archived}/preview"), &json!({})).await.expect(200);
    for id in [TemplateId(uuid::Uuid::nil()), hidden, t.client().await.sms] {
        not_found(client.post(&format!("/v2/template/{id}/preview"), &json!({})).await);
    }
    let raw = async |body: &'static str| {
        let url = format!("{}/v2/template/{plain}/preview", t.url);
        let request = t.http.post(url).header("Authorization", client.token()).body(body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    for body in ["", "{}", "null", "[]"] {
        let (status, answer) = raw(body).await;
        assert_eq!((status, &answer["body"]), (200, &json!("Hello")), "{body}");
    }
    let (status, answer) = raw("{").await;
    assert_eq!(status, 400);
    let message = "Invalid JSON supplied in POST data";
    assert_eq!(answer["errors"], json!([{ "error": "BadRequestError", "message": message }]));
    t.end().await;
}
