//! What happens around every request: its id, its time limit, its log line, its metrics, and the
//! headers that every answer carries (public API contract §0.1).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{
    Error, HttpMessage, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::header::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
};
use domain::Clock;
use tracing::{Instrument, info, info_span};

use crate::{error::timed_out, http::RequestId};

/// Headers that every answer carries.
const ALWAYS: [(&str, &str); 8] = [
    ("access-control-allow-origin", "*"),
    ("access-control-allow-headers", "Content-Type,Authorization"),
    ("access-control-allow-methods", "GET,PUT,POST,DELETE"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "SAMEORIGIN"),
    ("x-permitted-cross-domain-policies", "none"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
    ("cache-control", "no-store, no-cache, private, must-revalidate"),
];

/// Where a request's id may come from, the first one first.
const ID_HEADERS: [&str; 3] = ["x-b3-traceid", "x-amz-cf-id", "x-amzn-trace-id"];

/// Longest id that is taken from a client: it goes into logs and message headers.
const LONGEST_ID: usize = 128;

/// Handles requests alike.
pub(crate) struct Requests {
    clock: Clock,
    time_out: Duration,
}

impl Requests {
    pub(crate) fn new(clock: Clock, time_out: Duration) -> Self {
        Self { clock, time_out }
    }

    pub(crate) async fn handle(
        self: Arc<Self>,
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        let started = Instant::now();
        let id = request_id(request.headers()).unwrap_or_else(|| self.new_id());
        request.extensions_mut().insert(RequestId(id.clone()));
        let span = info_span!("http.request", request.id = id, service.id = tracing::field::Empty,);
        let method = request.method().clone();
        let route = request.match_pattern().unwrap_or_else(|| "unmatched".to_owned());
        let is_v2 = request.path().starts_with("/v2/");
        let answer =
            tokio::time::timeout(self.time_out, next.call(request).instrument(span.clone()));
        let mut outcome = match answer.await {
            Ok(outcome) => outcome.map(ServiceResponse::map_into_boxed_body),
            Err(_) => {
                let response = timed_out(is_v2).error_response();
                Err(InternalError::from_response("the request took too long", response).into())
            }
        };
        let status = match &mut outcome {
            Ok(response) => {
                let span_id = self.new_id().split_off(16);
                add_headers(response.headers_mut(), &id, &span_id);
                response.status().as_u16()
            }
            Err(error) => error.as_response_error().status_code().as_u16(),
        };
        let elapsed = started.elapsed();
        metrics::histogram!("http_request_seconds",
            "method" => method.to_string(), "route" => route.clone(), "status" => status.to_string())
        .record(elapsed);
        let _entered = span.enter();
        info!(
            http.method = %method, http.route = route, http.status = status,
            elapsed_ms = elapsed.as_secs_f64() * 1000.0, "answered"
        );
        outcome
    }

    /// 128 bits in hex.
    fn new_id(&self) -> String {
        self.clock.new_id().simple().to_string()
    }
}

/// The id that a client or proxy gave, if it is one that can be passed on.
fn request_id(headers: &HeaderMap) -> Option<String> {
    let given = ID_HEADERS.iter().find_map(|name| headers.get(*name))?.to_str().ok()?;
    let fine =
        (1..=LONGEST_ID).contains(&given.len()) && given.bytes().all(|b| b.is_ascii_graphic());
    fine.then(|| given.to_owned())
}

fn add_headers(headers: &mut HeaderMap, id: &str, span_id: &str) {
    for (name, value) in ALWAYS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    for (name, value) in [("x-b3-traceid", id), ("x-b3-spanid", span_id)] {
        // Both are of visible ASCII characters only.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &'static str, value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        request_id(&headers)
    }

    #[test]
    fn ids_are_taken_from_proxies_unless_they_are_unfit() {
        assert_eq!(id("x-b3-traceid", "abc"), Some("abc".to_owned()));
        assert_eq!(id("x-amzn-trace-id", "Root=1-67"), Some("Root=1-67".to_owned()));
        assert_eq!(id("x-amz-cf-id", "a b"), None);
        assert_eq!(id("x-b3-traceid", ""), None);
        assert_eq!(id("x-b3-traceid", &"a".repeat(129)), None);
        assert_eq!(id("x-request-id", "abc"), None);
    }
}
