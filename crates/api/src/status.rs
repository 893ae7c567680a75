//! `/_status` and the metrics page: no authentication (public API contract §2.14).

use actix_web::{HttpRequest, HttpResponse, web};
use app::App;
use runtime::Metrics;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::{
    error::ApiError,
    http::{get, resource},
    openapi::Document,
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

pub(crate) fn describe(api: &mut Document) {
    api.area("About the API");
    let simple = json!({
        "name": "simple", "in": "query", "schema": { "type": "string" },
        "description": "Anything: the database is not asked then",
    });
    for path in ["/", "/_status"] {
        for method in ["get", "post"] {
            api.by_anybody(method, path, "See whether the API and its database answer")
                .asks(vec![simple.clone()])
                .answers::<Status>(200, "They do");
        }
    }
    api.by_anybody("get", "/openapi.json", "Get this description").answers_with(
        200,
        "application/json",
        json!({ "type": "object" }),
        "OpenAPI 3.1",
    );
    api.by_anybody("get", "/docs", "Read this description").shows(200, "A page");
}

/// That all is well.
#[derive(Serialize, JsonSchema)]
struct Status {
    /// Always `ok`.
    status: &'static str,
    /// Left out, as all that follows, when the database was not asked.
    #[serde(flatten)]
    versions: Option<Versions>,
}

/// What is running.
#[derive(Serialize, JsonSchema)]
struct Versions {
    git_commit: Option<&'static str>,
    build_time: Option<&'static str>,
    db_version: String,
    db_bulk_version: String,
}

/// `GET /_status`: whether this process and its database answer; `?simple=1` leaves the database out.
async fn status(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, ApiError> {
    let mut query = url::form_urlencoded::parse(request.query_string().as_bytes());
    if query.any(|(name, value)| name == "simple" && !value.is_empty()) {
        return Ok(HttpResponse::Ok().json(Status { status: "ok", versions: None }));
    }
    let version = app.database_version().await.map_err(|e| ApiError::from(e).into_legacy())?;
    let versions = Versions {
        git_commit: option_env!("POSTROOM_GIT_COMMIT"),
        build_time: option_env!("POSTROOM_BUILD_TIME"),
        db_version: version.clone(),
        // There is no replica: everything reads from the primary.
        db_bulk_version: version,
    };
    Ok(HttpResponse::Ok().json(Status { status: "ok", versions: Some(versions) }))
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
