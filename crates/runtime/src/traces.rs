//! Spans for whoever collects them, by OTLP over HTTP.
//!
//! The spans of one request are one trace in every process, because its id is the trace's id: the
//! API takes or makes it (`X-B3-TraceId`), and messages carry it.

use anyhow::Context as _;
use opentelemetry::{
    Context,
    trace::{
        SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider,
    },
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider},
};
use tracing::Span;
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::Registry;

/// Sends the spans that are left when it is dropped, at the end of the process.
#[derive(Default)]
pub struct Traces(Option<SdkTracerProvider>);

impl Drop for Traces {
    fn drop(&mut self) {
        if let Some(provider) = &self.0
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "the last traces are lost");
        }
    }
}

/// Begins to send spans to the collector at `endpoint`, e.g. `http://localhost:4318`, under the name
/// `service`. Without an endpoint there are none, and they cost nothing.
pub(crate) fn start(
    endpoint: Option<&str>,
    service: &str,
) -> anyhow::Result<(Option<OpenTelemetryLayer<Registry, SdkTracer>>, Traces)> {
    let Some(endpoint) = endpoint else { return Ok((None, Traces::default())) };
    let endpoint = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    let exporter = SpanExporter::builder().with_http().with_endpoint(endpoint);
    let exporter = exporter.build().context("OTEL_EXPORTER_OTLP_ENDPOINT")?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(Resource::builder().with_service_name(service.to_owned()).build())
        .build();
    let layer = OpenTelemetryLayer::new(provider.tracer("postroom"))
        .with_location(false)
        .with_threads(false);
    Ok((Some(layer), Traces(Some(provider))))
}

/// Makes a span that has not begun part of the trace of a request, if the request's id can be one: 32
/// hex digits, or a UUID.
pub fn join_trace(span: &Span, request_id: &str) {
    let Ok(trace) = TraceId::from_hex(&request_id.replace('-', "")) else { return };
    // Whose child it is nobody knows any more; but a parent it must have, to have its trace.
    let parent = SpanId::from_bytes([0, 0, 0, 0, 0, 0, 0, 1]);
    let context = SpanContext::new(trace, parent, TraceFlags::SAMPLED, true, TraceState::default());
    // Without a collector there is nothing to join.
    let _ = span.set_parent(Context::new().with_remote_span_context(context));
}
