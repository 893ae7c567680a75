//! Emails.

use content::{
    Personalisation,
    email::{EmailTemplate, Layout},
    typography::make_typographic,
};
use serde_json::{Value, json};

use super::{flag, repeated, text_at, values};

pub fn run(op: &str, input: &Value) -> Option<Value> {
    Some(match op {
        "email_body" => email_body(input),
        "email_subject" => email_subject(input),
        "email_size" => {
            let content = repeated(text_at(input, "unit"), input);
            let values = Personalisation::default();
            let email = EmailTemplate::new("", &content, &values);
            json!({"bytes": email.size_bytes(), "too_long": email.is_too_long()})
        }
        "email_document" => email_document(input),
        "smart" => json!({"text": make_typographic(text_at(input, "text"))}),
        _ => return None,
    })
}

fn email_subject(input: &Value) -> Value {
    let values = values(input);
    let email = EmailTemplate::new(text_at(input, "subject"), "", &values);
    let email = if flag(input, "redact", false) { email.redact_missing() } else { email };
    json!({"text_subject": email.subject(), "html_subject": email.html_subject()})
}

fn email_body(input: &Value) -> Value {
    let values = values(input);
    let email = EmailTemplate::new("", text_at(input, "content"), &values)
        .with_unsubscribe_link(input["unsubscribe_link"].as_str());
    let (text, preheader) = (email.plain_text(), email.preheader());
    let email = if flag(input, "redact", false) { email.redact_missing() } else { email };
    json!({
        "html": without_styles(&email.html_body()),
        "text": text,
        "preheader": preheader,
    })
}

/// Styles are not recorded: they are this crate's own.
fn without_styles(html: &str) -> String {
    const START: &str = " style=\"";
    let mut parts = html.split(START);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + part.split_once('"').map_or("", |(_, rest)| rest))
}

/// Facts about a document, found in its text: what Outlook alone reads does not count.
fn email_document(input: &Value) -> Value {
    let (values, options) = (values(input), &input["options"]);
    let defaults = Layout::default();
    let text = |name: &str| options[name].as_str();
    let layout = Layout {
        govuk_banner: flag(options, "govuk_banner", defaults.govuk_banner),
        complete_html: flag(options, "complete_html", defaults.complete_html),
        brand_logo: text("brand_logo"),
        brand_text: text("brand_text"),
        brand_colour: text("brand_colour"),
        brand_banner: flag(options, "brand_banner", defaults.brand_banner),
        brand_alt_text: text("brand_alt_text"),
        ..defaults
    };
    let email = EmailTemplate::new(text_at(input, "subject"), text_at(input, "content"), &values);
    let html = email.document(&layout);
    let shown = match (html.split_once("<!--[if mso]>"), html.split_once("<![endif]-->")) {
        (Some((before, _)), Some((_, after))) => format!("{before}{after}"),
        _ => html.clone(),
    };
    let between =
        |start: &str, end: &str| Some(shown.split_once(start)?.1.split_once(end)?.0.to_owned());
    let images: Vec<Value> = shown
        .split("<img ")
        .skip(1)
        .map(|rest| {
            let tag = rest.split('>').next().unwrap_or_default();
            let attribute = |name: &str| {
                let rest = tag.split_once(&format!("{name}=\""))?.1;
                Some(rest.split('"').next().unwrap_or_default().to_owned())
            };
            json!({
                "src": attribute("src"), "alt": attribute("alt"), "height": attribute("height"),
                "aria_hidden": attribute("aria-hidden"),
            })
        })
        .collect();
    let has = |text: String| shown.contains(&text);
    let colour = layout.brand_colour.unwrap_or("none");
    json!({
        "doctype": html.starts_with("<!DOCTYPE html>"),
        "title": between("<title>", "</title>"),
        "preheader": between(" hidden>", "</span>"),
        "body_element": html.contains("<body"),
        "govuk_banner": has("brand__banner".to_owned()),
        "govuk_links": shown.matches("href=\"https://www.gov.uk\"").count(),
        "images": images,
        "brand_colour_in_bgcolor": has(format!("bgcolor=\"{colour}\"")),
        "brand_banner_default_colour": has("bgcolor=\"#0b0c0c\"".to_owned()),
        "brand_colour_left_border": has(format!("border-left:2px solid {colour}")),
        "brand_text_shown": layout.brand_text.is_some_and(|text| has(format!(">{text}</span>"))),
        "starts_with": html.chars().take(15).collect::<String>(),
    })
}
