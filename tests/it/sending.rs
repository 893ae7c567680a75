//! From the queue to the provider, back by receipt, and on to the service.

use domain::{KeyType, NotificationId, NotificationStatus as Status};
use serde_json::{Value, json};
use stub::Kind;

use crate::app::TestApp;

#[tokio::test]
async fn an_sms_goes_from_post_to_delivered_and_its_service_is_told() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let id = client.send_sms("07700 900123").await;
    t.drain().await;
    let sent = t.received(Kind::Sms, 1).await;
    let sent = &sent[0]["request"];
    assert_eq!(sent["cid"], json!(id));
    assert_eq!(sent["MSISDN"], "447700900123");
    assert_eq!(sent["msg"], format!("{}: Hello Ada", client.service.name));
    assert_eq!(sent["sender"], "GOVUK");
    t.drain_until(id, Status::Delivered).await;
    t.drain().await;

    let called = t.received(Kind::Callbacks, 1).await;
    let body = &called[0]["body"];
    assert_eq!((&body["id"], &body["status"]), (&json!(id), &json!("delivered")));
    assert_eq!((&body["to"], &body["notification_type"]), (&json!("07700 900123"), &json!("sms")));
    assert_eq!((&body["reference"], &body["template_version"]), (&Value::Null, &json!(1)));
    for time in ["created_at", "sent_at", "completed_at"] {
        let text = body[time].as_str().unwrap();
        assert!(text.len() == 27 && text.ends_with('Z'), "{time}: {text}");
    }
    assert_eq!(t.drain().await, 0);
    t.end().await;
}

#[tokio::test]
async fn an_email_goes_from_post_to_delivered() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let id = client.send_email("Ada@example.com").await;
    t.drain().await;
    let sent = t.received(Kind::Emails, 1).await;
    let to = &sent[0]["request"]["Destination"]["ToAddresses"][0];
    assert_eq!(to, "ada@example.com", "{}", sent[0]);
    t.drain_until(id, Status::Delivered).await;
    t.drain().await;
    assert_eq!(t.received(Kind::Callbacks, 1).await[0]["body"]["status"], "delivered");
    t.end().await;
}

#[tokio::test]
async fn an_email_is_rendered_from_its_markdown_in_the_services_branding() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let db = t.db().await;
    testkit::email_branding(&db, &client.service, "org_banner", "Ministry of <Pigeons>").await;
    let content = "# Dear ((name))\n\n((things))\n\n^ See [our page](https://example.com)";
    let template = testkit::template(&db, &client.service).email("Hello ((name))", content);
    let body = json!({
        "template_id": template.create().await, "email_address": "ada@example.com",
        "personalisation": {"name": "Ada <b>", "things": ["seed", "corn"]},
    });
    client.post("/v2/notifications/email", &body).await.expect(201);
    t.drain().await;
    let sent = t.received(Kind::Emails, 1).await.remove(0);
    let simple = &sent["request"]["Content"]["Simple"];
    assert_eq!(simple["Subject"]["Data"], "Hello Ada <b>");
    let text = simple["Body"]["Text"]["Data"].as_str().unwrap();
    assert!(text.starts_with("Dear Ada <b>\n=====") && text.contains("• seed\n• corn"), "{text}");
    assert!(text.contains("our page: https://example.com"), "{text}");
    let html = simple["Body"]["Html"]["Data"].as_str().unwrap();
    for part in [
        "Dear Ada &lt;b&gt;</h2>",
        "<blockquote",
        "href=\"https://example.com\"",
        "bgcolor=\"#ff0000\"",
        "Ministry of &lt;Pigeons&gt;",
        "static-logos.admin.example/logo.png",
    ] {
        assert!(html.contains(part), "no {part} in {html}");
    }
    assert!(!html.contains("brand__banner"));
    t.drain().await;
    t.end_as_it_is().await;
}

#[tokio::test]
async fn failures_that_providers_report_end_the_message() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let permanent = client.send_sms("07700900002").await;
    let temporary = client.send_sms("07700900003").await;
    let bounced = client.send_email("permanent@example.com").await;
    t.drain_until(permanent, Status::PermanentFailure).await;
    t.drain_until(temporary, Status::TemporaryFailure).await;
    t.drain_until(bounced, Status::PermanentFailure).await;
    t.drain().await;
    t.end().await;
}

#[tokio::test]
async fn an_email_that_ses_refuses_is_given_up_and_not_tried_again() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let id = client.send_email("reject@example.com").await;
    t.drain().await;
    assert_eq!(t.status(id).await, Status::TechnicalFailure);
    assert_eq!(t.drain().await, 0);
    assert!(t.stub.received(Kind::Callbacks).is_empty(), "services are not called back for that");
    t.end().await;
}

