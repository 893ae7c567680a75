//! `/v2/received-text-messages` (public API contract §2.12).

use actix_web::{HttpRequest, HttpResponse, web};
use app::App;
use serde_json::{Value, json};

use super::resource;
use crate::{
    error::ApiError,
    http::{self, BaseUrl, ServiceCaller, datetime},
    query::Query,
};

pub(super) fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(
        resource("/v2/received-text-messages", "GET, HEAD, OPTIONS").route(http::get().to(list)),
    );
}

/// `GET /v2/received-text-messages`: a page of what the service received, the newest first.
async fn list(
    caller: ServiceCaller,
    request: HttpRequest,
    base: BaseUrl,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::read(&request);
    let older_than = query.id("older_than");
    let query = query.finish()?;
    let texts = app.received_texts(&caller.caller, older_than).await?;
    let path = format!("{}/v2/received-text-messages", base.0);
    let mut links = json!({ "current": path });
    if let Some(last) = texts.last() {
        links["next"] = json!(query.link_after(&path, &last.id.to_string()));
    }
    let texts: Vec<Value> = texts
        .iter()
        .map(|text| {
            json!({
                "id": text.id,
                "created_at": datetime(text.created_at),
                "service_id": caller.caller.service().id,
                "notify_number": text.notify_number,
                "user_number": text.user_number,
                "content": text.content,
            })
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "received_text_messages": texts, "links": links })))
}
