//! Log lines.

use std::{
    error::Error,
    fmt::{self, Display},
};

use anyhow::Context;
use opentelemetry_sdk::trace::SdkTracer;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::{
    EnvFilter, Registry, fmt as lines, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::LogFormat;

/// The AMQP library writes whole messages into its warnings, and those hold personal data.
const NOT_BELOW_ERROR: &str = "lapin=error";

/// Sends every log line of this process to standard output, and spans to `traces`.
pub(crate) fn start(
    level: &str,
    format: LogFormat,
    traces: Option<OpenTelemetryLayer<Registry, SdkTracer>>,
) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(level.to_lowercase())
        .with_context(|| format!("NOTIFY_LOG_LEVEL: cannot read {level:?}"))?
        .add_directive(NOT_BELOW_ERROR.parse().context("the filter for the AMQP library")?);
    let log = tracing_subscriber::registry().with(traces).with(filter);
    match format {
        LogFormat::Json => log
            .with(
                lines::layer()
                    .json()
                    .flatten_event(true)
                    .with_current_span(true)
                    .with_span_list(false),
            )
            .try_init(),
        LogFormat::Text => log.with(lines::layer()).try_init(),
    }
    .context("starting the log")
}

/// Sends warnings to standard error: standard output is the command's answer.
pub(crate) fn start_command() -> anyhow::Result<()> {
    // What a command looks for and does not find closes a channel, which is no error.
    let filter = EnvFilter::try_new("warn,lapin=off").context("the filter of the log")?;
    let log = lines::layer().with_writer(std::io::stderr).with_target(false);
    tracing_subscriber::registry().with(filter).with(log).try_init().context("starting the log")
}

/// An error with its causes on one line: `sending failed: no answer: connection refused`. For log
/// fields, whose own way with errors shows only the first.
pub fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Display + use<'a> {
    fmt::from_fn(move |f| {
        Display::fmt(error, f)?;
        let mut cause = error.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    })
}
