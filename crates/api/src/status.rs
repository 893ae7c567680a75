//! `/_status` and the metrics page: no authentication (public API contract §2.14).

use actix_web::{HttpRequest, HttpResponse, web};
use app::App;
use runtime::Metrics;
use serde_json::json;

use crate::{
    error::ApiError,
    http::{get, resource},
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
            resource(path, "GET, HEAD, OPTIONS, POST")
                .route(get().to(status))
                .route(web::post().to(status)),
        );
    }
    let counts = "/_status/live-service-and-organisation-counts";
    cfg.service(resource(counts, "GET, HEAD, OPTIONS").route(get().to(live_counts)));
    cfg.service(resource(metrics_path, "GET, HEAD, OPTIONS").route(get().to(metrics)));
}

/// `GET /_status`: whether this process and its database answer; `?simple=1` leaves the database out.
async fn status(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, ApiError> {
    let mut query = url::form_urlencoded::parse(request.query_string().as_bytes());
    if query.any(|(name, value)| name == "simple" && !value.is_empty()) {
        return Ok(HttpResponse::Ok().json(json!({ "status": "ok" })));
    }
    let version = app.database_version().await.map_err(|e| ApiError::from(e).into_legacy())?;
    Ok(HttpResponse::Ok().json(json!({
        "status": "ok",
        "git_commit": option_env!("POSTROOM_GIT_COMMIT"),
        "build_time": option_env!("POSTROOM_BUILD_TIME"),
        "db_version": version,
        // There is no replica: everything reads from the primary.
        "db_bulk_version": version,
    })))
}

/// `GET /_status/live-service-and-organisation-counts`: for the admin app's front page.
async fn live_counts(app: web::Data<App>) -> Result<HttpResponse, ApiError> {
    let counts = app.live_counts().await.map_err(|e| ApiError::from(e).into_legacy())?;
    let (services, organisations) = counts;
    Ok(HttpResponse::Ok().json(json!({ "organisations": organisations, "services": services })))
}

async fn metrics(page: web::Data<MetricsPage>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(page.0.render())
}
