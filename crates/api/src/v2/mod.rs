//! The public API, version 2. Every route authenticates its caller before anything else.

mod bulk;
mod letters;
mod notifications;
mod received_texts;
mod templates;
mod webhook_secrets;

use actix_web::{HttpResponse, Resource, http::Method, http::header::ALLOW, web};

use crate::{
    http::{self, ServiceCaller},
    openapi::Document,
};

pub(crate) use notifications::status;

pub(crate) fn routes(cfg: &mut web::ServiceConfig) {
    bulk::routes(cfg);
    letters::routes(cfg);
    notifications::routes(cfg);
    templates::routes(cfg);
    received_texts::routes(cfg);
    webhook_secrets::routes(cfg);
}

pub(crate) fn describe(api: &mut Document) {
    api.area("Sending");
    notifications::describe_sending(api);
    letters::describe_sending(api);
    bulk::describe_sending(api);
    api.area("Looking up");
    notifications::describe_looking_up(api);
    letters::describe_looking_up(api);
    bulk::describe_looking_up(api);
    api.area("Templates");
    templates::describe(api);
    api.area("Receiving");
    received_texts::describe(api);
    webhook_secrets::describe(api);
}

/// A path that tells its methods: wrong ones get 405, and `OPTIONS` an answer once it is known who
/// asks.
fn resource(path: &str, allow: &'static str) -> Resource {
    let options = move |_: ServiceCaller| async move {
        HttpResponse::Ok().insert_header((ALLOW, allow)).finish()
    };
    http::resource(path, allow).route(web::method(Method::OPTIONS).to(options))
}
