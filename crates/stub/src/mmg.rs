use std::{future, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::AUTHORIZATION},
    web::{Bytes, Data},
};
use serde_json::{Value, json};
use url::Url;

use crate::{Kind, Outcome, SLOW, State, garbage, new_id, timestamp};

/// `POST /mmg`: takes one text message and answers `{"Reference": n}`; posts its receipt later.
pub(crate) async fn send(request: HttpRequest, body: Bytes, state: Data<State>) -> HttpResponse {
    if !is_authorized(&request, &state) {
        return error(StatusCode::UNAUTHORIZED, "Authentication failed");
    }
    let Ok(message) = serde_json::from_slice::<Value>(&body) else {
        return error(StatusCode::BAD_REQUEST, "The body is not JSON");
    };
    for key in ["reqType", "MSISDN", "msg", "cid"] {
        if !message[key].is_string() {
            return error(StatusCode::BAD_REQUEST, &format!("{key} is missing"));
        }
    }
    let number = message["MSISDN"].as_str().unwrap_or_default().to_owned();
    let outcome = state.outcome(&number);
    // MMG's references are numbers of about this size.
    let reference = new_id().as_u128() % 100_000_000;
    state.received.add(
        Kind::Sms,
        json!({
            "at": timestamp(),
            "id": reference.to_string(),
            "reference": message["cid"],
            "provider": "mmg",
            "outcome": outcome,
            "request": message,
        }),
    );
    match outcome {
        Outcome::Error500 => return error(StatusCode::INTERNAL_SERVER_ERROR, "System error"),
        Outcome::Throttle => return error(StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
        Outcome::Garbage => return garbage(),
        Outcome::Hang => future::pending().await,
        Outcome::Slow => tokio::time::sleep(SLOW).await,
        _ => tokio::time::sleep(Duration::from_millis(state.config.answer_delay_ms)).await,
    }
    post_receipts(&state, &message, outcome, reference).await;
    HttpResponse::Ok().json(json!({ "Reference": reference as u64 }))
}

fn is_authorized(request: &HttpRequest, state: &State) -> bool {
    let given = request.headers().get(AUTHORIZATION);
    state.config.mmg_api_key.as_ref().is_none_or(|key| {
        given.is_some_and(|given| given.as_bytes() == format!("Basic {key}").as_bytes())
    })
}

fn error(status: StatusCode, description: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({"Error": 206, "Description": description}))
}

async fn post_receipts(state: &State, message: &Value, outcome: Outcome, reference: u128) {
    let own = message["delurl"].as_str().and_then(|url| Url::parse(url).ok());
    let Some(url) = own.or_else(|| state.config.mmg_receipt_url.clone()) else {
        return;
    };
    // Status and sub-status: absent subscriber, incorrect number, delivered to handset.
    let (status, substatus) = match outcome {
        Outcome::Temporary => ("4", "6"),
        Outcome::Permanent => ("5", "8"),
        _ => ("3", "5"),
    };
    let receipt = json!({
        "CID": message["cid"],
        "status": status,
        "substatus": substatus,
        "MSISDN": message["MSISDN"],
        "reference": reference.to_string(),
        "deliverytime": timestamp(),
    });
    let copies = match outcome {
        Outcome::NoReceipt => 0,
        Outcome::Twice => 2,
        _ => 1,
    };
    for _ in 0..copies {
        // Credentials in the URL become Basic authentication.
        let request = state.receipts.client().post(url.clone()).json(&receipt);
        state.receipts.post(async { Ok(request) }).await;
    }
}
