//! Days, bank holidays and the timings of letters.

use content::dates::{Language, letter_date, parse_utc};
use domain::{
    KeyType, ServiceId,
    letter::{LetterTimings, Postage, can_be_cancelled},
    london,
    redis_keys::daily_count,
    service::DailyLimit,
    working_day::Calendar,
};
use serde_json::{Value, json};
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

use super::text_at;

pub fn run(op: &str, input: &Value) -> Option<Value> {
    Some(match op {
        "utc_to_london" => match time_at(input, "utc").and_then(london::in_london) {
            Some(at) => json!({"london": with_offset(at)}),
            None => json!({"error": "unparseable"}),
        },
        "naive_utc_to_bst" => json!({"london": london::local(time_at(input, "utc")?).map(naive)}),
        "naive_bst_to_utc" => {
            let utc = london::to_utc(without_offset(time_at(input, "london")?));
            json!({"utc": utc.map(|utc| naive(without_offset(utc)))})
        }
        "letter_date" => {
            let is_welsh = text_at(input, "language") == "welsh";
            let language = if is_welsh { Language::Welsh } else { Language::English };
            json!({"date": letter_date(time_at(input, "utc")?, language)})
        }
        "daily_limit_key" => daily_limit_key(input)?,
        "letter_timings" => letter_timings(input)?,
        "can_cancel" => {
            let status = text_at(input, "status").parse().ok()?;
            let (created_at, now) = (time_at(input, "created_at")?, time_at(input, "now")?);
            json!({"can_cancel": can_be_cancelled(status, created_at, now)})
        }
        "working_day" => {
            let day = time_at(input, "date")?.date();
            json!({
                "dvla": Calendar::Printer.is_working_day(day),
                "royal_mail_first": Calendar::FirstClassPost.is_working_day(day),
                "royal_mail_default": Calendar::Post.is_working_day(day),
            })
        }
        "offset_working_day" => offset_working_day(input)?,
        _ => return None,
    })
}

fn letter_timings(input: &Value) -> Option<Value> {
    let Ok(postage) = text_at(input, "postage").parse::<Postage>() else {
        return Some(json!({"error": "unknown postage"}));
    };
    let timings = LetterTimings::new(time_at(input, "upload_time")?, postage)?;
    Some(json!({
        "printed_by": with_offset(timings.printed_by),
        "is_printed": timings.is_printed(time_at(input, "now")?),
        "earliest_delivery": with_offset(timings.earliest_delivery),
        "latest_delivery": with_offset(timings.latest_delivery),
    }))
}

fn offset_working_day(input: &Value) -> Option<Value> {
    let calendar = match text_at(input, "calendar") {
        "dvla" => Calendar::Printer,
        postage => postage.parse::<Postage>().ok()?.calendar(),
    };
    let at = time_at(input, "date")?;
    let days = i32::try_from(input["days"].as_i64()?).ok()?;
    Some(match calendar.offset(at.date(), days) {
        Ok(day) => json!({"date": naive(without_offset(at.replace_date(day)))}),
        Err(error) => json!({"error": error.to_string()}),
    })
}

/// The service's id is not one of ours, so another stands in its place.
fn daily_limit_key(input: &Value) -> Option<Value> {
    let Ok(limit) = text_at(input, "notification_type").parse::<DailyLimit>() else {
        return Some(json!({"error": "notification_type is required"}));
    };
    let key_type = input["key_type"].as_str().unwrap_or("normal").parse::<KeyType>().ok()?;
    let service = ServiceId("00000000-0000-0000-0000-000000000000".parse().ok()?);
    let key = daily_count(service, key_type, limit, time_at(input, "now")?.date());
    Some(json!({"key": key.replace(&service.to_string(), text_at(input, "service_id"))}))
}

fn time_at(input: &Value, name: &str) -> Option<OffsetDateTime> {
    parse_utc(text_at(input, name))
}

fn without_offset(at: OffsetDateTime) -> PrimitiveDateTime {
    PrimitiveDateTime::new(at.date(), at.time())
}

/// As Python writes a time without an offset: a fraction only where there is one.
fn naive(at: PrimitiveDateTime) -> String {
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second, microsecond) = at.as_hms_micro();
    let fraction = if microsecond == 0 { String::new() } else { format!(".{microsecond:06}") };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}")
}

fn with_offset(at: OffsetDateTime) -> String {
    let (sign, offset) =
        if at.offset().is_negative() { ('-', -at.offset()) } else { ('+', at.offset()) };
    let (hours, minutes, seconds) = UtcOffset::as_hms(offset);
    let seconds = if seconds == 0 { String::new() } else { format!(":{seconds:02}") };
    format!("{}{sign}{hours:02}:{minutes:02}{seconds}", naive(without_offset(at)))
}
