//! Receipts that providers post (public API contract §5.1, §5.2). Answering 200 means queued: what
//! a receipt says is judged by a worker.

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{StatusCode, header},
    web,
};
use app::App;
use base64::{Engine, prelude::BASE64_STANDARD};
use domain::london;
use providers::sns::{Envelope as SnsEnvelope, Kind, Untrusted, Verifier};
use queue::{Envelope, Task};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use subtle::ConstantTimeEq;
use tasks::{ProcessSesResult, ProcessSmsClientResponse};
use time::{
    OffsetDateTime, PrimitiveDateTime, UtcOffset,
    format_description::{BorrowedFormatItem, well_known::Iso8601},
    macros::format_description,
};
use tracing::warn;

use crate::{
    config::Credentials,
    error::ApiError,
    http::{read, resource, trace},
};

/// Naive UTC with microseconds, as the peer's tasks write times.
const NAIVE_UTC: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]");

pub(crate) fn routes(cfg: &mut web::ServiceConfig) {
    let post = |path| resource(path, "OPTIONS, POST");
    cfg.service(post("/notifications/sms/mmg").route(web::post().to(mmg)))
        .service(post("/notifications/email/ses").route(web::post().to(ses)));
}

/// `POST /notifications/sms/mmg`: MMG tells what became of a text message.
async fn mmg(
    request: HttpRequest,
    body: web::Payload,
    app: web::Data<App>,
    credentials: web::Data<Credentials>,
) -> Result<HttpResponse, ApiError> {
    if let Some(refusal) = refusal(&request, credentials.mmg.as_ref()) {
        return Ok(refusal);
    }
    let body = read(body).await.map_err(ApiError::into_legacy)?;
    let bad_request = |message: Value| ApiError::legacy(StatusCode::BAD_REQUEST, message);
    let receipt: Map<String, Value> =
        serde_json::from_slice(&body).map_err(|_| bad_request("Invalid JSON".into()))?;
    let (status, id) = (text(&receipt, "status"), text(&receipt, "CID"));
    let (Some(status), Some(id)) = (&status, &id) else {
        let missing: Vec<String> = [("status", &status), ("CID", &id)]
            .iter()
            .filter(|(_, value)| value.is_none())
            .map(|(name, _)| format!("MMG callback failed: {name} missing"))
            .collect();
        return Err(bad_request(missing.into()));
    };
    let task = ProcessSmsClientResponse {
        status: status.clone(),
        provider_reference: id.clone(),
        client_name: "MMG".to_owned(),
        detailed_status_code: text(&receipt, "substatus"),
        delivery_iso_timestamp: text(&receipt, "deliverytime").and_then(|at| provider_time(&at)),
        receipt_iso_timestamp: app.clock().now().format(NAIVE_UTC).ok(),
    };
    enqueue(&request, &app, &task).await?;
    Ok(HttpResponse::Ok().json(json!({ "result": "success" })))
}

/// `POST /notifications/email/ses`: SNS brings an event of SES, or asks whether we want them.
async fn ses(
    request: HttpRequest,
    body: web::Payload,
    app: web::Data<App>,
    verifier: web::Data<Verifier>,
) -> Result<HttpResponse, ApiError> {
    let refuse = |status, message: &str| ApiError::legacy(status, message);
    let body = read(body).await.map_err(ApiError::into_legacy)?;
    let envelope: SnsEnvelope = serde_json::from_slice(&body)
        .map_err(|_| refuse(StatusCode::BAD_REQUEST, "SES-SNS callback failed: invalid JSON"))?;
    verifier.verify(&envelope, app.clock().now()).await.map_err(|error| {
        warn!(%error, "an SNS message was not believed");
        match error {
            // Perhaps only for now: SNS tries again after a 5xx.
            Untrusted::Certificate(_) => refuse(
                StatusCode::SERVICE_UNAVAILABLE,
                "SES-SNS callback failed: the certificate cannot be had",
            ),
            _ => refuse(StatusCode::BAD_REQUEST, "SES-SNS callback failed: validation failed"),
        }
    })?;
    match envelope.kind {
        // SES also says hello to a new topic, in plain words.
        Kind::Notification if !envelope.message.contains("mail") => {}
        Kind::Notification => {
            let task = ProcessSesResult {
                response: json!({ "Type": "Notification", "Message": envelope.message }),
                receipt_iso_timestamp: app.clock().now().format(NAIVE_UTC).ok(),
            };
            enqueue(&request, &app, &task).await?;
        }
        Kind::SubscriptionConfirmation => verifier.confirm(&envelope).await.map_err(|error| {
            ApiError::internal(&error);
            refuse(StatusCode::BAD_GATEWAY, "SES-SNS callback failed: cannot confirm")
        })?,
        Kind::UnsubscribeConfirmation => warn!("SNS says that a topic was unsubscribed"),
    }
    let message = "SES-SNS callback succeeded";
    Ok(HttpResponse::Ok().json(json!({ "result": "success", "message": message })))
}

