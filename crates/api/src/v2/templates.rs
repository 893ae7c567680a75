//! `/v2/template` and `/v2/templates` (public API contract §2.9 to §2.11).

use actix_web::{HttpRequest, HttpResponse, web};
use app::{
    App, Error,
    templates::{Preview, placeholders},
};
use domain::{NotificationType, TemplateId, letter::Postage};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{notifications::CHANNELS, resource};
use crate::{
    error::ApiError,
    form::Form,
    http::{self, DateTime, ServiceCaller},
    openapi::{Document, words, words_or_null},
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

pub(super) fn describe(api: &mut Document) {
    api.by_service("get", "/v2/templates", "List templates")
        .asks(Query::parameters(wanted))
        .refuses(&[400])
        .answers::<Templates<'_>>(200, "Those that are in use, by name");
    let shown = "The template, in use or not";
    api.by_service("get", "/v2/template/{id}", "Get a template")
        .refuses(&[400])
        .answers::<Template<'_>>(200, shown);
    api.by_service("get", "/v2/template/{id}/version/{version}", "Get a version of a template")
        .refuses(&[400])
        .answers::<Template<'_>>(200, shown);
    api.by_service("post", "/v2/template/{id}/preview", "Fill a template with values")
        .takes(Form::schema(&[], |form| values(form, "")))
        .answers::<Filled<'_>>(200, "What would be sent");
}

/// Templates.
#[derive(Serialize, JsonSchema)]
struct Templates<'a> {
    templates: Vec<Template<'a>>,
}

/// A template in one of its versions.
#[derive(Serialize, JsonSchema)]
struct Template<'a> {
    #[schemars(with = "Uuid")]
    id: TemplateId,
    name: &'a str,
    #[serde(rename = "type")]
    #[schemars(schema_with = "words::<NotificationType>")]
    channel: NotificationType,
    version: i32,
    created_at: DateTime,
    updated_at: Option<DateTime>,
    /// The email address of whoever made this version.
    created_by: &'a str,
    /// The body, with placeholders.
    body: &'a str,
    /// None for text messages.
    subject: Option<&'a str>,
    /// What is true of each placeholder: `required`.
    #[schemars(with = "std::collections::BTreeMap<String, Placeholder>")]
    personalisation: Map<String, Value>,
    /// Of letters only.
    #[schemars(schema_with = "words_or_null::<Postage>")]
    postage: Option<Postage>,
    letter_contact_block: Option<&'a str>,
}

/// A placeholder of a template.
#[derive(Serialize, JsonSchema)]
struct Placeholder {
    required: bool,
}

/// A template that is filled with values.
#[derive(Serialize, JsonSchema)]
struct Filled<'a> {
    #[schemars(with = "Uuid")]
    id: TemplateId,
    #[serde(rename = "type")]
    #[schemars(schema_with = "words::<NotificationType>")]
    channel: NotificationType,
    version: i32,
    body: &'a str,
    /// None for text messages.
    subject: Option<&'a str>,
    /// Of letters only.
    #[schemars(schema_with = "words_or_null::<Postage>")]
    postage: Option<Postage>,
    /// The body as HTML; of emails only.
    html: Option<&'a str>,
}

fn wanted(mut query: Query) -> Result<Option<NotificationType>, ApiError> {
    let channel = query.choice("type", &CHANNELS);
    query.finish()?;
    Ok(channel)
}

fn values(mut form: Form, id: &str) -> Result<(Option<TemplateId>, Map<String, Value>), ApiError> {
    let id = form.path_id("id", id).map(TemplateId);
    let values = form.object("personalisation").unwrap_or_default();
    form.end()?;
    Ok((id, values))
}

/// `GET /v2/templates`: the service's templates that are in use.
async fn list(
    caller: ServiceCaller,
    request: HttpRequest,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    let channel = wanted(Query::read(&request))?;
    let templates = app.templates(caller.caller.service().id, channel).await?;
    let templates = templates.iter().map(shown).collect();
    Ok(HttpResponse::Ok().json(Templates { templates }))
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
    let form = if body.is_empty() { Form::empty() } else { Form::read(&body)? };
    let (id, values) = values(form, request.match_info().query("id"))?;
    let id = id.ok_or(Error::NotFound)?;
    let preview = app.preview(caller.caller.service().id, id, &values).await?;
    Ok(HttpResponse::Ok().json(previewed(&preview)))
}

fn shown(template: &domain::Template) -> Template<'_> {
    let required = |name| (name, json!(Placeholder { required: true }));
    Template {
        id: template.id,
        name: &template.name,
        channel: template.template_type,
        version: template.version,
        created_at: DateTime(template.created_at),
        updated_at: template.updated_at.map(DateTime),
        created_by: &template.created_by,
        body: &template.content,
        subject: template.subject.as_deref(),
        personalisation: placeholders(template).into_iter().map(required).collect(),
        postage: template.postage,
        letter_contact_block: template.contact_block.as_deref(),
    }
}

fn previewed(preview: &Preview) -> Filled<'_> {
    let template = &preview.template;
    Filled {
        id: template.id,
        channel: template.template_type,
        version: template.version,
        body: &preview.body,
        subject: preview.subject.as_deref(),
        postage: template.postage,
        html: preview.html.as_deref(),
    }
}
