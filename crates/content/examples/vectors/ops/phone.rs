//! Phone numbers and recipients.

use content::{
    phone::{Allowed, PhoneError, PhoneNumber},
    recipient,
};
use serde_json::{Map, Value, json};

use super::{flag, text_at, texts_at};

pub fn run(op: &str, input: &Value) -> Option<Value> {
    Some(match op {
        "phone" => phone(input),
        "format_recipient" => {
            json!({"formatted": recipient::normalise(text_at(input, "recipient"))})
        }
        "allowed_to_send_to" => {
            let allowed = texts_at(input, "allow_list");
            json!({"allowed": recipient::is_allowed(text_at(input, "recipient"), allowed)})
        }
        _ => return None,
    })
}

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