async fn enqueue(request: &HttpRequest, app: &App, task: &impl Task) -> Result<(), ApiError> {
    let envelope = Envelope::new(task, app.clock().new_id(), &trace(request))
        .map_err(|error| ApiError::internal(&error).into_legacy())?;
    app.enqueue(envelope).await.map_err(|error| ApiError::from(error).into_legacy())
}

/// What to answer to a provider that does not prove itself by HTTP Basic; none when it does, or
/// when an operator has opted out.
fn refusal(request: &HttpRequest, expected: Option<&SecretString>) -> Option<HttpResponse> {
    let expected = expected?;
    let Some(given) = request.headers().get(header::AUTHORIZATION) else {
        let message = "Unauthorized: authentication token must be provided";
        let mut refusal = ApiError::legacy(StatusCode::UNAUTHORIZED, message).error_response();
        // The peer's word, although it takes Basic too.
        let scheme = header::HeaderValue::from_static("Bearer");
        refusal.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        return Some(refusal);
    };
    let given = given.to_str().ok().and_then(|text| text.split_once(' '));
    let given = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
    let given = given.and_then(|(_, text)| BASE64_STANDARD.decode(text.trim()).ok());
    let is_right =
        given.is_some_and(|given| bool::from(given.ct_eq(expected.expose_secret().as_bytes())));
    let message = "Forbidden: invalid authentication token provided";
    (!is_right).then(|| ApiError::legacy(StatusCode::FORBIDDEN, message).error_response())
}

/// A field that is a text or a number, as text; empty counts as absent.
fn text(receipt: &Map<String, Value>, name: &str) -> Option<String> {
    match receipt.get(name)? {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A provider's time as naive UTC: without an offset it is London's; unreadable is none.
fn provider_time(text: &str) -> Option<String> {
    let text = text.replacen(' ', "T", 1);
    let at = OffsetDateTime::parse(&text, &Iso8601::DEFAULT)
        .ok()
        .or_else(|| london::to_utc(PrimitiveDateTime::parse(&text, &Iso8601::DEFAULT).ok()?))?;
    at.checked_to_offset(UtcOffset::UTC)?.format(NAIVE_UTC).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    /// Status of the refusal of a request with this `Authorization`, if it is refused.
    fn refused(header: Option<&str>) -> Option<u16> {
        let mut request = TestRequest::post();
        if let Some(header) = header {
            request = request.insert_header(("Authorization", header));
        }
        let expected = SecretString::from("user:pass:word");
        let refusal = refusal(&request.to_http_request(), Some(&expected))?;
        let status = refusal.status().as_u16();
        assert_eq!(refusal.headers().contains_key("www-authenticate"), status == 401);
        Some(status)
    }

    #[test]
    fn providers_prove_themselves_by_basic_authentication() {
        let basic = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        assert_eq!(refused(None), Some(401));
        assert_eq!(refused(Some(&basic("user:pass:word"))), None);
        for wrong in [
            basic("user:pass"),
            basic(""),
            "Basic %".to_owned(),
            "Basic".to_owned(),
            basic("user:pass:word").replace("Basic", "Bearer"),
        ] {
            assert_eq!(refused(Some(&wrong)), Some(403), "{wrong}");
        }
        let request = TestRequest::post().to_http_request();
        assert!(refusal(&request, None).is_none(), "an operator has opted out");
    }

    #[test]
    fn providers_times() {
        for (given, utc) in [
            ("2026-07-01 12:00:00", Some("2026-07-01T11:00:00.000000")),
            ("2026-01-01T12:00:00", Some("2026-01-01T12:00:00.000000")),
            ("2026-07-01T12:00:00Z", Some("2026-07-01T12:00:00.000000")),
            ("2026-07-01T12:00:00.5+02:00", Some("2026-07-01T10:00:00.500000")),
            ("yesterday", None),
            ("9999-12-31T23:59:59-01:00", None),
            ("", None),
        ] {
            assert_eq!(provider_time(given).as_deref(), utc, "{given}");
        }
    }
}
