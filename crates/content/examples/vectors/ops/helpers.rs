//! Small helpers.

use content::{
    dates::parse_utc,
    govuk, html, slug,
    whitespace::{
        close_up_punctuation, normalise, normalise_lines, remove_blank, strip_obscure, trim_blank,
    },
};
use domain::{
    file_type::{FileType, pretty_size},
    ids::{from_base64, parse_any_uuid, to_base64},
    signing::Signer,
};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::text_at;

pub fn run(op: &str, input: &Value) -> Option<Value> {
    let text = text_at(input, "text");
    Some(match op {
        "uuid_to_base64" => match parse_any_uuid(text_at(input, "uuid")) {
            Ok(id) => json!({"base64": to_base64(id)}),
            Err(_) => json!({"error": "ValueError"}),
        },
        "base64_to_uuid" => match from_base64(text_at(input, "base64")) {
            Ok(id) => json!({"uuid": id.to_string()}),
            Err(_) => json!({"error": "invalid"}),
        },
        "safe_id" => json!({"id": slug::id(text), "email_local_part": slug::local_part(text)}),
        "file_size" => json!({"text": pretty_size(input["bytes"].as_u64()?)}),
        "file_type" => {
            let kind = text_at(input, "extension").parse::<FileType>().ok();
            json!({
                "allowed": kind.is_some(),
                "pretty": kind.map(FileType::public_name),
                "mime": kind.map(FileType::mime),
            })
        }
        "mime" => {
            let kind = FileType::from_mime(text_at(input, "mime"));
            json!({"allowed": kind.is_some(), "extension": kind.map(<&str>::from)})
        }
        "whitespace" => json!({
            "strip_all": trim_blank(text),
            "strip_and_remove_obscure": strip_obscure(text),
            "remove_all": remove_blank(text),
            "normalise": normalise(text),
            "normalise_lines": normalise_lines(text),
            "before_punctuation": close_up_punctuation(text),
        }),
        "unlink_govuk" => json!({"text": govuk::unlink(text)}),
        "nl2br" => json!({"html": html::break_lines(text)}),
        "sign" => json!({"signed": signer(input)?.sign(&input["payload"]).ok()?}),
        "unsign" => match signer(input)?.unsign::<Value>(text_at(input, "signed")) {
            Ok(payload) => json!({"payload": payload}),
            Err(_) => json!({"error": "BadSignature"}),
        },
        "token" => {
            let now = parse_utc(text_at(input, "now"))?;
            json!({"token": signer(input)?.token(&input["payload"], now).ok()?})
        }
        "cache_argument" => match input["argument"].as_str() {
            Some(text) => {
                let id = parse_any_uuid(text).map(|id| id.to_string());
                json!({"formatted": id.unwrap_or_else(|_| text.to_owned())})
            }
            None => json!({"formatted": input["argument"]}),
        },
        _ => return None,
    })
}

fn signer(input: &Value) -> Option<Signer> {
    let [secret, salt] = ["secret", "salt"].map(|name| SecretString::from(text_at(input, name)));
    Signer::new(&[secret], &salt).ok()
}
