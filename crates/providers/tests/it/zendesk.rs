use providers::zendesk::{Ticket, Zendesk};
use serde_json::{Value, json};
use stub::{Kind, Stub};

use crate::support::{cause, config};

fn zendesk(url: &str) -> Zendesk {
    let arguments = [
        "--zendesk-alerts-enabled",
        "1",
        "--zendesk-url",
        url,
        "--zendesk-user",
        "operator/token",
        "--zendesk-api-key",
        "key",
    ];
    Zendesk::from_config(&config(&arguments)).unwrap().unwrap()
}

fn ticket(subject: &str) -> Ticket<'_> {
    Ticket { subject, body: "All of it", task_type: "notify_task_high_failure" }
}

async fn started() -> Stub {
    stub::start(stub::Config::default()).await.unwrap()
}

#[tokio::test]
async fn tickets_have_zendesks_format() {
    let stub = started().await;
    zendesk(&stub.url).create(&ticket("[test] Something")).await.unwrap();
    let received = &stub.received(Kind::Tickets)[0];
    assert_eq!(received["authorization"], "Basic b3BlcmF0b3IvdG9rZW46a2V5");
    let field = |id: &str, value: Value| json!({ "id": id, "value": value });
    assert_eq!(
        received["request"],
        json!({ "ticket": {
            "subject": "[test] Something",
            "comment": { "body": "All of it", "public": true },
            "group_id": 360_000_036_529_u64,
            "organization_id": 21_891_972,
            "ticket_form_id": 14_226_867_890_588_u64,
            "priority": "normal",
            "tags": ["govuk_notify_support"],
            "type": "task",
            "custom_fields": [
                field("14229641690396", json!("notify_task_high_failure")),
                field("360022943959", Value::Null),
                field("360022943979", Value::Null),
                field("1900000745014", Value::Null),
                field("15925693889308", Value::Null),
                field("1900000744994", json!("notify_ticket_type_technical")),
            ],
        }})
    );
}

#[tokio::test]
async fn a_suspended_requester_is_no_error() {
    let stub = started().await;
    zendesk(&stub.url).create(&ticket("suspended")).await.unwrap();
    assert!(stub.received(Kind::Tickets).is_empty());
}

#[tokio::test]
async fn any_other_answer_is_an_error() {
    let stub = started().await;
    let zendesk = zendesk(&format!("{}/callback?", stub.url));
    let error = zendesk.create(&ticket("Something")).await.unwrap_err();
    assert_eq!(cause(&error), "the provider answered 204");
}

#[test]
fn tickets_are_off_unless_switched_on_and_then_need_a_key() {
    assert!(Zendesk::from_config(&config(&[])).unwrap().is_none());
    let on = config(&["--zendesk-alerts-enabled", "1"]);
    assert!(Zendesk::from_config(&on).is_err());
}
