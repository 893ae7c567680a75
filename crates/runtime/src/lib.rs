//! What every process needs once: logs, metrics, the shutdown signal, and a small private
//! listener through which operators see that it lives.
//!
//! Nothing here knows what the process is for. Start at [`start`].

mod logs;
mod management;
mod shutdown;
mod traces;

use std::net::SocketAddr;

use anyhow::Context;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

pub use logs::chain;
pub use management::{Health, serve as serve_management};
pub use metrics_exporter_prometheus::PrometheusHandle as Metrics;
pub use traces::{Traces, join_trace};

/// Settings of the process itself.
#[derive(clap::Args, Clone, Debug)]
#[group(id = "runtime")]
pub struct Config {
    /// Least important log lines to write: a level, or tracing's filter syntax
    #[arg(long, env = "NOTIFY_LOG_LEVEL", default_value = "INFO")]
    pub log_level: String,
    /// How log lines are written
    #[arg(long, env = "POSTROOM_LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,
    /// Address of the private listener with /healthz and /metrics; none when not given
    #[arg(long, env = "POSTROOM_MANAGEMENT_ADDR")]
    pub management_addr: Option<SocketAddr>,
    /// Where traces are sent by OTLP over HTTP, e.g. http://localhost:4318; none when not given
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,
    /// What the traces call this process
    #[arg(long, env = "OTEL_SERVICE_NAME", default_value = "postroom")]
    pub otlp_service_name: String,
}

/// How log lines are written.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    Json,
    /// One line of text, for people.
    Text,
}

/// What [`start`] hands to a process.
pub struct Runtime {
    /// Cancelled when the process is asked to stop (SIGTERM or SIGINT).
    pub stop: CancellationToken,
    /// Renders the metrics of this process.
    pub metrics: PrometheusHandle,
    /// Keep it to the end.
    pub traces: Traces,
}

/// Prepares the process: logs, metrics, TLS, signals. Call it once, first.
///
/// # Errors
/// When the log filter cannot be read, or the process was prepared before.
pub fn start(config: &Config) -> anyhow::Result<Runtime> {
    install_tls();
    let (layer, traces) =
        traces::start(config.otlp_endpoint.as_deref(), &config.otlp_service_name)?;
    logs::start(&config.log_level, config.log_format, layer)?;
    let metrics = PrometheusBuilder::new()
        .set_buckets(&[
            0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
            60.0, 300.0,
        ])
        .context("setting the buckets of histograms")?
        .install_recorder()
        .context("installing the metrics recorder")?;
    let stop = CancellationToken::new();
    shutdown::watch(stop.clone()).context("listening for signals")?;
    let upkeep = metrics.clone();
    tokio::spawn(async move {
        // Histograms keep their samples until somebody looks; this is that somebody.
        loop {
            tokio::time::sleep(std::time::Duration::from_secs(5)).await;
            upkeep.run_upkeep();
        }
    });
    Ok(Runtime { stop, metrics, traces })
}

/// Prepares a command that answers and ends: warnings go to standard error.
///
/// # Errors
/// When the process was prepared before.
pub fn start_command() -> anyhow::Result<()> {
    logs::start_command()?;
    install_tls();
    Ok(())
}

/// Metrics that nobody writes to, for serving the API where no process was prepared: in tests.
#[must_use]
pub fn unregistered_metrics() -> Metrics {
    PrometheusBuilder::new().build_recorder().handle()
}

/// Chooses the one TLS provider for the whole process. Later calls change nothing.
pub fn install_tls() {
    // An error only says that a provider is there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
