//! `/v2/webhook-secrets`: what a service checks the signatures of its callbacks with. Not Notify's.

use actix_web::{HttpResponse, web};
use app::App;
use serde_json::{Map, Value};

use super::resource;
use crate::{
    error::ApiError,
    http::{self, ServiceCaller},
};

pub(super) fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(resource("/v2/webhook-secrets", "GET, HEAD, OPTIONS").route(http::get().to(list)));
}

/// `GET /v2/webhook-secrets`: the secret of each callback that the service has, under its kind.
async fn list(caller: ServiceCaller, app: web::Data<App>) -> Result<HttpResponse, ApiError> {
    let secrets = app.webhook_secrets(&caller.caller).await?;
    let secrets: Map<String, Value> = secrets
        .into_iter()
        .map(|(kind, secret)| (kind.to_owned(), secret.to_text().into()))
        .collect();
    Ok(HttpResponse::Ok().json(secrets))
}
