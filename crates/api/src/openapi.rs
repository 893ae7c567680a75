//! What the API is, as an OpenAPI 3.1 document and as a page for people.
//!
//! Each area describes its routes beside them; a test says which was forgotten. What requests hold is
//! noted down by the code that reads them ([`Form::schema`](crate::form::Form::schema),
//! [`Query::parameters`](crate::query::Query::parameters)), what answers hold is derived from the
//! types that are serialised. Not described: what providers and the admin app call.

mod page;
mod webhooks;

use actix_web::{
    HttpResponse,
    http::{StatusCode, header::ContentType},
    web,
};
use domain::{NotificationStatus, NotificationType};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde_json::{Map, Value, json};
use strum::VariantArray;

use crate::{
    documents,
    error::{Faults, Refusal},
    http::{get, resource},
    once,
    page::page,
    rate_limit, status, unsubscribe, v2,
};

const ABOUT: &str = "Sends emails, text messages and letters. A drop-in for GOV.UK Notify: its API \
clients work against this unchanged.\n\nTimes are in UTC. Bodies are read as JSON, whatever their \
content type. Every answer carries `X-B3-TraceId`, by which it is found in logs and traces.";

const TOKEN: &str = "A JSON Web Token, made for each request: HS256, signed with the last 36 \
characters of an API key, with the claims `iss`, the id of the service (the 36 characters before \
those and a hyphen), and `iat`, the time in seconds.";

/// The document, made once, and the page that shows it.
pub(crate) struct Described {
    json: String,
    page: String,
}

impl Described {
    pub(crate) fn new() -> Self {
        let document = document();
        Self { json: document.to_string(), page: page::body(&document) }
    }
}

pub(crate) fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(resource("/openapi.json", "GET, HEAD, OPTIONS").route(get().to(serve_json)))
        .service(resource("/docs", "GET, HEAD, OPTIONS").route(get().to(serve_page)));
}

/// `GET /openapi.json`: the document.
async fn serve_json(described: web::Data<Described>) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(described.json.clone())
}

/// `GET /docs`: the same for people.
async fn serve_page(described: web::Data<Described>) -> HttpResponse {
    page(StatusCode::OK, "Postroom’s API", &described.page)
}

/// The whole document.
fn document() -> Value {
    let mut api = Document {
        generator: SchemaSettings::draft2020_12()
            .for_serialize()
            .with(|settings| settings.definitions_path = "/components/schemas".into())
            .into_generator(),
        area: "",
        areas: Vec::new(),
        paths: Map::new(),
    };
    v2::describe(&mut api);
    unsubscribe::describe(&mut api);
    documents::describe(&mut api);
    status::describe(&mut api);
    api.tell_limits();
    let schemas = api.generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Postroom",
            "version": "2",
            "description": ABOUT,
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "/" }],
        "tags": api.areas,
        "paths": api.paths,
        "webhooks": webhooks::all(),
        "components": {
            "schemas": schemas,
            "headers": rate_limit::components(),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": TOKEN,
                },
            },
        },
    })
}

/// A document that is being written.
pub(crate) struct Document {
    generator: SchemaGenerator,
    area: &'static str,
    areas: Vec<Value>,
    paths: Map<String, Value>,
}

impl Document {
    /// What follows is about this.
    pub(crate) fn area(&mut self, name: &'static str) {
        self.area = name;
        self.areas.push(json!({ "name": name }));
    }

    /// A route of services, who are known by their token. `path` is as it is registered.
    pub(crate) fn by_service(&mut self, method: &str, path: &str, summary: &str) -> Operation<'_> {
        let operation = self.operation(method, path, summary, true);
        operation.json["security"] = json!([{ "token": [] }]);
        operation.refuses(&[401, 403])
    }

    /// A route for which no token is needed.
    pub(crate) fn by_anybody(&mut self, method: &str, path: &str, summary: &str) -> Operation<'_> {
        self.operation(method, path, summary, false)
    }

    /// Every answer to a service, unless it is our fault, tells how many more it may send.
    fn tell_limits(&mut self) {
        let operations = self.paths.values_mut().filter_map(Value::as_object_mut).flatten();
        let by_services =
            operations.map(|(_, operation)| operation).filter(|it| it["security"].is_array());
        let answers = by_services.filter_map(|it| it["responses"].as_object_mut()).flatten();
        for (_, answer) in
            answers.filter(|(status, _)| !["401", "403", "405", "500", "504"].contains(&&***status))
        {
            let Value::Object(headers) = rate_limit::headers() else { continue };
            match &mut answer["headers"] {
                Value::Object(known) => known.extend(headers),
                none => *none = headers.into(),
            }
        }
    }

    fn operation(&mut self, method: &str, path: &str, summary: &str, is_v2: bool) -> Operation<'_> {
        let (path, parameters) = parts(path);
        let json = &mut self.paths.entry(path).or_insert_with(|| json!({}))[method];
        *json = json!({ "tags": [self.area], "summary": summary });
        let has_parameters = !parameters.is_empty();
        let operation = Operation { generator: &mut self.generator, json, is_v2 };
        let operation = operation.asks(parameters).refuses(&[500, 504]);
        if has_parameters { operation.refuses(&[404]) } else { operation }
    }
}

