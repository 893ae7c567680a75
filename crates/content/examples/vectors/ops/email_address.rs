//! Email addresses.

use content::email_address::{self, EmailAddress};
use serde_json::{Value, json};

use super::{repeated, text_at, texts_at};

pub fn run(op: &str, input: &Value) -> Option<Value> {
    Some(match op {
        "email_address" => email_address(input),
        "format_email" => {
            json!({"formatted": email_address::normalise(text_at(input, "address"))})
        }
        "domain_match" => {
            let is_at = |domain| email_address::is_at(text_at(input, "address"), domain);
            json!({"match": texts_at(input, "domains").any(is_at)})
        }
        _ => return None,
    })
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
