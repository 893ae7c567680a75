//! `/_status` and the metrics page: no authentication (public API contract §2.14).

use actix_web::{HttpResponse, http::StatusCode, web};
use app::App;
use runtime::Metrics;
use serde::Deserialize;
use serde_json::json;

use crate::{
    error::{ApiError, wrong_method},
    http,
};

/// Renders the metrics of this process.
pub(crate) struct MetricsPage(Metrics);

impl MetricsPage {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self(metrics)
    }
}

pub(crate) fn routes(cfg: &mut web::ServiceConfig, metrics_path: &str) {
    for path in ["/", "/_status"] {
        cfg.service(
            web::resource(path)
                .route(http::get().to(status))
                .route(web::post().to(status))
                .default_service(web::to(|| async { wrong_method("GET, HEAD, OPTIONS, POST") })),
        );
    }
    cfg.route(metrics_path, http::get().to(metrics));
}

#[derive(Deserialize)]
struct Query {
    simple: Option<String>,
}

/// `GET /_status`: whether this process and its database answer; `?simple=1` leaves the database out.
async fn status(query: web::Query<Query>, app: web::Data<App>) -> Result<HttpResponse, ApiError> {
    if query.simple.as_deref().is_some_and(|simple| !simple.is_empty()) {
        return Ok(HttpResponse::Ok().json(json!({ "status": "ok" })));
    }
    let version = app.database_version().await.map_err(|error| {
        ApiError::internal(&error);
        ApiError::legacy(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
    })?;
    Ok(HttpResponse::Ok().json(json!({
        "status": "ok",
        "git_commit": option_env!("POSTROOM_GIT_COMMIT"),
        "build_time": option_env!("POSTROOM_BUILD_TIME"),
        "db_version": version,
        // There is no replica: everything reads from the primary.
        "db_bulk_version": version,
    })))
}

async fn metrics(page: web::Data<MetricsPage>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(page.0.render())
}
