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
