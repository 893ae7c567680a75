//! The document as HTML: what there is, what it takes, what it answers. No scripts.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::page::escape;

/// What stands on the page of a document.
pub(super) fn body(document: &Value) -> String {
    let mut html = format!(
        "<h1>Postroom’s API</h1>\n{}<p>For programs: <a href=\"/openapi.json\">OpenAPI 3.1</a>. \
         <a href=\"#callbacks\">Callbacks</a>, <a href=\"#types\">types</a>.</p>\n<h2>Tokens</h2>\n{}",
        prose(&document["info"]["description"]),
        prose(&document["components"]["securitySchemes"]["token"]["description"]),
    );
    for area in document["tags"].as_array().into_iter().flatten() {
        let _ = writeln!(html, "<h2>{}</h2>", text(&area["name"]));
        for (path, methods) in fields(&document["paths"]) {
            for (method, operation) in fields(methods) {
                if operation["tags"][0] == area["name"] {
                    let name = format!("{} {path}", method.to_uppercase());
                    add_operation(&mut html, &name, operation);
                }
            }
        }
    }
    html.push_str("<h2 id=\"callbacks\">Callbacks</h2>\n");
    for (name, methods) in fields(&document["webhooks"]) {
        add_operation(&mut html, name, &methods["post"]);
    }
    html.push_str("<h2 id=\"types\">Types</h2>\n");
    for (name, schema) in fields(&document["components"]["schemas"]) {
        let name = escape(name);
        let _ = writeln!(html, "<h3 id=\"{name}\">{name}</h3>\n{}", prose(&schema["description"]));
        html.push_str(&shape(schema));
    }
    html
}

fn add_operation(html: &mut String, name: &str, operation: &Value) {
    let _ = writeln!(
        html,
        "<h3>{}</h3>\n<p><code>{}</code></p>",
        text(&operation["summary"]),
        escape(name)
    );
    html.push_str(&prose(&operation["description"]));
    if operation.get("security").is_none() && operation["tags"][0] != "Callbacks" {
        html.push_str("<p>Without a token.</p>\n");
    }
    if let Some(parameters) = operation["parameters"].as_array() {
        html.push_str("<p>Parameters:</p>\n<ul>\n");
        for parameter in parameters {
            let (name, place) = (text(&parameter["name"]), text(&parameter["in"]));
            let described = [&parameter["description"], &parameter["schema"]["description"]];
            let described: String = described.map(note).concat();
            let kind = kind(&parameter["schema"]);
            let _ = writeln!(html, "<li><code>{name}</code> ({place}): {kind}{described}</li>");
        }
        html.push_str("</ul>\n");
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if !body.is_null() {
        html.push_str("<p>Body:</p>\n");
        html.push_str(&shape(body));
    }
    html.push_str("<details>\n<summary>Answers</summary>\n<ul>\n");
    for (status, answer) in fields(&operation["responses"]) {
        let types: Vec<String> = fields(&answer["content"])
            .map(|(name, content)| match name.as_str() {
                "application/json" => kind(&content["schema"]),
                other => escape(other),
            })
            .collect();
        let headers: Vec<String> =
            fields(&answer["headers"]).map(|(name, _)| format!("<code>{name}</code>")).collect();
        let headers = match headers.join(", ") {
            none if none.is_empty() => none,
            some => format!(", with {some}"),
        };
        let why = text(&answer["description"]);
        let types = match types.join(" or ") {
            none if none.is_empty() => none,
            some => format!(": {some}"),
        };
        let _ = writeln!(html, "<li>{status}: {why}{types}{headers}</li>");
    }
    html.push_str("</ul>\n</details>\n");
}

/// What a schema allows, at length.
fn shape(schema: &Value) -> String {
    let either = ["oneOf", "anyOf"].iter().find_map(|name| schema[name].as_array());
    let either: Vec<String> = either.into_iter().flatten().map(shape).collect();
    let either = either.join("<p>or</p>\n");
    if schema.get("properties").is_none() {
        let is_empty = either.is_empty();
        return if is_empty { format!("<p>{}</p>\n", kind(schema)) } else { either };
    }
    let required = schema["required"].as_array();
    let mut html = String::from("<ul>\n");
    for (name, field) in fields(&schema["properties"]) {
        let is_required = required.is_some_and(|all| all.iter().any(|one| one == name.as_str()));
        let optional = if is_required { "" } else { ", may be left out" };
        let (name, kind, note) = (escape(name), kind(field), note(&field["description"]));
        let _ = writeln!(html, "<li><code>{name}</code>: {kind}{optional}{note}</li>");
    }
    html + "</ul>\n" + &either
}

/// What a schema allows, in a few words.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = escape(reference.rsplit('/').next().unwrap_or_default());
        return format!("<a href=\"#{name}\">{name}</a>");
    }
    for either in ["oneOf", "anyOf"] {
        if let Some(kinds) = schema[either].as_array() {
            return kinds.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    if let Some(words) = schema["enum"].as_array() {
        let words = words.iter().map(|word| format!("<code>{}</code>", text(word)));
        return words.collect::<Vec<_>>().join(", ");
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.iter().map(text).collect::<Vec<_>>().join(" or "),
        Value::Null => "anything".to_owned(),
        one => text(one),
    };
    let items = schema.get("items").map(|items| format!(" of {}", kind(items))).unwrap_or_default();
    let format = schema.get("format").map(|name| format!(" ({})", text(name))).unwrap_or_default();
    let longest = schema.get("maxLength");
    let longest = longest.map(|n| format!(", at most {n} characters")).unwrap_or_default();
    format!("{types}{items}{format}{longest}")
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// Paragraphs.
fn prose(value: &Value) -> String {
    let paragraphs = value.as_str().into_iter().flat_map(|text| text.split("\n\n"));
    paragraphs.map(|text| format!("<p>{}</p>\n", code(text))).collect()
}

/// A remark behind something.
fn note(value: &Value) -> String {
    value.as_str().map(|text| format!(". {}", code(text))).unwrap_or_default()
}

/// A text whose backquotes are those of Markdown.
fn code(text: &str) -> String {
    let parts = text.split('`').map(escape).enumerate();
    parts
        .map(|(at, part)| if at % 2 == 1 { format!("<code>{part}</code>") } else { part })
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), escape)
}
