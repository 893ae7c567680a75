//! `/v2/notifications/letter` and the PDFs of letters (public API contract §2.3, §2.4, §2.8).

use actix_web::{HttpRequest, HttpResponse, web};
use app::{AcceptedLetter, AcceptedPdf, App, LetterRequest, PrecompiledRequest};
use domain::{NotificationId, NotificationType, TemplateId, letter::Postage};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    notifications::{CHECKED, LONGEST_REFERENCE, TemplateUsed, template},
    resource,
};
use crate::{
    error::ApiError,
    form::Form,
    http::{self, BaseUrl, DateTime, ServiceCaller},
    once,
    openapi::{Document, words},
};

pub(super) fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(http::only("POST", "/v2/notifications/letter").to(send)).service(
        resource("/v2/notifications/{id}/pdf", "GET, HEAD, OPTIONS").route(http::get().to(pdf)),
    );
}

pub(super) fn describe_sending(api: &mut Document) {
    let made = Form::schema(&[], letter_request);
    let precompiled = Form::schema(&[], precompiled_request);
    api.by_service("post", "/v2/notifications/letter", "Send a letter")
        .says(
            "Made from a template, whose personalisation has the address in `address_line_1` to \
             `address_line_7`; or, where the body has `content`, a PDF in base64.",
        )
        .sends::<LetterAccepted<'_>>(json!({ "oneOf": [made, precompiled] }))
        .answers::<PdfAccepted<'_>>(201, "Accepted: a letter from a template, or a PDF");
}

pub(super) fn describe_looking_up(api: &mut Document) {
    let pdf = json!({ "type": "string", "contentMediaType": "application/pdf" });
    api.by_service("get", "/v2/notifications/{id}/pdf", "Get the PDF of a letter")
        .says("Ask again later when the error is `PDFNotReadyError`.")
        .refuses(&[400])
        .answers_with(200, "application/pdf", pdf, "The PDF");
}

/// A letter that was accepted.
#[derive(Serialize, JsonSchema)]
struct LetterAccepted<'a> {
    #[schemars(with = "Uuid")]
    id: NotificationId,
    reference: Option<&'a str>,
    content: LetterContent<'a>,
    /// Where it is looked up.
    uri: String,
    template: TemplateUsed,
    /// Always null.
    scheduled_for: Option<DateTime>,
}

/// What stands in a letter.
#[derive(Serialize, JsonSchema)]
struct LetterContent<'a> {
    body: &'a str,
    subject: &'a str,
}

/// A letter that came as a PDF and was accepted.
#[derive(Serialize, JsonSchema)]
struct PdfAccepted<'a> {
    #[schemars(with = "Uuid")]
    id: NotificationId,
    reference: &'a str,
    #[schemars(schema_with = "words::<Postage>")]
    postage: Postage,
}

/// `POST /v2/notifications/letter`: accepts one letter (201), made from a template or, where the
/// body has `content`, as a PDF.
async fn send(
    caller: ServiceCaller,
    body: web::Payload,
    base: BaseUrl,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    let body = http::read(body).await?;
    let answer = |accepted: &AcceptedLetter| letter_accepted(accepted, &base.0);
    once::accept(&caller, &app, NotificationType::Letter, body, async |body, once| {
        let form = Form::read(&body)?;
        drop(body); // a PDF is kept once only
        if form.has("content") {
            let request = precompiled_request(form)?;
            let once = once.map(|once| once.answered(&pdf_accepted));
            let trace = &caller.trace;
            let accepted = app.accept_precompiled(&caller.caller, request, once, trace).await?;
            return Ok(pdf_accepted(&accepted));
        }
        let request = letter_request(form)?;
        let once = once.map(|once| once.answered(&answer));
        Ok(answer(&app.accept_letter(&caller.caller, request, once, &caller.trace).await?))
    })
    .await
}

/// `GET /v2/notifications/{id}/pdf`: the PDF of one of the service's letters.
async fn pdf(
    caller: ServiceCaller,
    request: HttpRequest,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    let Ok(id) = request.match_info().query("id").parse::<NotificationId>() else {
        return Err(ApiError::validation(vec!["notification_id is not a valid UUID".to_owned()]));
    };
    let pdf = app.served_pdf(&caller.caller, id).await?;
    Ok(HttpResponse::Ok().content_type("application/pdf").body(pdf))
}

fn letter_request(mut form: Form) -> Result<LetterRequest, ApiError> {
    let reference = form.short_text("reference", LONGEST_REFERENCE);
    let template_id = form.id("template_id");
    let personalisation = form.object("personalisation");
    form.finish(&["template_id", "personalisation"])?;
    Ok(LetterRequest {
        template_id: TemplateId(template_id.expect(CHECKED)),
        personalisation: personalisation.expect(CHECKED),
        reference,
    })
}

fn precompiled_request(mut form: Form) -> Result<PrecompiledRequest, ApiError> {
    // As long as the database can keep in an index.
    let reference = form.short_text("reference", usize::MAX);
    let content = form.text("content");
    let postage = form.postage("postage");
    form.finish(&["reference", "content"])?;
    Ok(PrecompiledRequest {
        reference: reference.expect(CHECKED),
        content: content.expect(CHECKED),
        postage,
    })
}

fn pdf_accepted(pdf: &AcceptedPdf) -> Value {
    json!(PdfAccepted { id: pdf.id, reference: &pdf.reference, postage: pdf.postage })
}

fn letter_accepted(letter: &AcceptedLetter, base: &str) -> Value {
    json!(LetterAccepted {
        id: letter.id,
        reference: letter.reference.as_deref(),
        content: LetterContent { body: &letter.body, subject: &letter.subject },
        uri: format!("{base}/v2/notifications/{}", letter.id),
        template: template(base, letter.service_id, letter.template_id, letter.template_version),
        scheduled_for: None,
    })
}
