//! Text messages that providers bring for services (public API contract §5.4).

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use app::{App, inbound_sms::InboundSms};
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset, format_description::well_known::Iso8601};
use url::form_urlencoded;

use crate::{
    basic_auth,
    config::InboundCredentials,
    error::ApiError,
    http::{read_receipt, resource, trace},
};

pub(crate) fn routes(cfg: &mut web::ServiceConfig) {
    let post = |path| resource(path, "OPTIONS, POST");
    cfg.service(post("/notifications/sms/receive/mmg").route(web::post().to(mmg)))
        .service(post("/notifications/sms/receive/firetext").route(web::post().to(firetext)));
}

/// `POST /notifications/sms/receive/mmg`: MMG brings a text message.
async fn mmg(
    request: HttpRequest,
    body: web::Payload,
    app: web::Data<App>,
    credentials: web::Data<InboundCredentials>,
) -> Result<HttpResponse, ApiError> {
    let body = read_receipt(body).await.map_err(ApiError::into_legacy)?;
    let message: Map<String, Value> = serde_json::from_slice(&body).map_err(|_| unreadable())?;
    if let Some(refusal) = basic_auth::refusal(&request, &credentials.mmg) {
        return Ok(refusal);
    }
    // An empty text is a message too.
    let field = |name| match message.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        _ => Err(unreadable()),
    };
    let (number, sender) = (field("Number")?, field("MSISDN")?);
    let (content, reference) = (field("Message")?, field("ID")?);
    let at = field("DateRecieved").ok().and_then(|at| time(&url_decoded(&at)));
    let received = InboundSms {
        provider: "mmg",
        number: &number,
        sender: &sender,
        content: &unescaped(&url_decoded(&content)),
        reference: Some(&reference),
        at: at.unwrap_or_else(|| app.clock().now()),
    };
    if app.receive_sms(&received, &trace(&request)).await.map_err(legacy)? {
        Ok(ok())
    } else {
        Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body("RECEIVED"))
    }
}

/// `POST /notifications/sms/receive/firetext`: Firetext brings a text message.
async fn firetext(
    request: HttpRequest,
    body: web::Payload,
    app: web::Data<App>,
    credentials: web::Data<InboundCredentials>,
) -> Result<HttpResponse, ApiError> {
    let body = read_receipt(body).await.map_err(ApiError::into_legacy)?;
    if let Some(refusal) = basic_auth::refusal(&request, &credentials.firetext) {
        return Ok(refusal);
    }
    let form: Vec<_> = form_urlencoded::parse(&body).collect();
    let field = |name| {
        let field = form.iter().find(|(key, _)| key == name);
        field.map(|(_, value)| value.as_ref()).ok_or_else(unreadable)
    };
    let received = InboundSms {
        provider: "firetext",
        number: field("destination")?,
        sender: field("source")?,
        content: field("message")?,
        reference: None,
        at: time(field("time")?).unwrap_or_else(|| app.clock().now()),
    };
    app.receive_sms(&received, &trace(&request)).await.map_err(legacy)?;
    Ok(ok())
}

fn ok() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

fn legacy(error: app::Error) -> ApiError {
    ApiError::from(error).into_legacy()
}

fn unreadable() -> ApiError {
    let message = "The browser (or proxy) sent a request that this server could not understand.";
    ApiError::legacy(StatusCode::BAD_REQUEST, message)
}

/// Percent signs and pluses, as in a form's value.
fn url_decoded(text: &str) -> String {
    // The name stands for itself: an ampersand or equals sign in the text must not split it.
    let text = format!("={}", text.replace('&', "%26"));
    form_urlencoded::parse(text.as_bytes()).map(|(_, value)| value).collect()
}

/// The text that MMG escaped with backslashes. What is no escape stays as it is.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('\\') {
        out.push_str(before);
        let (character, length) = match escape.as_bytes().first() {
            Some(b'n') => ('\n', 1),
            Some(b'r') => ('\r', 1),
            Some(b't') => ('\t', 1),
            Some(b'\\') => ('\\', 1),
            Some(b'\'') => ('\'', 1),
            Some(b'"') => ('"', 1),
            _ => ('\\', 0),
        };
        out.push(character);
        rest = &escape[length..];
    }
    out.push_str(rest);
    out
}

/// A provider's time, taken for UTC when it does not say.
fn time(text: &str) -> Option<OffsetDateTime> {
    let text = text.replacen(' ', "T", 1);
    let at = OffsetDateTime::parse(&text, &Iso8601::DEFAULT).ok();
    let at =
        at.or_else(|| Some(PrimitiveDateTime::parse(&text, &Iso8601::DEFAULT).ok()?.assume_utc()))?;
    at.checked_to_offset(UtcOffset::UTC)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn mmgs_texts_are_decoded_and_unescaped() {
        for (given, text) in [
            ("Some+message+to+notify%3A", "Some message to notify:"),
            ("a%26b=c&d", "a&b=c&d"),
            ("100%", "100%"),
            (r"line\nnext", r"line\nnext"),
            (r"line\nit\'s", "line\\nit\\'s"),
            (r"caf%C3%A9\q\", r"café\q\"),
        ] {
            assert_eq!(unescaped(&url_decoded(given)), unescaped(text), "{given}");
        }
        assert_eq!(unescaped(r#"it\'s\n"\"#), "it's\n\"\\");
        assert_eq!(unescaped(r"\\n"), r"\n");
    }

    #[test]
    fn times_are_taken_as_given() {
        let at = Some(datetime!(2017-07-02 03:04:05 UTC));
        assert_eq!(time(&url_decoded("2017-07-02+03%3A04%3A05")), at);
        assert_eq!(time("2017-07-02 03:04:05"), at);
        assert_eq!(time("2017-07-02T04:04:05+01:00"), at);
        assert_eq!(time("yesterday"), None);
    }
}
