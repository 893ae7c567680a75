//! Accepting what is sent, once however often it comes (`Idempotency-Key`).
//!
//! Only what was accepted is kept: a refused request has had no effect, and may be put right and sent
//! under the same key.

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{ContentType, HeaderName},
    },
};
use app::{App, Error, Once};
use bytes::Bytes;
use domain::NotificationType;
use serde_json::{Value, json};

use crate::{error::ApiError, http::ServiceCaller};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Longest key, in characters.
const LONGEST_KEY: usize = 255;

/// Counts a request, and answers it with what `send` makes of its body (201); or as it was answered
/// before, if it comes under the same key.
///
/// # Errors
/// It is over a limit; its key is no key, or another request's; it is refused.
pub(crate) async fn accept(
    caller: &ServiceCaller,
    app: &App,
    channel: impl Into<Option<NotificationType>>,
    body: Bytes,
    send: impl AsyncFnOnce(Bytes, Option<&Once>) -> Result<Value, ApiError>,
) -> Result<HttpResponse, ApiError> {
    let counted = caller.throttle(app, channel.into()).await;
    if let Err(refusal @ Error::RateLimited { .. }) = counted {
        return Err(refusal.into());
    }
    let Some(key) = key(&caller.request)? else {
        counted?;
        return Ok(HttpResponse::Created().json(send(body, None).await?));
    };
    let once = Once::new(key, caller.caller.key_type, caller.request.path(), &body);
    let again = async || app.answer_of(&caller.caller, &once).await.map(|text| text.map(replayed));
    if let Some(answer) = again().await? {
        return Ok(answer);
    }
    let outcome = match counted {
        Ok(()) => send(body, Some(&once)).await,
        Err(over) => Err(over.into()), // the day is full
    };
    match outcome {
        Ok(answer) => Ok(HttpResponse::Created().json(answer)),
        // Another request of this key came first, and was under way until now.
        Err(taken) if taken.status_code() == StatusCode::CONFLICT => again().await?.ok_or(taken),
        // It may be another request of this key that has filled the day.
        Err(over) if over.status_code() == StatusCode::TOO_MANY_REQUESTS => {
            app.wait_for_first(&caller.caller, &once).await?;
            again().await?.ok_or(over)
        }
        Err(refusal) => Err(refusal),
    }
}

/// The key, as OpenAPI describes it.
pub(crate) fn parameter() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Whatever comes under the same key is answered the same for 24 hours, and \
            has no further effect",
        "schema": { "type": "string", "pattern": format!("^[!-~]{{1,{LONGEST_KEY}}}$") },
    })
}

/// The header of an answer that was given before.
pub(crate) fn replayed_header() -> Value {
    json!({
        "description": "Present when the request was answered before",
        "schema": { "enum": ["true"] },
    })
}

fn replayed(answer: String) -> HttpResponse {
    HttpResponse::Created()
        .insert_header((REPLAYED, "true"))
        .content_type(ContentType::json())
        .body(answer)
}

/// The request's key, if it has one.
fn key(request: &HttpRequest) -> Result<Option<String>, ApiError> {
    let mut values = request.headers().get_all(&KEY);
    let Some(value) = values.next() else { return Ok(None) };
    let is_fit = |key: &&[u8]| {
        (1..=LONGEST_KEY).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic)
    };
    let fit = Some(value.as_bytes()).filter(is_fit).filter(|_| values.next().is_none());
    let key = fit.and_then(|key| String::from_utf8(key.to_vec()).ok());
    key.map(Some).ok_or_else(|| {
        ApiError::bad_request(format!(
            "Idempotency-Key must be one text of 1 to {LONGEST_KEY} visible ASCII characters"
        ))
    })
}
