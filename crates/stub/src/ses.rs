use std::{future, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::AUTHORIZATION},
    web::{Bytes, Data},
};
use serde_json::{Value, json};

use crate::{Kind, Outcome, SLOW, State, garbage, new_id, timestamp};

/// `POST /v2/email/outbound-emails`: takes one email and answers `{"MessageId": …}`; SNS publishes
/// its events later.
pub(crate) async fn send(request: HttpRequest, body: Bytes, state: Data<State>) -> HttpResponse {
    if !is_signed(&request) {
        return error(StatusCode::FORBIDDEN, "MissingAuthenticationTokenException");
    }
    let email: Value = serde_json::from_slice(&body).unwrap_or_default();
    let content = &email["Content"]["Simple"];
    let complete = [
        &email["FromEmailAddress"],
        &email["Destination"]["ToAddresses"][0],
        &content["Subject"]["Data"],
        &content["Body"]["Text"]["Data"],
    ];
    if !complete.iter().all(|field| field.is_string()) {
        return error(StatusCode::BAD_REQUEST, "BadRequestException");
    }
    let to = &email["Destination"]["ToAddresses"][0];
    let outcome = state.outcome(to.as_str().unwrap_or_default());
    let id = format!("0102{}-000000", new_id());
    state.received.add(
        Kind::Emails,
        json!({
            "at": timestamp(),
            "id": id,
            "reference": tag(&email, "notification_id"),
            "transport": "ses",
            "outcome": outcome,
            "request": email,
        }),
    );
    match outcome {
        Outcome::Reject => return error(StatusCode::BAD_REQUEST, "MessageRejected"),
        Outcome::Throttle => {
            return error(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException");
        }
        Outcome::Error500 => {
            return error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServiceErrorException");
        }
        Outcome::Garbage => return garbage(),
        Outcome::Hang => future::pending().await,
        Outcome::Slow => tokio::time::sleep(SLOW).await,
        _ => {}
    }
    for event in events(&email, outcome, &id) {
        Arc::clone(&state).publish(event).await;
    }
    HttpResponse::Ok().json(json!({ "MessageId": id }))
}

/// Whether there is a signature of version 4 for SES. It is not recomputed.
fn is_signed(request: &HttpRequest) -> bool {
    let header = request.headers().get(AUTHORIZATION);
    header.and_then(|value| value.to_str().ok()).is_some_and(|value| {
        value.starts_with("AWS4-HMAC-SHA256 Credential=")
            && value.contains("/ses/aws4_request")
            && value.contains("SignedHeaders=")
            && value.contains("Signature=")
    })
}

fn error(status: StatusCode, code: &'static str) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header(("x-amzn-errortype", code))
        .json(json!({"message": "The stub was asked to refuse this."}))
}

/// The value of a tag that the sender gave the email, or null.
fn tag<'a>(email: &'a Value, name: &str) -> &'a Value {
    let tags = email["EmailTags"].as_array();
    tags.and_then(|tags| tags.iter().find(|tag| tag["Name"] == name))
        .map_or(&Value::Null, |tag| &tag["Value"])
}

/// What SES publishes about an email, in order.
fn events(email: &Value, outcome: Outcome, id: &str) -> Vec<Value> {
    let delivery = || event(email, "Delivery", id);
    match outcome {
        Outcome::Temporary | Outcome::Permanent => {
            let mut bounce = event(email, "Bounce", id);
            bounce["bounce"]["bounceType"] = match outcome {
                Outcome::Permanent => json!("Permanent"),
                _ => json!("Transient"),
            };
            vec![bounce]
        }
        Outcome::Complaint => vec![delivery(), event(email, "Complaint", id)],
        Outcome::Twice => vec![delivery(), delivery()],
        Outcome::NoReceipt => vec![],
        _ => vec![delivery()],
    }
}

/// One event of the given type, with the fields that SES's notifications have.
fn event(email: &Value, kind: &str, id: &str) -> Value {
    let now = timestamp();
    let recipients = &email["Destination"]["ToAddresses"];
    let recipient = &recipients[0];
    let mut event = json!({
        "notificationType": kind,
        "mail": {
            "timestamp": now,
            "messageId": id,
            "source": email["FromEmailAddress"],
            "destination": recipients,
            "headersTruncated": false,
            "headers": [],
            "commonHeaders": {"from": [email["FromEmailAddress"]], "to": recipients},
            "tags": {"notification_id": [tag(email, "notification_id")]},
        },
    });
    match kind {
        "Bounce" => {
            event["bounce"] = json!({
                "bounceSubType": "General",
                "bouncedRecipients": [{
                    "emailAddress": recipient,
                    "action": "failed",
                    "status": "5.1.1",
                    "diagnosticCode": "smtp; 550 5.1.1 user unknown",
                }],
                "timestamp": now,
                "feedbackId": new_id(),
                "remoteMtaIp": "127.0.2.0",
            });
        }
        "Complaint" => {
            event["complaint"] = json!({
                "complainedRecipients": [{"emailAddress": recipient}],
                "complaintFeedbackType": "abuse",
                "timestamp": now,
                "feedbackId": new_id(),
            });
        }
        _ => {
            event["delivery"] = json!({
                "timestamp": now,
                "processingTimeMillis": 50,
                "recipients": recipients,
                "smtpResponse": "250 2.0.0 OK",
            });
        }
    }
    event
}
