//! What each operation of the vectors calls: one file for each area.

mod address;
mod csv;
mod dates;
mod email;
mod email_address;
mod helpers;
mod letter_body;
mod phone;
mod placeholders;
mod sms;
mod text;

use content::Personalisation;
use serde_json::Value;

/// An area: the facts that its operation gives, if it has one of this name.
type Area = fn(&str, &Value) -> Option<Value>;

const AREAS: &[Area] = &[
    address::run,
    csv::run,
    dates::run,
    email::run,
    email_address::run,
    helpers::run,
    letter_body::run,
    phone::run,
    placeholders::run,
    sms::run,
    text::run,
];

/// The facts about the result of an operation; `None` when no area has it.
pub fn run(op: &str, input: &Value) -> Option<Value> {
    AREAS.iter().find_map(|area| area(op, input))
}

/// The values that a template is filled with.
fn values(input: &Value) -> Personalisation {
    input["values"].as_object().map(Personalisation::from).unwrap_or_default()
}

/// A text of the input; empty when it is not there.
fn text_at<'a>(input: &'a Value, name: &str) -> &'a str {
    input[name].as_str().unwrap_or_default()
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
