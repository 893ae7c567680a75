//! What services are told, besides what became of their messages.

use std::time::Duration;

use serde_json::{Value, json};
use stub::Kind;
use tasks::{
    SendReturnedLetter,
    callbacks::{ReturnedLetter, Signed},
};

use crate::app::TestApp;

#[tokio::test]
async fn a_complaint_is_told_once_to_a_service_that_wants_to_know() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let token = t.signer.sign("complaint token").unwrap();
    let url = format!("{}/callback/200", t.stub.url);
    let db = t.db().await;
    testkit::callback(&db, &client.service, "complaint", &url, &token).await;
    let id = client.send_email("complaint@example.com").await;
    t.drain().await;
    let emails = t.received(Kind::Emails, 1).await;
    let complained = async || {
        let sql = "SELECT count(*) FROM complaints WHERE notification_id = $1";
        t.db().await.query_one(sql, &[&id]).await.unwrap().get::<_, i64>(0) == 1
    };
    let told = async {
        while !complained().await {
            t.drain().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told).await.expect("SNS tells of it");
    t.drain().await;
    let told = t.received(Kind::Callbacks, 2).await; // delivered, and the complaint
    let told: Vec<&Value> = told.iter().filter(|told| told["path"] == "/callback/200").collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["authorization"], "Bearer complaint token");
    let body = &told[0]["body"];
    let sql = "SELECT id::text FROM complaints WHERE notification_id = $1";
    let complaint = t.db().await.query_one(sql, &[&id]).await.unwrap();
    assert_eq!(body["notification_id"], json!(id));
    assert_eq!(body["complaint_id"], complaint.get::<_, &str>(0));
    assert_eq!((&body["reference"], &body["to"]), (&Value::Null, &json!("complaint@example.com")));
    assert_eq!(body["complaint_date"].as_str().unwrap().len(), 27);
    assert_eq!(body.as_object().unwrap().len(), 5);

    // The same event once more.
    let mail = json!({ "messageId": emails[0]["id"], "destination": ["complaint@example.com"] });
    let feedback = "SELECT ses_feedback_id FROM complaints";
    let feedback: String = t.db().await.query_one(feedback, &[]).await.unwrap().get(0);
    let event = json!({ "notificationType": "Complaint", "mail": mail,
                        "complaint": { "feedbackId": feedback } });
    let task = tasks::ProcessSesResult {
        response: json!({ "Message": event.to_string() }),
        receipt_iso_timestamp: None,
    };
    t.retry(&task).await;
    assert_eq!(t.drain().await, 1, "nothing follows");
    t.end().await;
}

#[tokio::test]
async fn a_returned_letter_is_told_where_and_as_the_task_says() {
    let t = TestApp::start().await;
    let letter = ReturnedLetter {
        notification_id: "3d844edf-8d35-48ac-975b-e847b4f122b0".to_owned(),
        reference: None,
        date_sent: "2026-11-24T12:00:00.000000Z".to_owned(),
        sent_by: "API".to_owned(),
        template_name: Some("Letter".to_owned()),
        template_id: Some("9c1e4f5a-8d35-48ac-975b-e847b4f122b0".to_owned()),
        template_version: Some(2),
        spreadsheet_file_name: None,
        spreadsheet_row_number: None,
        upload_letter_file_name: None,
    };
    let signed = Signed {
        body: letter,
        service_callback_api_url: format!("{}/callback", t.stub.url),
        service_callback_api_bearer_token: "token".to_owned(),
    };
    let returned_letter_data = t.signer.sign(&signed).unwrap();
    t.retry(&SendReturnedLetter { returned_letter_data }).await;
    assert_eq!(t.drain().await, 1);
    let told = t.received(Kind::Callbacks, 1).await.remove(0);
    assert_eq!(told["authorization"], "Bearer token");
    assert_eq!(
        told["body"],
        json!({
            "notification_id": "3d844edf-8d35-48ac-975b-e847b4f122b0",
            "reference": null,
            "date_sent": "2026-11-24T12:00:00.000000Z",
            "sent_by": "API",
            "template_name": "Letter",
            "template_id": "9c1e4f5a-8d35-48ac-975b-e847b4f122b0",
            "template_version": 2,
            "spreadsheet_file_name": null,
            "spreadsheet_row_number": null,
            "upload_letter_file_name": null,
        })
    );
    t.end().await;
}

#[tokio::test]
async fn a_callback_whose_text_we_did_not_sign_is_a_dead_letter() {
    let t = TestApp::start().await;
    t.retry(&SendReturnedLetter { returned_letter_data: "e30.forged".to_owned() }).await;
    assert_eq!(t.drain().await, 1);
    assert!(t.stub.received(Kind::Callbacks).is_empty());
    t.end().await;
}
