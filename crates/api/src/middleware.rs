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

use crate::{error::timed_out, http::RequestId, rate_limit};

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
    read_time_out: Duration,
}

impl Requests {
    /// `time_out` is for the whole of a request, `read_time_out` for the arrival of its body.
    pub(crate) fn new(clock: Clock, time_out: Duration, read_time_out: Duration) -> Self {
        Self { clock, time_out, read_time_out }
    }

    pub(crate) async fn handle(
        self: Arc<Self>,
        mut request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        let started = Instant::now();
        let body = crate::slow::in_time(request.take_payload(), self.read_time_out);
        request.set_payload(body);
        let id = request_id(request.headers()).unwrap_or_else(|| self.new_id());
        request.extensions_mut().insert(RequestId(id.clone()));
        let span = info_span!("http.request", request.id = id, service.id = tracing::field::Empty,);
        runtime::join_trace(&span, &id);
        let method = request.method().clone();
        let route = request.match_pattern().unwrap_or_else(|| "unmatched".to_owned());
        let is_v2 = request.path().starts_with("/v2/");
        let answer =
            tokio::time::timeout(self.time_out, next.call(request).instrument(span.clone()));
        let mut outcome = match answer.await {
            Ok(Ok(response)) => Ok(rate_limit::told(response.map_into_boxed_body()).await),
            Ok(Err(error)) => Err(error.error_response()),
            Err(_) => Err(span.in_scope(|| timed_out(is_v2)).error_response()),
        };
        let (status, headers) = match &mut outcome {
            Ok(response) => (response.status(), response.headers_mut()),
            Err(response) => (response.status(), response.headers_mut()),
        };
        add_headers(headers, &id, &self.new_id()[16..]);
        let (status, elapsed) = (status.as_u16(), started.elapsed());
        // Not the method: clients make those up, and each would be a series for ever.
        metrics::histogram!("http_request_seconds",
            "route" => route.clone(), "status" => status.to_string())
        .record(elapsed);
        let _entered = span.enter();
        info!(
            http.method = %method, http.route = route, http.status = status,
            elapsed_ms = elapsed.as_secs_f64() * 1000.0, "answered"
        );
        // The request went with its handler; only an error may be an answer without it.
        outcome.map_err(|response| InternalError::from_response("unfinished", response).into())
    }

    /// 128 bits in hex.
    fn new_id(&self) -> String {
        self.clock.new_id().simple().to_string()
    }
}

/// The id that a client or proxy gave, if it is one that can be passed on.
fn request_id(headers: &HeaderMap) -> Option<String> {
    let is_fit = |given: &&str| {
        (1..=LONGEST_ID).contains(&given.len()) && given.bytes().all(|b| b.is_ascii_graphic())
    };
    ID_HEADERS
        .iter()
        .filter_map(|name| headers.get(*name)?.to_str().ok())
        .find(is_fit)
        .map(str::to_owned)
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
    use crate::{
        error::no_such_route,
        http::{get, resource},
    };
    use actix_web::{
        App, HttpResponse,
        body::to_bytes,
        http::Method,
        middleware::from_fn,
        test::{self, TestRequest},
        web,
    };
    use serde_json::{Value, json};

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
        let mut headers = HeaderMap::new();
        for (name, value) in [("x-b3-traceid", ""), ("x-amz-cf-id", "abc=")] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        assert_eq!(request_id(&headers), Some("abc=".to_owned()), "the next one is tried");
    }

    /// The answer of a server whose `/v2/slow` never ends: status, headers, body.
    async fn answer(method: Method, path: &str) -> (u16, HeaderMap, Value) {
        let requests = Arc::new(Requests::new(
            Clock::system(),
            Duration::from_millis(10),
            Duration::from_millis(10),
        ));
        let service = test::init_service(
            App::new()
                .service(
                    resource("/v2/slow", "GET, HEAD, OPTIONS")
                        .route(get().to(std::future::pending::<HttpResponse>)),
                )
                .service(resource("/fast", "GET, HEAD, OPTIONS").route(get().to(HttpResponse::Ok)))
                .default_service(web::to(no_such_route))
                .wrap(from_fn(move |request, next| Arc::clone(&requests).handle(request, next))),
        )
        .await;
        let request = TestRequest::with_uri(path).method(method).to_request();
        let response = match test::try_call_service(&service, request).await {
            Ok(response) => response.into_parts().1,
            Err(error) => error.error_response(),
        };
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = to_bytes(response.into_body()).await.unwrap();
        (status, headers, serde_json::from_slice(&body).unwrap_or_default())
    }

    #[actix_web::test]
    async fn every_answer_carries_the_headers() {
        for (method, path, status) in [
            (Method::GET, "/fast", 200),
            (Method::HEAD, "/fast", 200),
            (Method::OPTIONS, "/fast", 200),
            (Method::GET, "/none", 404),
            (Method::POST, "/fast", 405),
            (Method::GET, "/v2/slow", 504),
        ] {
            let (given, headers, _) = answer(method, path).await;
            assert_eq!(given, status, "{path}");
            for (name, value) in ALWAYS {
                assert_eq!(headers.get(name).unwrap(), value, "{path}");
            }
            assert_eq!(headers.get("x-b3-traceid").unwrap().len(), 32, "{path}");
            assert_eq!(headers.get("x-b3-spanid").unwrap().len(), 16, "{path}");
        }
    }

    #[actix_web::test]
    async fn slow_requests_are_cut_off_in_the_shape_of_their_route() {
        let (_, _, body) = answer(Method::GET, "/v2/slow").await;
        let error = json!({ "error": "SoftEventletTimeout", "message": "Timeout serving request" });
        assert_eq!(body, json!({ "status_code": 504, "errors": [error] }));
    }

    #[actix_web::test]
    async fn wrong_methods_are_told_the_right_ones() {
        let (status, headers, body) = answer(Method::DELETE, "/v2/slow").await;
        let message = "The method is not allowed for the requested URL.";
        assert_eq!(body, json!({ "result": "error", "message": message }));
        assert_eq!(
            (status, headers.get("allow").unwrap()),
            (405, &"GET, HEAD, OPTIONS".parse().unwrap())
        );
    }
}