/// A route that is being described.
pub(crate) struct Operation<'d> {
    generator: &'d mut SchemaGenerator,
    json: &'d mut Value,
    /// Whether its refusals are [`Faults`].
    is_v2: bool,
}

impl Operation<'_> {
    /// More than its summary says.
    pub(crate) fn says(self, description: &str) -> Self {
        self.json["description"] = json!(description);
        self
    }

    /// It has these parameters.
    pub(crate) fn asks(self, parameters: Vec<Value>) -> Self {
        for parameter in parameters {
            match &mut self.json["parameters"] {
                Value::Array(known) => known.push(parameter),
                none => *none = json!([parameter]),
            }
        }
        self
    }

    /// It reads bodies of this schema; which may be left out, when nothing in them is required.
    pub(crate) fn takes(self, schema: Value) -> Self {
        let is_required = schema.get("properties").is_none() || schema.get("required").is_some();
        self.json["requestBody"] = json!({
            "required": is_required,
            "content": { "application/json": { "schema": schema } },
        });
        self.refuses(&[400, 408, 413])
    }

    /// It reads a form, as browsers send it.
    pub(crate) fn takes_form(self, schema: Value) -> Self {
        let content = json!({ "application/x-www-form-urlencoded": { "schema": schema } });
        self.json["requestBody"] = json!({ "content": content });
        self
    }

    /// It accepts what is to be sent: counted, and once for each `Idempotency-Key`.
    pub(crate) fn sends<T: JsonSchema>(self, schema: Value) -> Self {
        let operation = self
            .asks(vec![once::parameter()])
            .takes(schema)
            .answers::<T>(201, "Accepted: it is sent, whatever happens to this server")
            .refuses(&[409, 429]);
        let answers = &mut operation.json["responses"];
        answers["201"]["headers"]["Idempotent-Replayed"] = once::replayed_header();
        answers["429"]["headers"]["Retry-After"] = rate_limit::retry_header();
        operation
    }

    /// It answers with JSON of this type; or with either, when it is told twice.
    pub(crate) fn answers<T: JsonSchema>(self, status: u16, description: &str) -> Self {
        let schema = self.generator.subschema_for::<T>().to_value();
        self.answers_with(status, "application/json", schema, description)
    }

    /// It answers with a page for people.
    pub(crate) fn shows(self, status: u16, description: &str) -> Self {
        let schema = json!({ "type": "string" });
        self.answers_with(status, "text/html", schema, description)
    }

    /// It answers with something of this content type.
    pub(crate) fn answers_with(
        self,
        status: u16,
        content_type: &str,
        schema: Value,
        description: &str,
    ) -> Self {
        let answer = &mut self.json["responses"][status.to_string()];
        answer["description"] = json!(description);
        let known = &mut answer["content"][content_type]["schema"];
        *known = match known.take() {
            Value::Null => schema,
            other => json!({ "anyOf": [other, schema] }),
        };
        self
    }

    /// It answers without a body.
    pub(crate) fn answers_nothing(self, status: u16, description: &str) -> Self {
        self.json["responses"][status.to_string()] = json!({ "description": description });
        self
    }

    /// It may refuse with these.
    pub(crate) fn refuses(mut self, statuses: &[u16]) -> Self {
        for status in statuses {
            let why = match status {
                400 => "Something is wrong with the request",
                401 => "The request has no token",
                403 => "The token is not believed, or its key may not do this",
                404 => "There is nothing of this id, or no such path",
                405 => "The path is for other methods",
                408 => "The body took too long to arrive",
                409 => "It does not go with what has happened before",
                413 => "The body is too large",
                429 => "Over the limit of the minute or the day",
                504 => "It took too long",
                _ => "A fault of ours",
            };
            // Where no route is, no area is known either.
            if *status == 405 || (*status == 404 && self.is_v2) {
                self = self.answers::<Refusal<'_>>(*status, why);
            }
            self = match self.is_v2 {
                true if *status != 405 => self.answers::<Faults<'_>>(*status, why),
                false if *status != 405 => self.answers::<Refusal<'_>>(*status, why),
                _ => self,
            };
        }
        self
    }
}

/// The words that the API has for the variants of a type.
pub(crate) fn words<T>(_: &mut SchemaGenerator) -> Schema
where
    T: VariantArray,
    &'static str: for<'a> From<&'a T>,
{
    let words: Vec<&str> = T::VARIANTS.iter().map(Into::into).collect();
    json_schema!({ "enum": words })
}

/// The same, or null.
pub(crate) fn words_or_null<T>(_: &mut SchemaGenerator) -> Schema
where
    T: VariantArray,
    &'static str: for<'a> From<&'a T>,
{
    let words = T::VARIANTS.iter().map(|word| Some(word.into()));
    let words: Vec<Option<&str>> = words.chain([None]).collect();
    json_schema!({ "enum": words })
}

