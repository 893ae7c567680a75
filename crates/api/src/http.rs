//! The extractors, routes and answers that handlers are written in.

use std::{future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest, HttpResponse, Resource, Route,
    dev::Payload,
    guard,
    http::{
        Method, StatusCode,
        header::{ALLOW, AUTHORIZATION},
    },
    web,
};
use app::{App, Caller, callbacks::DATETIME};
use bytes::Bytes;
use queue::Trace;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer, ser::Error};
use serde_json::Value;
use time::OffsetDateTime;
use tracing::Span;

use crate::{
    auth::Token,
    error::{ApiError, wrong_method},
    slow,
};

/// Longest body of a request, in bytes: room for a letter's PDF or an email's files in base64.
const LARGEST_BODY_BYTES: usize = 10 << 20;

/// Longest body of a request of those who need no key, in bytes: room for any receipt.
const LARGEST_RECEIPT_BYTES: usize = 512 << 10;

/// The id of a request: in its logs, its answer, and the headers of every task it causes.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub String);

/// The service that calls, checked; 401 or 403 otherwise.
pub(crate) struct ServiceCaller {
    /// The service and the key it came with.
    pub caller: Caller,
    /// What tasks of this request inherit.
    pub trace: Trace,
    /// The request itself, for what few handlers look at.
    pub request: HttpRequest,
}

impl FromRequest for ServiceCaller {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let app = app(&request);
            let header = request.headers().get(AUTHORIZATION);
            // A header that is not text is a bearer token as little as any other nonsense.
            let header = header.map(|value| value.to_str().unwrap_or_default());
            let token = Token::read(header)?;
            let account = app.account(token.issuer).await?;
            let key = token.verify(account.as_deref(), app.clock().now())?;
            let (key_id, key_type) = (key.id, key.key_type);
            let account = account.ok_or(crate::auth::AuthError::NoSuchService)?;
            Span::current().record("service.id", tracing::field::display(account.service.id));
            let trace = trace(&request);
            let caller = Caller { account, key_id, key_type };
            request.extensions_mut().insert(caller.clone());
            Ok(Self { caller, trace, request })
        })
    }
}

/// What tasks that this request causes inherit: its id.
pub(crate) fn trace(request: &HttpRequest) -> Trace {
    let mut trace = Trace::default();
    if let Some(RequestId(id)) = request.extensions().get() {
        trace.headers.insert(tasks::headers::REQUEST_ID.to_owned(), Value::String(id.clone()));
    }
    trace
}

/// The use cases.
pub(crate) fn app(request: &HttpRequest) -> &web::Data<App> {
    request.app_data().expect("`serve_on` gives it to every worker")
}

/// Reads the whole body. Handlers take a [`web::Payload`] and call this, instead of taking the
/// bytes: extractors run side by side, and a body is not kept before its sender is known. Call it
/// before anything else can refuse: the server ends connections on which a body was left unread.
///
/// # Errors
/// It is too large or too slow, or breaks off.
pub(crate) async fn read(body: web::Payload) -> Result<Bytes, ApiError> {
    read_up_to(LARGEST_BODY_BYTES, body).await
}

/// Reads the whole body of a request that anybody may make, or who is known by no key: a small one.
///
/// # Errors
/// As [`read`].
pub(crate) async fn read_receipt(body: web::Payload) -> Result<Bytes, ApiError> {
    read_up_to(LARGEST_RECEIPT_BYTES, body).await
}

async fn read_up_to(limit: usize, body: web::Payload) -> Result<Bytes, ApiError> {
    match body.to_bytes_limited(limit).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if error.as_error().is_some_and(slow::is_late) => Err(ApiError::v2(
            StatusCode::REQUEST_TIMEOUT,
            "RequestTimeoutError",
            "The request took too long to arrive",
        )),
        Ok(Err(_)) => Err(ApiError::bad_request("The request broke off")),
        Err(_) => Err(ApiError::v2(
            StatusCode::PAYLOAD_TOO_LARGE,
            "BadRequestError",
            "The data value transmitted exceeds the capacity limit.",
        )),
    }
}

/// Where routes are registered: a test compares them with those that are described.
#[expect(clippy::disallowed_methods, reason = "the one place where routes are made")]
fn registered(path: &str, methods: &'static str) -> Resource {
    #[cfg(test)]
    REGISTERED.with_borrow_mut(|routes| routes.push((path.to_owned(), methods)));
    #[cfg(not(test))]
    let _ = methods;
    web::resource(path)
}

#[cfg(test)]
thread_local! {
    /// The routes that were made: paths, and the methods that they take.
    pub(crate) static REGISTERED: std::cell::RefCell<Vec<(String, &'static str)>> =
        const { std::cell::RefCell::new(Vec::new()) };
}

/// A path for one method; for others, the routes that follow are looked through.
pub(crate) fn only(method: &'static str, path: &str) -> Resource {
    registered(path, method)
        .guard(guard::fn_guard(move |context| context.head().method.as_str() == method))
}

/// A path that tells other methods than its own which ones it takes.
pub(crate) fn resource(path: &str, allow: &'static str) -> Resource {
    registered(path, allow).default_service(web::to(move |method: Method| async move {
        match method {
            Method::OPTIONS => HttpResponse::Ok().insert_header((ALLOW, allow)).finish(),
            _ => wrong_method(allow),
        }
    }))
}

/// `GET`, and `HEAD`, whose answer the server sends without its body.
pub(crate) fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// Scheme and host that the client used, also through a proxy: `https://api.example`.
pub(crate) struct BaseUrl(pub String);

impl FromRequest for BaseUrl {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let info = request.connection_info();
        std::future::ready(Ok(Self(format!("{}://{}", info.scheme(), info.host()))))
    }
}

/// A time as clients read it: `2026-11-25T12:15:30.000000Z`.
#[derive(Clone, Copy)]
pub(crate) struct DateTime(pub OffsetDateTime);

impl Serialize for DateTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.format(DATETIME).map_err(S::Error::custom)?)
    }
}

impl JsonSchema for DateTime {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DateTime".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}
