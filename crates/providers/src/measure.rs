//! The metrics of every outbound call.

use std::time::Instant;

use metrics::{counter, histogram};

use crate::Error;

/// The result of a call, as the metrics name it.
pub(crate) trait Label {
    /// One of a few fixed words.
    fn label(&self) -> &'static str;
}

impl<T> Label for Result<T, Error> {
    fn label(&self) -> &'static str {
        match self {
            Ok(_) => "accepted",
            Err(Error::Permanent { .. }) => "permanent",
            Err(Error::Temporary { throttled: true, .. }) => "throttled",
            Err(Error::Temporary { .. }) => "temporary",
        }
    }
}

/// Awaits `call`, and records how long it took and how it ended under the provider's name.
pub(crate) async fn measured<T: Label>(provider: &'static str, call: impl Future<Output = T>) -> T {
    let started = Instant::now();
    let result = call.await;
    histogram!("postroom_provider_seconds", "provider" => provider).record(started.elapsed());
    counter!("postroom_provider_calls_total", "provider" => provider, "outcome" => result.label())
        .increment(1);
    result
}
