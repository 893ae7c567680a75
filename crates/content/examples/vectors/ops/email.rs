//! Emails.

use content::{
    Personalisation,
    email::EmailTemplate,
    fill::{Fill, Form, Lists, Missing, fill},
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
        "smart" => json!({"text": make_typographic(text_at(input, "text"))}),
        _ => return None,
    })
}

fn email_subject(input: &Value) -> Value {
    let (subject, values) = (text_at(input, "subject"), values(input));
    let redacted = flag(input, "redact", false);
    let form = if redacted { Form::Redacted } else { Form::Brackets };
    let subject_with = |escape| {
        let how = Fill { escape, lists: Lists::Inline, missing: Missing::Html(form) };
        content::whitespace::normalise(&make_typographic(&fill(subject, &values, how)))
    };
    if !redacted {
        let email = EmailTemplate::new(subject, "", &values);
        assert_eq!(email.subject(), subject_with(false));
    }
    json!({"text_subject": subject_with(false), "html_subject": subject_with(true)})
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