#[tokio::test]
async fn a_provider_that_fails_is_tried_again_at_once_and_then_later() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let id = client.send_sms("07700900005").await;
    let ran = t.drain().await;
    assert_eq!(ran, 2, "the first retry comes at once, the second waits in the broker");
    assert_eq!(t.status(id).await, Status::Created);
    let db = t.db().await;
    let row = db
        .query_one(
            "SELECT claimed_until IS NULL AS free, claim_attempt, billable_units,
                    next_attempt_at > now() AT TIME ZONE 'UTC' + interval '250 s' AS later
               FROM notifications WHERE id = $1",
            &[&id],
        )
        .await
        .unwrap();
    assert!(row.get::<_, bool>("free") && row.get::<_, bool>("later"));
    assert_eq!((row.get::<_, i32>("claim_attempt"), row.get::<_, i32>("billable_units")), (2, 1));
    t.end().await;
}

#[tokio::test]
async fn a_second_message_for_a_sent_notification_does_nothing() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let id = client.send_sms("07700900009").await; // no receipt comes
    t.drain().await;
    assert_eq!(t.status(id).await, Status::Sending);
    t.nudge(id, 0).await;
    assert_eq!(t.drain().await, 1);
    assert_eq!(t.stub.received(Kind::Sms).len(), 1);
    t.end().await;
}

#[tokio::test]
async fn a_provider_that_takes_a_message_and_does_not_say_so_is_not_asked_again_at_once() {
    let t = TestApp::with(|providers, _| {
        providers.mmg.mmg_timeout = std::time::Duration::from_millis(300);
    })
    .await;
    let client = t.client().await;
    let id = client.send_sms("07700900007").await; // answers after two seconds
    assert_eq!(t.drain().await, 1, "the first retry would come at once, but waits for a receipt");
    assert_eq!(t.status(id).await, Status::Created);
    let receipt = json!({ "CID": id, "status": "3" });
    t.mmg_receipt(&receipt).await.expect(200);
    t.drain_until(id, Status::Delivered).await;
    assert_eq!(t.received(Kind::Sms, 1).await.len(), 1);
    t.drain().await;
    t.end_as_it_is().await; // its own receipt may still come
}

#[tokio::test]
async fn a_message_that_died_after_its_attempt_was_put_off_takes_the_place_of_its_retry() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let id = client.send_sms("07700900005").await;
    assert_eq!(t.drain().await, 2);
    match t.redeliver(id, 1).await {
        Err(queue::TaskError::Retry { after: Some(wait), .. }) => {
            assert!((250..=300).contains(&wait.as_secs()), "{wait:?}");
        }
        other => panic!("{other:?}"),
    }
    t.nudge(id, 0).await;
    assert_eq!(t.drain().await, 1, "a twin leaves it alone");
    t.end().await;
}

#[tokio::test]
async fn a_last_attempt_ends_in_technical_failure() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let id = client.send_sms("07700900005").await;
    t.purge(tasks::queues::SEND_SMS).await;
    t.nudge(id, 48).await;
    assert_eq!(t.drain().await, 1);
    assert_eq!(t.status(id).await, Status::TechnicalFailure);
    assert!(t.stub.received(Kind::Callbacks).is_empty());
    t.end().await;
}

#[tokio::test]
async fn a_message_that_nobody_had_is_sent_once_after_the_wait() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let id = client.send_sms("07700900009").await;
    t.purge(tasks::queues::SEND_SMS).await;
    t.die_while_sending(id).await;
    t.nudge(id, 0).await;
    assert_eq!(t.drain().await, 1);
    t.nudge(id, 0).await; // a twin of the message that broke the claim
    assert_eq!(t.drain().await, 1);
    assert!(t.stub.received(Kind::Sms).is_empty());
    t.nudge(id, 1).await; // the retry of that message, after the wait
    t.nudge(id, 1).await;
    assert_eq!(t.drain().await, 2);
    assert_eq!(t.status(id).await, Status::Sending);
    assert_eq!(t.stub.received(Kind::Sms).len(), 1);
    t.end().await;
}

#[tokio::test]
async fn a_claim_that_died_with_its_worker_waits_for_a_receipt_first() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let id = client.send_sms("07700900123").await;
    t.die_while_sending(id).await;
    assert_eq!(t.drain().await, 1);
    assert_eq!(t.stub.received(Kind::Sms).len(), 0, "the provider may have it already");
    // Its receipt comes: it had.
    let receipt = json!({ "CID": id, "status": "3", "MSISDN": "447700900123", "reference": "1" });
    t.mmg_receipt(&receipt).await.expect(200);
    t.drain().await;
    assert_eq!(t.status(id).await, Status::Delivered);
    t.end().await;
}

