//! HTTP in, HTTP out: extract, call, convert. The only place that knows status codes.
//!
//! Each area has its own `routes()`. Who calls is an extractor (`http::ServiceCaller`), so a
//! handler without one has no caller; what goes wrong is an `error::ApiError`, in one of the two
//! shapes that clients know. No SQL, no publishing, no reading of the clock here.

mod auth;
mod basic_auth;
mod config;
mod documents;
mod error;
mod form;
mod http;
mod inbound_sms;
mod internal;
mod letter_status;
mod middleware;
mod once;
mod openapi;
mod page;
mod query;
mod rate_limit;
mod receipts;
mod slow;
mod status;
mod unsubscribe;
mod v2;

use std::{net::TcpListener, sync::Arc, time::Duration};

use actix_web::{App as Actix, HttpServer, web};
use anyhow::Context;
use app::App;
use providers::sns::Verifier;
use runtime::Metrics;
use tokio_util::sync::CancellationToken;
use tracing::info;

pub use config::{Config, InboundSmsConfig, ReceiptsConfig};

/// How long an idle connection stays open; longer than load balancers keep theirs.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Serves the API on the configured address until `stop`.
///
/// # Errors
/// When a setting cannot be used or the address cannot be bound.
pub async fn serve(
    config: Config,
    app: App,
    metrics: Metrics,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let address = (config.host.as_str(), config.port);
    let listener = TcpListener::bind(address)
        .with_context(|| format!("PORT: cannot listen on {}:{}", config.host, config.port))?;
    serve_on(listener, config, app, metrics, stop).await
}

/// Serves the API on a socket that is already bound, until `stop`; then lets requests finish.
///
/// # Errors
/// When a setting cannot be used.
pub async fn serve_on(
    listener: TcpListener,
    config: Config,
    app: App,
    metrics: Metrics,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let sns = web::Data::new(Verifier::from_config(&config.sns)?);
    let receipts = web::Data::new(config.receipts.credentials()?);
    let inbound_sms = web::Data::new(config.inbound_sms.credentials()?);
    let clock = app.clock().clone();
    let app = web::Data::new(app);
    let metrics = web::Data::new(status::MetricsPage::new(metrics));
    let described = web::Data::new(openapi::Described::new());
    let metrics_path = config.metrics_path.clone();
    let read_timeout = config.read_timeout();
    let requests =
        Arc::new(middleware::Requests::new(clock, config.request_timeout(), read_timeout));
    info!(server.address = %listener.local_addr()?, "the API is served");
    let server = HttpServer::new(move || {
        let requests = Arc::clone(&requests);
        Actix::new()
            .app_data(app.clone())
            .app_data(sns.clone())
            .app_data(receipts.clone())
            .app_data(inbound_sms.clone())
            .app_data(metrics.clone())
            .app_data(described.clone())
            .configure(|cfg| routes(cfg, &metrics_path))
            .default_service(web::to(error::no_such_route))
            .wrap(actix_web::middleware::from_fn(move |request, next| {
                Arc::clone(&requests).handle(request, next)
            }))
    })
    .workers(config.http_workers()?)
    .keep_alive(KEEP_ALIVE)
    .tcp_nodelay(true)
    .client_request_timeout(read_timeout)
    .shutdown_timeout(config.http_serve_timeout_seconds.into())
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = server.handle();
    tokio::spawn(async move {
        stop.cancelled().await;
        handle.stop(true).await;
    });
    server.await.context("serving the API")
}

/// Every route.
fn routes(cfg: &mut web::ServiceConfig, metrics_path: &str) {
    v2::routes(cfg);
    receipts::routes(cfg);
    inbound_sms::routes(cfg);
    letter_status::routes(cfg);
    unsubscribe::routes(cfg);
    internal::routes(cfg);
    documents::routes(cfg);
    openapi::routes(cfg);
    status::routes(cfg, metrics_path);
}
