//! `/v2/notifications`: sending (public API contract §2.1, §2.2); looking up is in [`lookup`].

mod lookup;
mod shown;

pub(super) use lookup::{CHANNELS, describe as describe_looking_up};
pub(crate) use shown::status;

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use app::{AcceptedEmail, AcceptedSms, App, EmailRequest, SmsRequest};
use domain::{NotificationId, NotificationType, ReplyToId, ServiceId, SmsSenderId, TemplateId};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::resource;
use crate::{
    error::{ApiError, no_such_route},
    form::Form,
    http::{self, BaseUrl, DateTime, ServiceCaller},
    once,
    openapi::Document,
};

/// Longest reference of a client, in characters.
pub(super) const LONGEST_REFERENCE: usize = 1000;

pub(super) fn routes(cfg: &mut web::ServiceConfig) {
    // Only `POST` looks for the name of a type; anything else is about the notification of that
    // "id", and refused as such.
    cfg.service(http::only("POST", "/v2/notifications/sms").to(send_sms))
        .service(http::only("POST", "/v2/notifications/email").to(send_email))
        // Not Notify's: nobody but who has the id of one sees that it is there.
        .service(http::only("DELETE", lookup::OF_AN_ID).to(lookup::cancel))
        .service(
            resource("/v2/notifications", "GET, HEAD, OPTIONS").route(http::get().to(lookup::list)),
        )
        .service(
            resource("/v2/notifications/{id}", "GET, HEAD, OPTIONS, POST")
                .route(http::get().to(lookup::get))
                .route(web::post().to(no_such_type)),
        );
}

pub(super) fn describe_sending(api: &mut Document) {
    let now = OffsetDateTime::UNIX_EPOCH;
    api.by_service("post", "/v2/notifications/sms", "Send a text message")
        .sends::<SmsAccepted<'_>>(Form::schema(&[], |form| sms_request(form, now)));
    api.by_service("post", "/v2/notifications/email", "Send an email")
        .says(
            "A value of the personalisation may be a list, or a file: `{\"file\": \"…\"}` in \
             base64, which becomes a link.",
        )
        .sends::<EmailAccepted<'_>>(Form::schema(&[], |form| email_request(form, now)));
}

/// A text message that was accepted.
#[derive(Serialize, JsonSchema)]
struct SmsAccepted<'a> {
    #[schemars(with = "Uuid")]
    id: NotificationId,
    reference: Option<&'a str>,
    content: SmsContent<'a>,
    /// Where it is looked up.
    uri: String,
    template: TemplateUsed,
    /// When it is sent, if not at once.
    scheduled_for: Option<DateTime>,
}

/// What a text message says.
#[derive(Serialize, JsonSchema)]
struct SmsContent<'a> {
    /// Without the service's name in front.
    body: &'a str,
    /// The sender.
    from_number: &'a str,
}

/// An email that was accepted.
#[derive(Serialize, JsonSchema)]
struct EmailAccepted<'a> {
    #[schemars(with = "Uuid")]
    id: NotificationId,
    reference: Option<&'a str>,
    content: EmailContent<'a>,
    /// Where it is looked up.
    uri: String,
    template: TemplateUsed,
    /// When it is sent, if not at once.
    scheduled_for: Option<DateTime>,
    /// The values that were changed because `sanitise_content_for` names them.
    sanitised_content: BTreeMap<&'a str, Sanitised<'a>>,
}

/// What an email says.
#[derive(Serialize, JsonSchema)]
struct EmailContent<'a> {
    /// The sender.
    from_email: &'a str,
    subject: &'a str,
    body: &'a str,
    /// As the request gave it.
    one_click_unsubscribe_url: Option<&'a str>,
}

/// A value before and after.
#[derive(Serialize, JsonSchema)]
struct Sanitised<'a> {
    unsanitised: &'a str,
    sanitised: &'a str,
}

/// The template that something was made from.
#[derive(Serialize, JsonSchema)]
pub(super) struct TemplateUsed {
    #[schemars(with = "Uuid")]
    pub id: TemplateId,
    pub version: i32,
    pub uri: String,
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
        let request = sms_request(Form::read(&body)?, app.clock().now())?;
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
        let request = email_request(Form::read(&body)?, app.clock().now())?;
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

fn sms_request(mut form: Form, now: OffsetDateTime) -> Result<SmsRequest, ApiError> {
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

fn email_request(mut form: Form, now: OffsetDateTime) -> Result<EmailRequest, ApiError> {
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
    json!(SmsAccepted {
        id: sms.id,
        reference: sms.reference.as_deref(),
        content: SmsContent { body: &sms.body, from_number: &sms.from_number },
        uri: format!("{base}/v2/notifications/{}", sms.id),
        template: template(base, sms.service_id, sms.template_id, sms.template_version),
        scheduled_for: sms.scheduled_for.map(DateTime),
    })
}

fn email_accepted(email: &AcceptedEmail, base: &str) -> Value {
    let mut sanitised_content = BTreeMap::new();
    for value in &email.sanitised {
        let pair = Sanitised { unsanitised: &value.unsanitised, sanitised: &value.sanitised };
        sanitised_content.insert(value.key.as_str(), pair);
    }
    json!(EmailAccepted {
        id: email.id,
        reference: email.reference.as_deref(),
        content: EmailContent {
            from_email: &email.from_email,
            subject: &email.subject,
            body: &email.body,
            one_click_unsubscribe_url: email.one_click_unsubscribe_url.as_deref(),
        },
        uri: format!("{base}/v2/notifications/{}", email.id),
        template: template(base, email.service_id, email.template_id, email.template_version),
        scheduled_for: email.scheduled_for.map(DateTime),
        sanitised_content,
    })
}

pub(super) fn template(
    base: &str,
    service: ServiceId,
    id: TemplateId,
    version: i32,
) -> TemplateUsed {
    TemplateUsed { id, version, uri: format!("{base}/services/{service}/templates/{id}") }
}
