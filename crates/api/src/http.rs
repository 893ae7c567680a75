//! The extractors and answers that handlers are written in.

use actix_web::{
    FromRequest, HttpMessage, HttpRequest, HttpResponse, Responder, Route, dev::Payload, guard,
    http::header::AUTHORIZATION, web,
};
use app::{App, Caller};
use queue::Trace;
use serde_json::Value;
use std::{future::Future, pin::Pin};
use tracing::Span;

use crate::{auth::Token, error::ApiError};

/// The id of a request: in its logs, its answer, and the headers of every task it causes.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub String);

/// The service that calls, checked; 401 or 403 otherwise.
pub(crate) struct ServiceCaller {
    /// The service and the key it came with.
    pub caller: Caller,
    /// What tasks of this request inherit.
    pub trace: Trace,
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
            Ok(Self { caller: Caller { account, key_id, key_type }, trace: trace(&request) })
        })
    }
}

/// What tasks that this request causes inherit: its id.
pub(crate) fn trace(request: &HttpRequest) -> Trace {
    let mut trace = Trace::default();
    if let Some(RequestId(id)) = request.extensions().get() {
        trace.headers.insert("notify_request_id".to_owned(), Value::String(id.clone()));
    }
    trace
}

/// The use cases.
pub(crate) fn app(request: &HttpRequest) -> &web::Data<App> {
    request.app_data().expect("`serve_on` gives it to every worker")
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

/// A route for `GET`, and for `HEAD`, which is answered without the body.
pub(crate) fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// 201 with a JSON body.
pub(crate) struct Created(pub Value);

impl Responder for Created {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Created().json(self.0)
    }
}