/// The statuses that clients see.
pub(crate) fn statuses(_: &mut SchemaGenerator) -> Schema {
    let mut words: Vec<&str> = NotificationType::VARIANTS
        .iter()
        .flat_map(|channel| {
            NotificationStatus::VARIANTS.iter().map(|found| v2::status(*channel, *found))
        })
        .collect();
    words.sort_unstable();
    words.dedup();
    json_schema!({ "enum": words })
}

/// A path as OpenAPI writes it, and its parameters. `/a/{id}/{n:[0-9]+}` is `/a/{id}/{n}`.
fn parts(registered: &str) -> (String, Vec<Value>) {
    let (mut path, mut parameters, mut rest) = (String::new(), Vec::new(), registered);
    while let Some((before, from)) = rest.split_once('{') {
        let mut depth = 1;
        let end = from.find(|c| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            depth == 0
        });
        let (parameter, after) = from.split_at(end.unwrap_or(from.len()));
        let (name, pattern) = parameter.split_once(':').unwrap_or((parameter, ""));
        let schema = match (name, pattern) {
            ("id", "") => json!({ "type": "string", "format": "uuid" }),
            (_, "") => json!({ "type": "string" }),
            (_, "[0-9]+") => json!({ "type": "integer", "minimum": 0 }),
            _ => json!({ "type": "string", "pattern": format!("^{pattern}$") }),
        };
        let place = json!({ "name": name, "in": "path", "required": true, "schema": schema });
        parameters.push(place);
        path.push_str(&format!("{before}{{{name}}}"));
        rest = after.strip_prefix('}').unwrap_or(after);
    }
    (path + rest, parameters)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;
    use crate::http::REGISTERED;

    /// What is not for services and not for recipients, and what needs no description.
    const NOT_DESCRIBED: [&str; 11] = [
        // Who calls these is a provider, in its own format.
        "POST /notifications/email/ses",
        "POST /notifications/letter/status",
        "POST /notifications/sms/firetext",
        "POST /notifications/sms/mmg",
        "POST /notifications/sms/reach",
        "POST /notifications/sms/receive/firetext",
        "POST /notifications/sms/receive/mmg",
        // Or the admin app.
        "GET /_status/live-service-and-organisation-counts",
        "GET /service/{service}/template/{template}/versions",
        // Numbers for operators.
        "GET /metrics",
        // Answers as where no route is.
        "POST /v2/notifications/{id}",
    ];

    #[test]
    fn every_route_is_described_and_no_other() {
        REGISTERED.take();
        let _ = actix_web::App::new().configure(|cfg| crate::routes(cfg, "/metrics"));
        let registered: BTreeSet<String> = REGISTERED
            .take()
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.split(", ").filter(|m| !["HEAD", "OPTIONS"].contains(m));
                methods.map(|method| format!("{method} {}", parts(path).0)).collect::<Vec<_>>()
            })
            .collect();
        let document = document();
        let paths = document["paths"].as_object().unwrap();
        let described: BTreeSet<String> = paths
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap().keys();
                methods.map(move |method| format!("{} {path}", method.to_uppercase()))
            })
            .chain(NOT_DESCRIBED.map(str::to_owned))
            .collect();
        let forgotten: Vec<_> = registered.difference(&described).collect();
        assert!(forgotten.is_empty(), "describe these beside their routes: {forgotten:?}");
        let gone: Vec<_> = described.difference(&registered).collect();
        assert!(gone.is_empty(), "no such routes: {gone:?}");
    }

    /// The document is checked in, so that a change of the API is seen as one.
    #[test]
    fn the_document_is_the_one_that_is_checked_in() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
        let document = format!("{:#}\n", document());
        if std::env::var_os("POSTROOM_RENEW_OPENAPI").is_some() {
            fs::write(file, &document).unwrap();
        }
        assert!(
            fs::read_to_string(file).unwrap_or_default() == document,
            "the API differs from crates/api/openapi.json: if it should, \
             `POSTROOM_RENEW_OPENAPI=1 cargo test -p api openapi` renews the file"
        );
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
            match value {
                Value::Object(fields) => {
                    found.extend(fields.get("$ref").and_then(Value::as_str));
                    fields.values().for_each(|field| references(field, found));
                }
                Value::Array(items) => items.iter().for_each(|item| references(item, found)),
                _ => {}
            }
        }
        let document = document();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 50);
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn paths_lose_their_patterns() {
        let (path, parameters) = parts("/a/{day:[0-9]{4}-[0-9]{2}}/{id}/b/{n:[0-9]+}");
        assert_eq!(path, "/a/{day}/{id}/b/{n}");
        let schemas: Vec<&Value> = parameters.iter().map(|found| &found["schema"]).collect();
        assert_eq!(schemas[0]["pattern"], "^[0-9]{4}-[0-9]{2}$");
        assert_eq!(
            (&schemas[1]["format"], &schemas[2]["type"]),
            (&json!("uuid"), &json!("integer"))
        );
    }
}
