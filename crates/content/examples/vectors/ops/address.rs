//! Postal addresses, postcodes and countries.

use content::{Personalisation, country::Country, postal_address::PostalAddress, postcode};
use serde_json::{Map, Value, json};

use super::{flag, text_at};

pub fn run(op: &str, input: &Value) -> Option<Value> {
    let allowed = flag(input, "allow_international", false);
    Some(match op {
        "postcode" => json!({"formatted": postcode::format(text_at(input, "text"))}),
        "country" => match Country::parse(text_at(input, "name")) {
            Ok(country) => {
                json!({"found": true, "country": country.name(), "zone": country.zone().to_string()})
            }
            Err(error) => json!({"found": false, "error": error.to_string()}),
        },
        "address" => facts(&PostalAddress::new(text_at(input, "address"), allowed)),
        "address_from_personalisation" => {
            let values = input["personalisation"].as_object().map(Personalisation::from);
            let values = values.unwrap_or_default();
            facts(&PostalAddress::from_personalisation(&values, allowed))
        }
        "bfpo_lines" => match PostalAddress::new(text_at(input, "address"), allowed).bfpo_lines() {
            Ok(lines) => json!({"lines": lines}),
            Err(error) => json!({"error": error.to_string()}),
        },
        _ => return None,
    })
}

fn facts(address: &PostalAddress) -> Value {
    let values = address.as_personalisation().map(|values| {
        let values = values.into_iter().map(|(key, text)| (key.to_owned(), json!(text)));
        values.collect::<Map<String, Value>>()
    });
    json!({
        "normalised_lines": address.normalised_lines(),
        "postage": address.zone().to_string(),
        "country": address.country().name(),
        "international": address.is_international(),
        "postcode": address.postcode(),
        "bfpo_number": address.bfpo_number().and_then(|number| number.parse::<u64>().ok()),
        "line_count": address.line_count(),
        "has_enough_lines": address.has_enough_lines(),
        "has_too_many_lines": address.has_too_many_lines(),
        "has_valid_postcode": address.postcode().is_some(),
        "has_valid_last_line": address.has_valid_last_line(),
        "has_invalid_characters": address.has_invalid_characters(),
        "has_no_fixed_abode_address": address.has_no_fixed_abode_address(),
        "has_invalid_country_for_bfpo_address": address.has_invalid_country_for_bfpo_address(),
        "has_alphanumeric_in_lines_1_and_2": address.has_alphanumeric_in_lines_1_and_2(),
        "valid": address.is_valid(),
        "as_personalisation": values,
    })
}
