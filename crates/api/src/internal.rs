//! Routes that are not for services, where the official clients know one all the same (public API
//! contract §1.4).

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::AUTHORIZATION},
    web,
};
use serde_json::json;

use crate::{
    auth::{AuthError, Token},
    error::ApiError,
    http::{get, resource},
};

pub(crate) fn routes(cfg: &mut web::ServiceConfig) {
    let versions = "/service/{service}/template/{template}/versions";
    cfg.service(resource(versions, "GET, HEAD, OPTIONS").route(get().to(refuse)));
}

/// Whoever calls is no internal client: none is known here yet.
async fn refuse(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let header = request.headers().get(AUTHORIZATION);
    let token = Token::read(header.map(|value| value.to_str().unwrap_or_default()));
    let (status, message) = match token.map(|_| ()) {
        Ok(()) | Err(AuthError::IssuerNotAnId) => {
            (401, "Unauthorized: not allowed to perform this action")
        }
        Err(error) => (error.status(), error.message()),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
    Err(ApiError::legacy(status, json!({ "token": [message] })))
}
