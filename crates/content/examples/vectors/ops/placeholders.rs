//! Placeholders and the bookkeeping of templates.

use content::{
    Personalisation,
    email::EmailTemplate,
    fill::{Fill, Form, Lists, Missing, fill},
    html, missing_personalisation,
    placeholder::{key, placeholders_of},
    placeholders,
    sms::SmsTemplate,
};
use serde_json::{Value, json};

use super::{flag, text_at, values};

pub fn run(op: &str, input: &Value) -> Option<Value> {
    Some(match op {
        "field" => json!({"rendered": field(input)}),
        "placeholders" => json!({"placeholders": placeholders(text_at(input, "content"))}),
        "make_key" => json!({"key": key(text_at(input, "key"))}),
        "lookup" => json!({"value": values(input).get(text_at(input, "key"))}),
        "truthy" => {
            let values = Personalisation::from_iter([("x", input["value"].clone())]);
            json!({"show": fill("((x??shown))", &values, MARKDOWN) == "shown"})
        }
        "escape_html" => json!({"escaped": html::escape(text_at(input, "text"))}),
        "template_data" => template_data(input),
        "is_empty" => {
            let (content, values) = (text_at(input, "content"), values(input));
            json!({"empty": match text_at(input, "template_type") {
                "sms" => SmsTemplate::new(content, None, &values).is_empty(),
                // Letters follow the same rule.
                _ => EmailTemplate::new("", content, &values).is_empty(),
            }})
        }
        _ => return None,
    })
}

const MARKDOWN: Fill =
    Fill { escape: false, lists: Lists::Markdown, missing: Missing::Html(Form::Brackets) };

fn field(input: &Value) -> String {
    let form = if flag(input, "redact", false) {
        Form::Redacted
    } else if flag(input, "with_brackets", true) {
        Form::Brackets
    } else {
        Form::Name
    };
    let how = Fill {
        escape: input["html"].as_str() != Some("passthrough"),
        lists: if flag(input, "markdown_lists", false) { Lists::Markdown } else { Lists::Inline },
        missing: if flag(input, "plain_text", false) {
            Missing::Text(form)
        } else {
            Missing::Html(form)
        },
    };
    fill(text_at(input, "content"), &values(input), how).into_owned()
}

fn template_data(input: &Value) -> Value {
    let texts = ["subject", "content"].map(|text| input[text].as_str().unwrap_or_default());
    let names = placeholders_of(texts);
    let supplied = input["values"].as_object().into_iter().flatten();
    let additional: Vec<&String> = supplied
        .map(|(supplied, _)| supplied)
        .filter(|supplied| !names.iter().any(|name| key(name) == key(supplied)))
        .collect();
    json!({
        "missing": missing_personalisation(&names, &values(input)),
        "additional": additional,
        "placeholders": names,
    })
}
