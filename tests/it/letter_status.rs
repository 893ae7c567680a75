//! What the printer posts about letters (public API contract §5.3).

use domain::{KeyType, NotificationId, NotificationStatus as Status, signing::Signer};
use serde_json::{Value, json};
use stub::Kind;

use crate::{
    app::{Answer, TestApp},
    printed_letters::{letter_in, status},
};

/// What the printer says of a letter that it has posted.
fn despatched(id: NotificationId) -> Value {
    json!({
        "id": "1234", "source": "printer", "specVersion": "1", "type": "status",
        "time": "2026-11-23T12:00:00Z", "dataContentType": "application/json",
        "metadata": { "correlationId": "a" },
        "data": {
            "jobId": id, "jobType": "NOTIFY", "jobStatus": "DESPATCHED", "templateReference": "NOTIFY",
            "transitionDate": "2026-11-23T12:00:00Z",
            "despatchProperties": [
                { "key": "totalSheets", "value": "2" },
                { "key": "postageClass", "value": "2ND" },
                { "key": "mailingProduct", "value": "MM" },
            ],
        },
    })
}

fn token(t: &TestApp, id: NotificationId) -> String {
    t.signer.sign(&id.to_string()).unwrap()
}

/// What the printer is answered; `query` follows the path.
async fn post(t: &TestApp, query: &str, body: &str) -> Answer {
    let url = format!("{}/notifications/letter/status{query}", t.url);
    let response = t.http.post(url).body(body.to_owned()).send().await.unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null),
    }
}

async fn say(t: &TestApp, id: NotificationId, body: &Value) -> Answer {
    post(t, &format!("?token={}", token(t, id)), &body.to_string()).await
}

#[tokio::test]
async fn only_who_has_a_letters_token_is_listened_to_and_that_is_asked_first_5_3() {
    let (t, _, id) = letter_in(Status::Sending, KeyType::Normal).await;
    let right = token(&t, id);
    let foreign = Signer::new(&["other".into()], &"test-salt".into()).unwrap();
    let foreign = foreign.sign(&id.to_string()).unwrap();
    let of_no_letter = t.signer.sign("not an id").unwrap();
    let changed = format!("J{}", right.strip_prefix('I').unwrap());
    for query in [
        "".to_owned(),
        "?token=".to_owned(),
        format!("?other={right}"),
        format!("?token={id}"),
        format!("?token={foreign}"),
        format!("?token={changed}"),
        format!("?token={of_no_letter}"),
    ] {
        for body in ["not JSON", &despatched(id).to_string()] {
            let answer = post(&t, &query, body).await.expect(403);
            let message = "A valid token must be provided in the query string";
            let error = json!({ "error": "InvalidRequest", "message": message });
            assert_eq!(answer, json!({ "status_code": 403, "errors": [error] }), "{query}");
        }
    }
    assert_eq!(status(&t, id).await, ("sending".to_owned(), Vec::new()));
    t.end().await;
}

#[tokio::test]
async fn what_the_printer_says_is_checked_field_by_field_5_3() {
    let (t, _, id) = letter_in(Status::Sending, KeyType::Normal).await;
    let pair = |key: &str, value: &str| json!({ "key": key, "value": value });
    let pairs = |class: &str, product: &str| {
        json!([
            pair("totalSheets", "2"),
            pair("postageClass", class),
            pair("mailingProduct", product)
        ])
    };
    let unfit = |class: &str, product: &str| {
        format!(
            "data [{{key: totalSheets, value: 2}}, {{key: postageClass, value: {class}}}, \
             {{key: mailingProduct, value: {product}}}] does not contain items matching the given \
             schema"
        )
    };
    let twice = json!([pair("totalSheets", "2"), pair("totalSheets", "2")]);
    let shown = "[{key: totalSheets, value: 2}, {key: totalSheets, value: 2}]";
    let list = "/data/despatchProperties";
    for (at, value, messages) in [
        ("/id", None, vec!["id is a required property".to_owned()]),
        ("/id", Some(json!(1)), vec!["id 1 is not of type string".to_owned()]),
        ("/time", None, vec!["time is a required property".to_owned()]),
        ("/time", Some(json!("x")), vec!["time x is not a date-time".to_owned()]),
        ("/metadata", None, vec!["metadata is a required property".to_owned()]),
        ("/metadata", Some(json!([])), vec!["metadata [] is not of type object".to_owned()]),
        (
            "/metadata/correlationId",
            None,
            vec!["metadata correlationId is a required property".to_owned()],
        ),
        ("/data", None, vec!["data is a required property".to_owned()]),
        ("/data", Some(json!("x")), vec!["data x is not of type object".to_owned()]),
        ("/data/jobId", None, vec!["data jobId is a required property".to_owned()]),
        ("/data/jobId", Some(json!("x")), vec!["data is not a valid UUID".to_owned()]),
        ("/data/jobStatus", None, vec!["data jobStatus is a required property".to_owned()]),
        (
            "/data/jobStatus",
            Some(json!("INVALID")),
            vec!["data INVALID is not one of [DESPATCHED, REJECTED]".to_owned()],
        ),
        (
            "/data/transitionDate",
            None,
            vec!["data transitionDate is a required property".to_owned()],
        ),
        (
            "/data/transitionDate",
            Some(json!("2026-11-23")),
            vec!["data 2026-11-23 is not a date-time".to_owned()],
        ),
        (
            "/dataContentType",
            Some(json!("text/plain")),
            vec!["dataContentType text/plain is not one of [application/json]".to_owned()],
        ),
        (list, None, vec!["data despatchProperties is a required property".to_owned()]),
        (list, Some(json!({})), vec!["data {} is not of type array".to_owned()]),
        (list, Some(pairs("3RD", "MM")), vec![unfit("3RD", "MM")]),
        (list, Some(pairs("2ND", "PIGEON")), vec![unfit("2ND", "PIGEON")]),
        (
            list,
            Some(twice),
            vec![
                format!("data {shown} is too short"),
                format!("data {shown} has non-unique elements"),
                format!("data {shown} does not contain items matching the given schema"),
            ],
        ),
    ] {
        let mut body = despatched(id);
        let (parent, name) = at.rsplit_once('/').unwrap();
        let parent = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match value {
            Some(value) => parent.insert(name.to_owned(), value),
            None => parent.remove(name),
        };
        let errors: Vec<Value> = messages
            .iter()
            .map(|message| json!({ "error": "ValidationError", "message": message }))
            .collect();
        let answer = say(&t, id, &body).await.expect(400);
        assert_eq!(answer, json!({ "status_code": 400, "errors": errors }), "{at}");
    }
    // Not the 500 of the peer.
    post(&t, &format!("?token={}", token(&t, id)), "{").await.expect(400);
    t.end().await;
}

