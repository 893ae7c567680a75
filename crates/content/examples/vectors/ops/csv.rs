//! Files of recipients.

use content::{
    letter::LetterTemplate,
    recipients::{Options, Recipients, Row, Template},
};
use serde_json::{Map, Value, json};

use super::{flag, text_at, texts_at};

/// The rows of longer files are not recorded.
const MOST_ROWS: usize = 30;

pub fn run(op: &str, input: &Value) -> Option<Value> {
    (op == "csv").then(|| csv(input))
}

fn csv(input: &Value) -> Value {
    let more = input["csv_repeat_count"].as_u64().unwrap_or_default() as usize;
    let text = text_at(input, "csv").to_owned() + &text_at(input, "csv_repeat").repeat(more);
    let template = template(&input["template"]);
    let recipients = match Recipients::new(&text, template, options(&input["options"])) {
        Ok(recipients) => recipients,
        Err(error) => return json!({"error": error.to_string()}),
    };
    let mut report = recipients.check();
    report.missing_column_headers.sort_unstable();
    let is_checked = flag(&input["options"], "should_validate", true);
    // Rows past the limit are recorded as null.
    let rows: Vec<Value> = recipients
        .rows()
        .map(|row| facts(&row, template, is_checked))
        .chain(std::iter::repeat(Value::Null))
        .take(recipients.row_count().min(MOST_ROWS + 1))
        .collect();
    json!({
        "column_headers": recipients.column_headers(),
        "missing_column_headers": report.missing_column_headers,
        "duplicate_recipient_column_headers": recipients.duplicate_recipient_column_headers(),
        "has_recipient_columns": recipients.has_recipient_columns(),
        "row_count": recipients.row_count(),
        "too_many_rows": report.too_many_rows,
        "more_rows_than_can_send": report.more_rows_than_can_send,
        "allowed_to_send_to": report.allowed_to_send_to,
        "international_sms_count": report.international_sms_count,
        "more_international_sms_than_can_send": report.more_international_sms_than_can_send,
        "has_errors": report.has_errors,
        "rows": rows,
    })
}

fn template(input: &Value) -> Template<'_> {
    let (subject, content) = (text_at(input, "subject"), text_at(input, "content"));
    match text_at(input, "template_type") {
        "sms" => Template::Sms { content, prefix: input["prefix"].as_str() },
        "email" => Template::Email { subject, content, files: &[] },
        _ => Template::Letter(LetterTemplate {
            subject,
            content,
            contact_block: text_at(input, "contact_block"),
            ..LetterTemplate::default()
        }),
    }
}

fn options(input: &Value) -> Options {
    let defaults = Options::default();
    let number = |name: &str| input[name].as_u64().and_then(|number| usize::try_from(number).ok());
    Options {
        max_rows: number("max_rows").unwrap_or(defaults.max_rows),
        remaining_messages: number("remaining_messages"),
        remaining_international_sms: input["remaining_international_sms_messages"].as_i64(),
        guest_list: texts_at(input, "guestlist").map(str::to_owned).collect(),
        allow_international_sms: flag(input, "allow_international_sms", false),
        allow_sms_to_uk_landline: flag(input, "allow_sms_to_uk_landline", false),
        allow_international_letters: flag(input, "allow_international_letters", false),
        should_validate: flag(input, "should_validate", true),
        should_validate_phone_number: flag(input, "should_validate_phone_number", true),
    }
}

fn facts(row: &Row, template: Template<'_>, is_checked: bool) -> Value {
    let is_letter = matches!(template, Template::Letter(_));
    let columns: Vec<&Value> = template
        .recipient_columns()
        .iter()
        .map(|column| row.value(&content::placeholder::key(column)))
        .collect();
    let used = row.cells.iter().filter(|cell| cell.is_used);
    let personalisation: Map<String, Value> =
        used.map(|cell| (cell.key.clone(), cell.value.clone())).collect();
    let errors: Map<String, Value> = row
        .cells
        .iter()
        .filter_map(|cell| Some((cell.key.clone(), json!(cell.error?.to_string()))))
        .collect();
    let mut facts = json!({
        "index": row.index,
        "recipient": if is_letter { json!(columns) } else { columns[0].clone() },
        "personalisation": personalisation,
        "errors": errors,
    });
    if is_checked {
        facts["has_error"] = json!(row.has_error());
        facts["has_bad_recipient"] = json!(row.has_bad_recipient());
        facts["has_missing_data"] = json!(row.has_missing_data());
        facts["message_too_long"] = json!(row.message_too_long);
        facts["message_empty"] = json!(row.message_empty);
    }
    if is_checked && is_letter {
        facts["qr_code_too_long"] = json!(row.qr_code_too_long);
    }
    facts
}
