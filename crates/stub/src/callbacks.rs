use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, LOCATION},
    },
    web::{Bytes, Data},
};
use serde_json::{Value, json};

use crate::{Kind, State, timestamp};

/// Longer than the five seconds that callers wait.
const TOO_SLOW: Duration = Duration::from_secs(10);

/// `POST /callback`: a service's endpoint. Answers 204, or with the status in the last part of the
/// path (redirects lead to `/callback`), or late for `slow`.
pub(crate) async fn take(request: HttpRequest, body: Bytes, state: Data<State>) -> HttpResponse {
    let wanted = request.match_info().query("answer");
    let status = match wanted {
        "" | "slow" => Some(StatusCode::NO_CONTENT),
        status => StatusCode::from_bytes(status.as_bytes()).ok(),
    };
    // An interim status (1xx) would leave the caller waiting for the real one.
    let Some(status) = status.filter(|status| !status.is_informational()) else {
        return HttpResponse::NotFound().finish();
    };
    let header =
        |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let body: Value = serde_json::from_slice(&body)
        .unwrap_or_else(|_| String::from_utf8_lossy(&body).into_owned().into());
    let item = json!({
        "at": timestamp(),
        "id": body["id"],
        "reference": body["reference"],
        "path": request.path(),
        "authorization": header(AUTHORIZATION),
        "content_type": header(CONTENT_TYPE),
        "webhook_id": header(HeaderName::from_static("webhook-id")),
        "webhook_timestamp": header(HeaderName::from_static("webhook-timestamp")),
        "webhook_signature": header(HeaderName::from_static("webhook-signature")),
        "body": body,
    });
    state.received.add(Kind::Callbacks, item);
    if wanted == "slow" {
        tokio::time::sleep(TOO_SLOW).await;
    }
    let mut answer = HttpResponse::build(status);
    if status.is_redirection() {
        answer.insert_header((LOCATION, "/callback"));
    }
    answer.finish()
}
