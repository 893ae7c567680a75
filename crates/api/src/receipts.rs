//! Receipts that providers post (public API contract §5.1, §5.2). Answering 200 means queued: what
//! a receipt says is judged by a worker.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use app::App;
use domain::london;
use providers::sns::{Envelope as SnsEnvelope, Kind, Untrusted, Verifier};
use queue::{Envelope, Task};
use serde_json::{Map, Value, json};
use tasks::{ProcessSesResult, ProcessSmsClientResponse};
use time::{
    OffsetDateTime, PrimitiveDateTime, UtcOffset,
    format_description::{BorrowedFormatItem, well_known::Iso8601},
    macros::format_description,
};
use tracing::warn;
use url::form_urlencoded;

use crate::{
    basic_auth,
    config::Credentials,
    error::ApiError,
    http::{read_receipt, resource, trace},
};

/// Naive UTC with microseconds, as the peer's tasks write times.
const NAIVE_UTC: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]");

pub(crate) fn routes(cfg: &mut web::ServiceConfig) {
    let post = |path| resource(path, "OPTIONS, POST");
    cfg.service(post("/notifications/sms/mmg").route(web::post().to(mmg)))
        .service(post("/notifications/sms/firetext").route(web::post().to(firetext)))
        .service(post("/notifications/sms/reach").route(web::post().to(reach)))
        .service(post("/notifications/email/ses").route(web::post().to(ses)));
}

/// `POST /notifications/sms/mmg`: MMG tells what became of a text message.
async fn mmg(
    request: HttpRequest,
    body: web::Payload,
    app: web::Data<App>,
    credentials: web::Data<Credentials>,
) -> Result<HttpResponse, ApiError> {
    if let Some(refusal) = basic_auth::refusal(&request, &credentials.mmg) {
        return Ok(refusal);
    }
    let receipt = object(body).await?;
    let receipt = SmsReceipt {
        status: ("status", text(&receipt, "status")),
        reference: ("CID", text(&receipt, "CID")),
        detail: text(&receipt, "substatus"),
        time: text(&receipt, "deliverytime"),
    };
    receipt.enqueue(&request, &app, "MMG").await
}

/// `POST /notifications/sms/firetext`: Firetext tells what became of a text message.
async fn firetext(
    request: HttpRequest,
    body: web::Payload,
    app: web::Data<App>,
    credentials: web::Data<Credentials>,
) -> Result<HttpResponse, ApiError> {
    if let Some(refusal) = basic_auth::refusal(&request, &credentials.firetext) {
        return Ok(refusal);
    }
    let body = read_receipt(body).await.map_err(ApiError::into_legacy)?;
    let form: Vec<_> = form_urlencoded::parse(&body).collect();
    let text = |name| {
        let value = form.iter().find(|(key, _)| key == name).map(|(_, value)| value.to_string());
        value.filter(|value| !value.is_empty())
    };
    let receipt = SmsReceipt {
        status: ("status", text("status")),
        reference: ("reference", text("reference")),
        detail: text("code"),
        time: text("time"),
    };
    receipt.enqueue(&request, &app, "Firetext").await
}

/// `POST /notifications/sms/reach`: Reach tells what became of a text message. The peer never gave
/// this provider a format, so it is ours; whoever adds a provider can begin with a copy of this.
///
/// JSON: `notification_id`; `status`, which is `delivered`, `temporary-failure` or
/// `permanent-failure`; and perhaps `detail`, for the logs, and `delivered_at` in ISO 8601.
async fn reach(
    request: HttpRequest,
    body: web::Payload,
    app: web::Data<App>,
    credentials: web::Data<Credentials>,
) -> Result<HttpResponse, ApiError> {
    if let Some(refusal) = basic_auth::refusal(&request, &credentials.reach) {
        return Ok(refusal);
    }
    let receipt = object(body).await?;
    let receipt = SmsReceipt {
        status: ("status", text(&receipt, "status")),
        reference: ("notification_id", text(&receipt, "notification_id")),
        detail: text(&receipt, "detail"),
        time: text(&receipt, "delivered_at"),
    };
    receipt.enqueue(&request, &app, "Reach").await
}

/// What an SMS provider told, with the names of the two fields that must be there.
struct SmsReceipt {
    status: (&'static str, Option<String>),
    reference: (&'static str, Option<String>),
    detail: Option<String>,
    time: Option<String>,
}

impl SmsReceipt {
    async fn enqueue(
        self,
        request: &HttpRequest,
        app: &App,
        provider: &str,
    ) -> Result<HttpResponse, ApiError> {
        let (Some(status), Some(id)) = (&self.status.1, &self.reference.1) else {
            let missing: Vec<String> = [&self.status, &self.reference]
                .iter()
                .filter(|(_, value)| value.is_none())
                .map(|(name, _)| format!("{provider} callback failed: {name} missing"))
                .collect();
            return Err(ApiError::legacy(StatusCode::BAD_REQUEST, missing));
        };
        let task = ProcessSmsClientResponse {
            status: status.clone(),
            provider_reference: id.clone(),
            client_name: provider.to_owned(),
            detailed_status_code: self.detail,
            delivery_iso_timestamp: self.time.and_then(|at| provider_time(&at)),
            receipt_iso_timestamp: app.clock().now().format(NAIVE_UTC).ok(),
        };
        enqueue(request, app, &task).await?;
        Ok(HttpResponse::Ok().json(json!({ "result": "success" })))
    }
}

/// The body, when it is a JSON object.
async fn object(body: web::Payload) -> Result<Map<String, Value>, ApiError> {
    let body = read_receipt(body).await.map_err(ApiError::into_legacy)?;
    serde_json::from_slice(&body)
        .map_err(|_| ApiError::legacy(StatusCode::BAD_REQUEST, "Invalid JSON"))
}

/// `POST /notifications/email/ses`: SNS brings an event of SES, or asks whether we want them.
async fn ses(
    request: HttpRequest,
    body: web::Payload,
    app: web::Data<App>,
    verifier: web::Data<Verifier>,
) -> Result<HttpResponse, ApiError> {
    let refuse = |status, message: &str| ApiError::legacy(status, message);
    let body = read_receipt(body).await.map_err(ApiError::into_legacy)?;
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
