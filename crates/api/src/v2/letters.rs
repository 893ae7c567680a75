//! `/v2/notifications/letter` and the PDFs of letters (public API contract §2.3, §2.4, §2.8).

use actix_web::{HttpRequest, HttpResponse, guard, web};
use app::{AcceptedLetter, AcceptedPdf, App, LetterRequest, PrecompiledRequest};
use domain::{NotificationId, NotificationType, TemplateId};
use serde_json::{Value, json};

use super::{
    notifications::{CHECKED, LONGEST_REFERENCE, template},
    resource,
};
use crate::{
    error::ApiError,
    form::Form,
    http::{self, BaseUrl, ServiceCaller},
    once,
};

pub(super) fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/v2/notifications/letter").guard(guard::Post()).to(send)).service(
        resource("/v2/notifications/{id}/pdf", "GET, HEAD, OPTIONS").route(http::get().to(pdf)),
    );
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
    json!({ "id": pdf.id, "reference": pdf.reference, "postage": pdf.postage })
}

fn letter_accepted(letter: &AcceptedLetter, base: &str) -> Value {
    json!({
        "id": letter.id,
        "reference": letter.reference,
        "content": { "body": letter.body, "subject": letter.subject },
        "uri": format!("{base}/v2/notifications/{}", letter.id),
        "template": template(base, letter.service_id, letter.template_id, letter.template_version),
        "scheduled_for": null,
    })
}