#[tokio::test]
async fn receipts_that_are_late_repeated_unknown_or_malformed_change_nothing() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let id = client.send_sms("07700900009").await;
    t.drain().await;
    let receipt = |status: &str| json!({ "CID": id, "status": status });
    t.mmg_receipt(&receipt("3")).await.expect(200);
    t.drain().await; // receipts that come together are applied in any order
    t.mmg_receipt(&receipt("3")).await.expect(200);
    t.mmg_receipt(&receipt("2")).await.expect(200);
    t.mmg_receipt(&json!({ "CID": uuid::Uuid::nil(), "status": "3" })).await.expect(200);
    let refused = t.mmg_receipt(&json!({ "CID": "" })).await.expect(400);
    assert_eq!(
        refused["message"],
        json!(["MMG callback failed: status missing", "MMG callback failed: CID missing"])
    );
    t.drain().await;
    assert_eq!(t.status(id).await, Status::Delivered);
    assert_eq!(t.received(Kind::Callbacks, 1).await.len(), 1, "told once");
    let url = format!("{}/notifications/sms/mmg", t.url);
    assert_eq!(t.http.post(&url).json(&receipt("3")).send().await.unwrap().status(), 401);
    t.end().await;
}

#[tokio::test]
async fn an_event_that_sns_did_not_sign_is_refused() {
    let t = TestApp::start().await;
    let body = json!({
        "Type": "Notification", "MessageId": "1", "TopicArn": t.stub.topic_arn,
        "Message": "{}", "Timestamp": "2026-11-24T12:00:00.000Z", "SignatureVersion": "2",
        "Signature": "AAAA", "SigningCertURL": format!("{}/sns/cert.pem", t.stub.url),
    });
    let url = format!("{}/notifications/email/ses", t.url);
    let response = t.http.post(url).json(&body).send().await.unwrap();
    assert_eq!(response.status(), 400);
    assert_eq!(t.drain().await, 0);
    t.end().await;
}

#[tokio::test]
async fn test_keys_send_nothing_and_simulate_the_outcome() {
    let t = TestApp::start().await;
    let live = t.client().await;
    let client = t.client_of(live.service.clone(), KeyType::Test).await;
    let delivered = client.send_sms("07700900123").await;
    let failed = client.send_sms("07700900002").await;
    let bounced = client.send_email("temp-fail@simulator.notify").await;
    t.drain().await;
    assert_eq!(t.status(delivered).await, Status::Delivered);
    assert_eq!(t.status(failed).await, Status::PermanentFailure);
    assert_eq!(t.status(bounced).await, Status::TemporaryFailure);
    assert!(t.stub.received(Kind::Sms).is_empty() && t.stub.received(Kind::Emails).is_empty());
    assert_eq!(t.received(Kind::Callbacks, 3).await.len(), 3);
    t.end().await;
}

#[tokio::test]
async fn forgotten_messages_are_replayed() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let id = client.send_sms("07700900123").await;
    t.purge(tasks::queues::SEND_SMS).await;
    assert_eq!(t.drain().await, 0, "its message is lost");
    t.fire("replay-created-notifications").await;
    t.drain().await;
    assert_eq!(t.status(id).await, Status::Created, "not for an hour");

    t.advance(time::Duration::minutes(61));
    let trace = queue::Trace::default();
    assert_eq!(t.app.replay_created(&trace).await.unwrap(), 1);
    assert_eq!(t.app.replay_created(&trace).await.unwrap(), 0, "not twice while it waits");
    t.drain_until(id, Status::Delivered).await;
    assert_eq!(t.stub.received(Kind::Sms).len(), 1);
    t.drain().await;
    t.end().await;
}

#[tokio::test]
async fn smtp_sends_and_expects_no_receipt() {
    let t = TestApp::with(|providers, stub| {
        let address = stub.smtp_addr.unwrap();
        providers.smtp.smtp_url = Some(format!("smtp://{address}").into());
        providers.ses.ses_access_key_id = None;
    })
    .await;
    let client = t.client().await;
    let id = client.send_email("ada@example.com").await;
    t.drain().await;
    assert_eq!(t.status(id).await, Status::Sent);
    assert_eq!(t.received(Kind::Emails, 1).await.len(), 1);
    t.end().await;
}

#[tokio::test]
async fn a_message_that_is_not_there_yet_is_tried_again_after_its_channels_delay() {
    let t = TestApp::start().await;
    let notification_id = NotificationId(t.app.clock().new_id());
    t.publish(&tasks::DeliverSms { notification_id }).await;
    assert_eq!(t.drain().await, 2, "a text message once more at once, on the queue of retries");
    t.publish(&tasks::DeliverEmail { notification_id }).await;
    assert_eq!(t.drain().await, 1, "an email not at once");

    fn delays<T: queue::Task>(t: &TestApp, task: &T) -> [Option<u64>; 3] {
        let id = t.app.clock().new_id();
        let envelope = queue::Envelope::new(task, id, &queue::Trace::default()).unwrap();
        [0, 1, 48].map(|number| {
            let delay = queue::Attempt::of::<T>(&envelope, number).retry_delay();
            delay.map(|delay| delay.as_secs())
        })
    }
    let (sms, email) =
        (tasks::DeliverSms { notification_id }, tasks::DeliverEmail { notification_id });
    assert_eq!(delays(&t, &sms), [Some(0), Some(300), None]);
    assert_eq!(delays(&t, &email), [Some(300), Some(300), None]);
    t.end().await;
}
