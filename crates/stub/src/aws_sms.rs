use std::{collections::HashMap, future};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::AUTHORIZATION},
    web::{Data, Form},
};
use serde_json::json;

use crate::{Kind, Outcome, SLOW, State, garbage, new_id, timestamp};

/// `POST /`: SNS's action `Publish` to a phone number. No receipts follow, as with SNS itself.
pub(crate) async fn publish(
    request: HttpRequest,
    form: Form<HashMap<String, String>>,
    state: Data<State>,
) -> HttpResponse {
    if !is_signed(&request) {
        return error(StatusCode::FORBIDDEN, "MissingAuthenticationToken");
    }
    let form = form.into_inner();
    let (Some("Publish"), Some(number), true) = (
        form.get("Action").map(String::as_str),
        form.get("PhoneNumber").cloned(),
        form.get("Message").is_some_and(|message| !message.is_empty()),
    ) else {
        return error(StatusCode::BAD_REQUEST, "InvalidParameter");
    };
    let (outcome, id) = (state.outcome(&number), new_id());
    state.received.add(
        Kind::Sms,
        json!({
            "at": timestamp(),
            "id": id,
            "reference": null,
            "provider": "sns",
            "outcome": outcome,
            "request": form,
        }),
    );
    match outcome {
        Outcome::Error500 => return error(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure"),
        Outcome::Garbage => return garbage(),
        Outcome::Hang => future::pending().await,
        Outcome::Slow => tokio::time::sleep(SLOW).await,
        _ => {}
    }
    xml(
        StatusCode::OK,
        format!(
            "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>\
             <MessageId>{id}</MessageId></PublishResult><ResponseMetadata><RequestId>{}</RequestId>\
             </ResponseMetadata></PublishResponse>",
            new_id()
        ),
    )
}

/// Whether there is a signature of version 4 for SNS. It is not recomputed.
fn is_signed(request: &HttpRequest) -> bool {
    let header = request.headers().get(AUTHORIZATION);
    header.and_then(|value| value.to_str().ok()).is_some_and(|value| {
        value.starts_with("AWS4-HMAC-SHA256 Credential=") && value.contains("/sns/aws4_request")
    })
}

fn error(status: StatusCode, code: &str) -> HttpResponse {
    xml(
        status,
        format!(
            "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error>\
             <Type>Sender</Type><Code>{code}</Code><Message>The stub refuses this.</Message></Error>\
             <RequestId>{}</RequestId></ErrorResponse>",
            new_id()
        ),
    )
}

fn xml(status: StatusCode, body: String) -> HttpResponse {
    HttpResponse::build(status).content_type("text/xml").body(body)
}
