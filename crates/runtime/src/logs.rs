//! Log lines.

use anyhow::Context;
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::LogFormat;

/// Sends every log line of this process to standard output.
pub(crate) fn start(level: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(level.to_lowercase())
        .with_context(|| format!("NOTIFY_LOG_LEVEL: cannot read {level:?}"))?;
    let lines = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Json => lines
            .with(
                fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_current_span(true)
                    .with_span_list(false),
            )
            .try_init(),
        LogFormat::Text => lines.with(fmt::layer()).try_init(),
    }
    .context("starting the log")
}
