use std::{collections::HashMap, future};

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Form},
};
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::format_description};
use url::Url;

use crate::{Kind, Outcome, SLOW, State, garbage, new_id, timestamp};

type Fields = HashMap<String, String>;

/// `POST /firetext`: takes one text message and answers with code 0; posts its receipts later.
pub(crate) async fn send(message: Form<Fields>, state: Data<State>) -> HttpResponse {
    let message = message.into_inner();
    for key in ["apiKey", "to", "message", "reference"] {
        if message.get(key).is_none_or(String::is_empty) {
            return answer(StatusCode::OK, 6, &format!("{key} is missing"));
        }
    }
    let outcome = state.outcome(&message["to"]);
    state.received.add(
        Kind::Sms,
        json!({
            "at": timestamp(),
            "id": new_id(),
            "reference": message["reference"],
            "provider": "firetext",
            "outcome": outcome,
            "request": message,
        }),
    );
    match outcome {
        Outcome::Error500 => return answer(StatusCode::INTERNAL_SERVER_ERROR, 1, "System error"),
        Outcome::Throttle => return answer(StatusCode::TOO_MANY_REQUESTS, 1, "Too many requests"),
        Outcome::Garbage => return garbage(),
        Outcome::Hang => future::pending().await,
        Outcome::Slow => tokio::time::sleep(SLOW).await,
        _ => {}
    }
    post_receipts(&state, &message, outcome).await;
    answer(StatusCode::OK, 0, "SMS successfully queued")
}

fn answer(status: StatusCode, code: u8, description: &str) -> HttpResponse {
    let body = json!({"code": code, "description": description, "data": [], "responseData": 1});
    HttpResponse::build(status).json(body)
}

async fn post_receipts(state: &State, message: &Fields, outcome: Outcome) {
    let Some(url) = message.get("receipt").and_then(|url| Url::parse(url).ok()) else {
        return;
    };
    // Status and code: a number that is barred, one that is away after a while, delivered.
    let receipts: &[(&str, &str)] = match outcome {
        Outcome::Permanent => &[("1", "101")],
        Outcome::Temporary => &[("2", "000"), ("1", "102")],
        Outcome::NoReceipt => &[],
        Outcome::Twice => &[("0", "000"), ("0", "000")],
        _ => &[("0", "000")],
    };
    for (status, code) in receipts {
        let receipt = json!({
            "mobile": message["to"],
            "status": status,
            "code": code,
            "time": time(),
            "reference": message["reference"],
        });
        // Credentials in the URL become Basic authentication.
        let request = state.receipts.client().post(url.clone()).form(&receipt);
        state.receipts.post(async { Ok(request) }).await;
    }
}

/// As Firetext writes times: London's clock, without saying so. The stub's London has no summer.
fn time() -> Value {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    #[expect(clippy::disallowed_methods, reason = "this crate knows none of ours")]
    let now = OffsetDateTime::now_utc();
    now.format(format).expect("the format only uses what a time has").into()
}
