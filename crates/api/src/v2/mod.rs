//! The public API, version 2.

mod notifications;

use actix_web::{HttpRequest, HttpResponse, http::header, web};

use crate::{error::wrong_method, http::ServiceCaller};

pub(crate) fn routes(cfg: &mut web::ServiceConfig) {
    notifications::routes(cfg);
}

/// A resource that takes one method, says so to others, and answers `OPTIONS` to callers it knows.
fn resource(path: &str, allow: &'static str, route: actix_web::Route) -> actix_web::Resource {
    let options = move |_: ServiceCaller, _: HttpRequest| async move {
        HttpResponse::Ok().insert_header((header::ALLOW, allow)).finish()
    };
    web::resource(path)
        .route(route)
        .route(web::method(actix_web::http::Method::OPTIONS).to(options))
        .default_service(web::to(move || async move { wrong_method(allow) }))
}
