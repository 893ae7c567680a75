//! `/v2/template` and `/v2/templates` (public API contract §2.9 to §2.11).

use actix_web::{HttpRequest, HttpResponse, web};
use app::{
    App, Error,
    templates::{Preview, placeholders},
};
use domain::{Template, TemplateId};
use serde_json::{Map, Value, json};

use super::{notifications::CHANNELS, resource};
use crate::{
    error::ApiError,
    form::Form,
    http::{self, ServiceCaller, datetime},
    query::Query,
};

pub(super) fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(resource("/v2/templates", "GET, HEAD, OPTIONS").route(http::get().to(list)))
        .service(resource("/v2/template/{id}", "GET, HEAD, OPTIONS").route(http::get().to(get)))
        .service(
            resource("/v2/template/{id}/version/{version:[0-9]+}", "GET, HEAD, OPTIONS")
                .route(http::get().to(get)),
        )
        .service(
            resource("/v2/template/{id}/preview", "OPTIONS, POST").route(web::post().to(preview)),
        );
}

/// `GET /v2/templates`: the service's templates that are in use.
async fn list(
    caller: ServiceCaller,
    request: HttpRequest,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::read(&request);
    let channel = query.choice("type", &CHANNELS);
    query.finish()?;
    let templates = app.templates(caller.caller.service().id, channel).await?;
    let templates: Vec<Value> = templates.iter().map(shown).collect();
    Ok(HttpResponse::Ok().json(json!({ "templates": templates })))
}

/// `GET /v2/template/{id}`, `GET /v2/template/{id}/version/{n}`: one template, in one version or
/// the latest.
async fn get(
    caller: ServiceCaller,
    request: HttpRequest,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    let Ok(id) = request.match_info().query("id").parse::<TemplateId>() else {
        return Err(ApiError::validation(vec!["id is not a valid UUID".to_owned()]));
    };
    let version = match request.match_info().get("version") {
        None => None,
        // Digits, but more than any version has.
        Some(digits) => Some(digits.parse::<i32>().map_err(|_| Error::NotFound)?),
    };
    let version = version.filter(|version| *version != 0); // 0 has always meant the latest
    let template = app.template(caller.caller.service().id, id, version).await?;
    Ok(HttpResponse::Ok().json(shown(&template)))
}

/// `POST /v2/template/{id}/preview`: the template filled with values.
async fn preview(
    caller: ServiceCaller,
    request: HttpRequest,
    body: web::Payload,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    let body = http::read(body).await?;
    let mut form = if body.is_empty() { Form::empty() } else { Form::read(&body)? };
    let id = form.path_id("id", request.match_info().query("id")).map(TemplateId);
    let values = form.object("personalisation").unwrap_or_default();
    form.end()?;
    let id = id.ok_or(Error::NotFound)?;
    let preview = app.preview(caller.caller.service().id, id, &values).await?;
    Ok(HttpResponse::Ok().json(previewed(&preview)))
}

fn shown(template: &Template) -> Value {
    let personalisation: Map<String, Value> = placeholders(template)
        .into_iter()
        .map(|name| (name, json!({ "required": true })))
        .collect();
    json!({
        "id": template.id,
        "name": template.name,
        "type": template.template_type,
        "version": template.version,
        "created_at": datetime(template.created_at),
        "updated_at": template.updated_at.and_then(datetime),
        "created_by": template.created_by,
        "body": template.content,
        "subject": template.subject,
        "personalisation": personalisation,
        "postage": template.postage,
        "letter_contact_block": template.contact_block,
    })
}

fn previewed(preview: &Preview) -> Value {
    let template = &preview.template;
    json!({
        "id": template.id,
        "type": template.template_type,
        "version": template.version,
        "body": preview.body,
        "subject": preview.subject,
        "postage": template.postage,
        "html": preview.html,
    })
}
