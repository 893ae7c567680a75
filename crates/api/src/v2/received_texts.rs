//! `/v2/received-text-messages` (public API contract §2.12).

use actix_web::{HttpRequest, HttpResponse, web};
use app::App;
use domain::ServiceId;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::resource;
use crate::{
    error::ApiError,
    http::{self, BaseUrl, DateTime, ServiceCaller},
    openapi::Document,
    query::{Checked, Links, Query},
};

pub(super) fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(
        resource("/v2/received-text-messages", "GET, HEAD, OPTIONS").route(http::get().to(list)),
    );
}

pub(super) fn describe(api: &mut Document) {
    api.by_service("get", "/v2/received-text-messages", "List received text messages")
        .says("Up to 250 on a page, the newest first; `links.next` is where older ones are.")
        .asks(Query::parameters(read))
        .refuses(&[400])
        .answers::<ReceivedTexts<'_>>(200, "A page of them");
}

/// A page of received text messages.
#[derive(Serialize, JsonSchema)]
struct ReceivedTexts<'a> {
    received_text_messages: Vec<ReceivedText<'a>>,
    links: Links,
}

/// A text message that the service received.
#[derive(Serialize, JsonSchema)]
struct ReceivedText<'a> {
    id: Uuid,
    created_at: DateTime,
    #[schemars(with = "Uuid")]
    service_id: ServiceId,
    /// The service's number.
    notify_number: &'a str,
    /// The sender's.
    user_number: &'a str,
    content: &'a str,
}

fn read(mut query: Query) -> Result<(Option<Uuid>, Checked), ApiError> {
    let older_than = query.id("older_than");
    Ok((older_than, query.finish()?))
}

/// `GET /v2/received-text-messages`: a page of what the service received, the newest first.
async fn list(
    caller: ServiceCaller,
    request: HttpRequest,
    base: BaseUrl,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    let (older_than, query) = read(Query::read(&request))?;
    let texts = app.received_texts(&caller.caller, older_than).await?;
    let path = format!("{}/v2/received-text-messages", base.0);
    let next = texts.last().map(|last| query.link_after(&path, &last.id.to_string()));
    let received_text_messages = texts
        .iter()
        .map(|text| ReceivedText {
            id: text.id,
            created_at: DateTime(text.created_at),
            service_id: caller.caller.service().id,
            notify_number: &text.notify_number,
            user_number: &text.user_number,
            content: &text.content,
        })
        .collect();
    let links = Links { current: path, next };
    Ok(HttpResponse::Ok().json(ReceivedTexts { received_text_messages, links }))
}
