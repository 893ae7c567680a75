//! `/unsubscribe`: what mail programs post to when a recipient wants no more emails. No
//! authentication: the link is the proof (public API contract §2.13).

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use app::{App, Error};
use domain::NotificationId;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::{
    error::ApiError,
    http::{self, resource},
    openapi::Document,
};

const PATH: &str = "/unsubscribe/{id:[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-\
                    [0-9A-Fa-f]{12}}/{token}";

pub(crate) fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(resource(PATH, "OPTIONS, POST").route(web::post().to(unsubscribe)));
}

pub(crate) fn describe(api: &mut Document) {
    api.area("For recipients");
    api.by_anybody("post", PATH, "Want no more emails")
        .says("The address stands in emails, for mail programs to post to. No body is looked at.")
        .refuses(&[400, 408, 413])
        .answers::<Unsubscribed>(200, "It is noted down for the service");
}

/// What whoever unsubscribes is told.
#[derive(Serialize, JsonSchema)]
struct Unsubscribed {
    result: &'static str,
    message: &'static str,
}

/// `POST /unsubscribe/{id}/{token}`: stores the request. The body is of no interest.
async fn unsubscribe(
    request: HttpRequest,
    body: web::Payload,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    http::read_receipt(body).await.map_err(ApiError::into_legacy)?;
    let path = request.match_info();
    let id: NotificationId = path.query("id").parse().map_err(|_| refused(Error::NotFound))?;
    app.unsubscribe(id, path.query("token")).await.map_err(refused)?;
    let message = "Unsubscribe successful";
    Ok(HttpResponse::Ok().json(Unsubscribed { result: "success", message }))
}

fn refused(error: Error) -> ApiError {
    let message = match error {
        Error::BadToken => "This is not a valid unsubscribe link.",
        Error::NotFound => "This unsubscribe link is invalid or expired.",
        other => return ApiError::from(other).into_legacy(),
    };
    ApiError::legacy(StatusCode::NOT_FOUND, json!({ "unsubscribe request": message }))
}
