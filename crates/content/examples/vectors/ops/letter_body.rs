//! The body of letters.

use content::{
    dates::{Language, letter_date, parse_utc},
    letter::{LetterTemplate, MAX_QR_BYTES, is_too_long},
};
use serde_json::{Value, json};

use super::{flag, repeated, text_at, values};

pub fn run(op: &str, input: &Value) -> Option<Value> {
    Some(match op {
        "letter_body" => letter_body(input),
        "page_limit" => {
            let pages = input["pages"].as_u64().and_then(|pages| u32::try_from(pages).ok());
            json!({"too_long": is_too_long(pages)})
        }
        _ => return None,
    })
}

fn letter_body(input: &Value) -> Value {
    let content = repeated(text_at(input, "content"), input);
    let welsh = text_at(input, "language") == "welsh";
    let letter = LetterTemplate {
        subject: input["subject"].as_str().unwrap_or("Subject"),
        content: &content,
        welsh_subject: text_at(input, "letter_welsh_subject"),
        welsh_content: text_at(input, "letter_welsh_content"),
        contact_block: text_at(input, "contact_block"),
        language: if welsh { Language::Welsh } else { Language::English },
        redact_missing: flag(input, "redact", false),
    };
    let values = values(input);
    let qr_error = letter.check_qr_codes(&values).err().map(|error| {
        json!({
            "num_bytes": error.num_bytes, "max_bytes": MAX_QR_BYTES, "message": error.to_string()
        })
    });
    json!({
        "message": letter.html_body(&values, |data| format!("[[QR:{data}]]")),
        "subject": letter.html_subject(&values),
        "contact_block": letter.html_contact_block(&values),
        "date": parse_utc(text_at(input, "date")).map(|date| letter_date(date, letter.language)),
        "address": letter.html_address(&values),
        "qr_error": qr_error,
    })
}