#[tokio::test]
async fn a_token_is_good_for_its_own_letter_only_5_3() {
    let (t, _, id) = letter_in(Status::Sending, KeyType::Normal).await;
    let other = NotificationId(t.app.clock().new_id());
    let answer = say(&t, id, &despatched(other)).await.expect(400);
    let message = "Notification ID in letter callback data does not match ID in token";
    let error = json!({ "error": "InvalidRequest", "message": message });
    assert_eq!(answer, json!({ "status_code": 400, "errors": [error] }));
    t.end().await;
}

#[tokio::test]
async fn a_despatched_letter_is_delivered_once_and_nobody_is_called_back_5_3() {
    let (t, _, id) = letter_in(Status::Sending, KeyType::Normal).await;
    let mut body = despatched(id);
    body["data"]["more"] = json!({ "is": "allowed" });
    let answer = say(&t, id, &body).await;
    assert_eq!((answer.status, &answer.body), (204, &Value::Null));
    assert_eq!(t.drain().await, 1);
    let posted = vec![("2026-11-23".to_owned(), "sorted".to_owned())];
    assert_eq!(status(&t, id).await, ("delivered".to_owned(), posted.clone()));
    // A later word, of whichever kind, changes nothing more.
    body["data"]["jobStatus"] = json!("REJECTED");
    body["data"]["transitionDate"] = json!("2026-11-24T12:00:00Z");
    say(&t, id, &body).await.expect(204);
    assert_eq!(t.drain().await, 1);
    assert_eq!(status(&t, id).await, ("delivered".to_owned(), posted));
    assert!(t.stub.received(Kind::Callbacks).is_empty());
    t.end().await;
}

#[tokio::test]
async fn a_rejected_letter_is_a_technical_failure_5_3() {
    let (t, _, id) = letter_in(Status::Sending, KeyType::Normal).await;
    let mut body = despatched(id);
    body["data"]["jobStatus"] = json!("REJECTED");
    body["data"].as_object_mut().unwrap().remove("despatchProperties");
    say(&t, id, &body).await.expect(204);
    assert_eq!(t.drain().await, 1);
    assert_eq!(status(&t, id).await, ("technical-failure".to_owned(), Vec::new()));
    say(&t, id, &despatched(id)).await.expect(204);
    assert_eq!(t.drain().await, 1);
    assert_eq!(status(&t, id).await.0, "technical-failure");
    t.end().await;
}

#[tokio::test]
async fn only_second_class_mailmark_is_sorted_and_days_are_londons_5_3() {
    let (t, _, id) = letter_in(Status::Sending, KeyType::Normal).await;
    let again = format!(
        "UPDATE notifications SET notification_status = 'sending' WHERE id = '{id}';
         DELETE FROM notifications_letter_despatch WHERE notification_id = '{id}'"
    );
    let products = ["UNCODED", "MM UNSORTED", "UNSORTED", "INT EU", "INT ROW", "UNSORTEDE"];
    let unsorted = products.map(|product| ("2ND", product, "unsorted"));
    for (class, product, threshold) in [
        ("2ND", "MM", "sorted"),
        ("2ND", "MM ECONOMY", "sorted"),
        ("1ST", "MM", "unsorted"),
        ("INTERNATIONAL", "MM ECONOMY", "unsorted"),
    ]
    .into_iter()
    .chain(unsorted)
    {
        t.db().await.batch_execute(&again).await.unwrap();
        let mut body = despatched(id);
        body["data"]["despatchProperties"][1]["value"] = json!(class);
        body["data"]["despatchProperties"][2]["value"] = json!(product);
        body["data"]["transitionDate"] = json!("2026-07-01T23:30:00Z");
        say(&t, id, &body).await.expect(204);
        assert_eq!(t.drain().await, 1);
        let posted = vec![("2026-07-02".to_owned(), threshold.to_owned())];
        assert_eq!(status(&t, id).await, ("delivered".to_owned(), posted), "{class} {product}");
    }
    t.end().await;
}

#[tokio::test]
async fn the_printers_word_waits_while_the_broker_is_away_5_3() {
    let (t, _, id) = letter_in(Status::Sending, KeyType::Normal).await;
    t.cut_broker().await;
    say(&t, id, &despatched(id)).await.expect(204);
    t.mend_broker().await;
    assert_eq!(t.app.relay_once().await.unwrap(), 1);
    assert_eq!(t.drain().await, 1);
    assert_eq!(status(&t, id).await.0, "delivered");
    t.end().await;
}
