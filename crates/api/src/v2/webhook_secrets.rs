//! `/v2/webhook-secrets`: what a service checks the signatures of its callbacks with. Not Notify's.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use app::App;

use super::resource;
use crate::{
    error::ApiError,
    http::{self, ServiceCaller},
    openapi::Document,
};

pub(super) fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(resource("/v2/webhook-secrets", "GET, HEAD, OPTIONS").route(http::get().to(list)));
}

pub(super) fn describe(api: &mut Document) {
    api.by_service("get", "/v2/webhook-secrets", "Get the secrets of the service’s callbacks")
        .says("With them the service checks the signatures of its callbacks (Standard Webhooks).")
        .answers::<Secrets>(
            200,
            "The secret of each callback that the service has, under its name",
        );
}

/// The secret of each callback, under its kind.
type Secrets = BTreeMap<&'static str, String>;

/// `GET /v2/webhook-secrets`: the secret of each callback that the service has, under its kind.
async fn list(caller: ServiceCaller, app: web::Data<App>) -> Result<HttpResponse, ApiError> {
    let secrets = app.webhook_secrets(&caller.caller).await?;
    let secrets: Secrets =
        secrets.into_iter().map(|(kind, secret)| (kind, secret.to_text())).collect();
    Ok(HttpResponse::Ok().json(secrets))
}
