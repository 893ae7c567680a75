//! `/v2/notifications`: sending (public API contract §2.1, §2.2); looking up is in [`lookup`].

mod lookup;
mod shown;

pub(super) use lookup::CHANNELS;
pub(super) use shown::status;

use actix_web::{HttpResponse, guard, web};
use app::{AcceptedEmail, AcceptedSms, App, EmailRequest, SmsRequest};
use domain::{NotificationType, ReplyToId, ServiceId, SmsSenderId, TemplateId};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::resource;
use crate::{
    error::{ApiError, no_such_route},
    form::Form,
    http::{self, BaseUrl, ServiceCaller, datetime},
    once,
};

/// Longest reference of a client, in characters.
pub(super) const LONGEST_REFERENCE: usize = 1000;

pub(super) fn routes(cfg: &mut web::ServiceConfig) {
    // Only `POST` looks for the name of a type; anything else is about the notification of that
    // "id", and refused as such.
    let post = |path| web::resource(path).guard(guard::Post());
    cfg.service(post("/v2/notifications/sms").to(send_sms))
        .service(post("/v2/notifications/email").to(send_email))
        // Not Notify's: nobody but who has the id of one sees that it is there.
        .service(
            web::resource("/v2/notifications/{id:[0-9A-Fa-f-]{32,36}}")
                .guard(guard::Delete())
                .to(lookup::cancel),
        )
        .service(
            resource("/v2/notifications", "GET, HEAD, OPTIONS").route(http::get().to(lookup::list)),
        )
        .service(
            resource("/v2/notifications/{id}", "GET, HEAD, OPTIONS, POST")
                .route(http::get().to(lookup::get))
                .route(web::post().to(no_such_type)),
        );
}

/// `POST /v2/notifications/sms`: accepts one text message for delivery (201).
async fn send_sms(
    caller: ServiceCaller,
    body: web::Payload,
    base: BaseUrl,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    let body = http::read(body).await?;
    let answer = |accepted: &AcceptedSms| sms_accepted(accepted, &base.0);
    once::accept(&caller, &app, NotificationType::Sms, body, async |body, once| {
        let request = sms_request(&body, app.clock().now())?;
        let once = once.map(|once| once.answered(&answer));
        Ok(answer(&app.accept_sms(&caller.caller, request, once, &caller.trace).await?))
    })
    .await
}

/// `POST /v2/notifications/email`: accepts one email for delivery (201).
async fn send_email(
    caller: ServiceCaller,
    body: web::Payload,
    base: BaseUrl,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    let body = http::read(body).await?;
    let answer = |accepted: &AcceptedEmail| email_accepted(accepted, &base.0);
    once::accept(&caller, &app, NotificationType::Email, body, async |body, once| {
        let request = email_request(&body, app.clock().now())?;
        let once = once.map(|once| once.answered(&answer));
        Ok(answer(&app.accept_email(&caller.caller, request, once, &caller.trace).await?))
    })
    .await
}

/// `POST /v2/notifications/{type}` of no known type.
async fn no_such_type(_: ServiceCaller) -> HttpResponse {
    no_such_route().await
}

pub(super) const CHECKED: &str = "`finish` refuses a form without it";

fn sms_request(body: &[u8], now: OffsetDateTime) -> Result<SmsRequest, ApiError> {
    let mut form = Form::read(body)?;
    let reference = form.short_text("reference", LONGEST_REFERENCE);
    let phone = form.phone("phone_number");
    let template_id = form.id("template_id");
    let personalisation = form.object("personalisation");
    let scheduled_for = form.scheduled_for("scheduled_for", now);
    let sms_sender_id = form.id("sms_sender_id").map(SmsSenderId);
    form.finish(&["phone_number", "template_id"])?;
    let (recipient, phone) = phone.expect(CHECKED);
    Ok(SmsRequest {
        recipient,
        phone,
        template_id: TemplateId(template_id.expect(CHECKED)),
        personalisation: personalisation.unwrap_or_default(),
        reference,
        sms_sender_id,
        scheduled_for,
    })
}

fn email_request(body: &[u8], now: OffsetDateTime) -> Result<EmailRequest, ApiError> {
    let mut form = Form::read(body)?;
    let reference = form.short_text("reference", LONGEST_REFERENCE);
    let address = form.email_address("email_address");
    let template_id = form.id("template_id");
    let personalisation = form.object("personalisation");
    let scheduled_for = form.scheduled_for("scheduled_for", now);
    let email_reply_to_id = form.id("email_reply_to_id").map(ReplyToId);
    let one_click_unsubscribe_url = form.https_url("one_click_unsubscribe_url");
    let sanitise_content_for = form.texts("sanitise_content_for");
    form.finish(&["email_address", "template_id"])?;
    Ok(EmailRequest {
        address: address.expect(CHECKED),
        template_id: TemplateId(template_id.expect(CHECKED)),
        personalisation: personalisation.unwrap_or_default(),
        reference,
        email_reply_to_id,
        one_click_unsubscribe_url,
        sanitise_content_for,
        scheduled_for,
    })
}

fn sms_accepted(sms: &AcceptedSms, base: &str) -> Value {
    json!({
        "id": sms.id,
        "reference": sms.reference,
        "content": { "body": sms.body, "from_number": sms.from_number },
        "uri": format!("{base}/v2/notifications/{}", sms.id),
        "template": template(base, sms.service_id, sms.template_id, sms.template_version),
        "scheduled_for": sms.scheduled_for.and_then(datetime),
    })
}

fn email_accepted(email: &AcceptedEmail, base: &str) -> Value {
    let sanitised: serde_json::Map<String, Value> = email
        .sanitised
        .iter()
        .map(|value| {
            let pair = json!({ "unsanitised": value.unsanitised, "sanitised": value.sanitised });
            (value.key.clone(), pair)
        })
        .collect();
    json!({
        "id": email.id,
        "reference": email.reference,
        "content": {
            "from_email": email.from_email,
            "subject": email.subject,
            "body": email.body,
            "one_click_unsubscribe_url": email.one_click_unsubscribe_url,
        },
        "uri": format!("{base}/v2/notifications/{}", email.id),
        "template": template(base, email.service_id, email.template_id, email.template_version),
        "scheduled_for": email.scheduled_for.and_then(datetime),
        "sanitised_content": sanitised,
    })
}

pub(super) fn template(base: &str, service: ServiceId, id: TemplateId, version: i32) -> Value {
    let uri = format!("{base}/services/{service}/templates/{id}");
    json!({ "id": id, "version": version, "uri": uri })
}
