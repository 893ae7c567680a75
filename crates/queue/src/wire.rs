//! Celery's message protocol 2: an [`Envelope`] to and from headers, properties and body.

use std::io::Read;

use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable},
};
use serde_json::{Map, Value, json};
use time::{
    OffsetDateTime,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::format_description,
};
use uuid::Uuid;

pub use crate::message::Message;
use crate::{
    envelope::{EncodeError, Envelope},
    message::{MAX_HEADERS, OF_ONE_DELIVERY},
    repr::{args_repr, kwargs_repr},
    table,
};

/// Counts the deliveries that got lost with their worker.
pub(crate) const REDELIVERIES: &str = "postroom_redeliveries";
/// When the first of several runs failed.
pub(crate) const FIRST_FAILED_AT: &str = "postroom_first_failed_at";

/// Bodies may be this long, also after decompression.
const MAX_BODY_BYTES: usize = 16 << 20;
/// RabbitMQ refuses a longer life than this, in milliseconds.
const MAX_EXPIRATION_MS: i128 = 4_294_967_295;

/// Celery's own headers. Every other one belongs to the application.
const STANDARD: &[&str] = &[
    "lang",
    "task",
    "id",
    "root_id",
    "parent_id",
    "group",
    "group_index",
    "retries",
    "eta",
    "expires",
    "timelimit",
    "shadow",
    "argsrepr",
    "kwargsrepr",
    "origin",
    "ignore_result",
    "replaced_task_nesting",
    "stamped_headers",
    "stamps",
    "compression",
];

/// A message that is not a task as we understand them.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// `content_type` is not JSON.
    #[error("the content type is not application/json")]
    ContentType,
    /// `content_encoding` is not UTF-8.
    #[error("the content encoding is not utf-8")]
    ContentEncoding,
    /// More than 48 KiB.
    #[error("the headers are longer than 48 KiB")]
    LongHeaders,
    /// A header that must be there is missing, or is not of its type.
    #[error("the header `{0}` is missing or of the wrong type")]
    Header(&'static str),
    /// `eta` or `expires` is not a moment.
    #[error("the header `{0}` is not an ISO 8601 time")]
    Time(&'static str),
    /// Neither zlib nor gzip.
    #[error("the body is compressed in a way that is not supported")]
    Compression,
    /// The compressed body is damaged.
    #[error("the body cannot be decompressed")]
    Inflate(#[source] std::io::Error),
    /// More than 16 MiB.
    #[error("the body is longer than 16 MiB")]
    TooLong,
    /// The body is not JSON text.
    #[error("the body is not JSON")]
    Json(#[source] serde_json::Error),
    /// The body is JSON, but not `[args, kwargs, embed]`.
    #[error("the body is not [arguments, keyword arguments, options]")]
    Shape,
    /// Somebody waits for what the task returns: a callback, the next link of a chain, a chord, or
    /// whoever published a group. We keep no results.
    #[error(
        "the message is part of a chain, group or chord, or has callbacks, that expect a result"
    )]
    ExpectsResult,
    /// The arguments do not fit the task. The text names fields, never values.
    #[error("the arguments do not fit: {0}")]
    Arguments(String),
}

/// Writes `envelope` as Celery 5.7 would. `origin` and `reply_to` name this process.
///
/// # Errors
/// [`EncodeError`] when a header name is too long for AMQP, or the body for whoever reads it.
pub fn encode(
    envelope: &Envelope,
    origin: &str,
    reply_to: &str,
    now: OffsetDateTime,
) -> Result<Message, EncodeError> {
    let mut headers = FieldTable::default();
    for (name, value) in &envelope.headers {
        headers.insert(table::name(name)?, table::from_json(value)?);
    }
    for (name, value) in [
        ("lang", table::text("rust")),
        ("task", table::text(&envelope.task)),
        ("id", table::text(&envelope.id)),
        ("root_id", table::text(&envelope.root_id)),
        ("parent_id", table::text_or_void(envelope.parent_id.as_deref())),
        ("group", AMQPValue::Void),
        ("group_index", AMQPValue::Void),
        ("shadow", AMQPValue::Void),
        ("eta", table::text_or_void(envelope.eta.map(iso))),
        ("expires", table::text_or_void(envelope.expires.map(iso))),
        ("retries", table::count(envelope.retries)),
        ("timelimit", AMQPValue::FieldArray(vec![AMQPValue::Void, AMQPValue::Void].into())),
        ("ignore_result", AMQPValue::Boolean(true)),
        ("argsrepr", table::text(args_repr(&envelope.args))),
        ("kwargsrepr", table::text(kwargs_repr(&envelope.kwargs))),
        ("origin", table::text(origin)),
        ("replaced_task_nesting", table::count(0)),
        ("stamped_headers", AMQPValue::Void),
        ("stamps", AMQPValue::FieldTable(FieldTable::default())),
    ] {
        headers.insert(name.into(), value);
    }
    let mut properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_content_encoding("utf-8".into())
        .with_delivery_mode(2)
        .with_correlation_id(table::name(&envelope.id)?)
        .with_reply_to(table::name(reply_to)?)
        .with_headers(headers);
    if let Some(expires) = envelope.expires {
        let left = (expires - now).whole_milliseconds().max(0);
        if left <= MAX_EXPIRATION_MS {
            properties = properties.with_expiration(left.to_string().into());
        }
    }
    let nothing_after = json!({"callbacks": null, "errbacks": null, "chain": null, "chord": null});
    let body = json!([envelope.args, envelope.kwargs, nothing_after]).to_string().into_bytes();
    if body.len() > MAX_BODY_BYTES {
        return Err(EncodeError::TooLong);
    }
    Ok(Message { properties, body })
}

/// Reads a message that was taken from `queue` (without prefix).
///
/// # Errors
/// [`DecodeError`] when it is not a protocol 2 task with a JSON body, or expects a
/// result of us.
pub fn decode(message: &Message, queue: &str) -> Result<Envelope, DecodeError> {
    if message.header_size() > MAX_HEADERS {
        return Err(DecodeError::LongHeaders);
    }
    let required =
        |name| message.header_text(name).map(str::to_owned).ok_or(DecodeError::Header(name));
    let task = required("task")?;
    let id = required("id")?;
    let properties = &message.properties;
    if properties.content_type().as_ref().is_none_or(|value| value.as_str() != "application/json") {
        return Err(DecodeError::ContentType);
    }
    let encoding = properties.content_encoding().as_ref();
    if encoding.is_some_and(|value| !value.as_str().eq_ignore_ascii_case("utf-8")) {
        return Err(DecodeError::ContentEncoding);
    }
    let eta = moment(message, "eta")?;
    let expires = moment(message, "expires")?;
    let (args, kwargs) = body(message)?;
    let ignores_result = message.header("ignore_result") == Some(&AMQPValue::Boolean(true));
    if message.header("group").is_some() && !ignores_result {
        return Err(DecodeError::ExpectsResult);
    }
    Ok(Envelope {
        queue: queue.to_owned(),
        root_id: message.header_text("root_id").unwrap_or(&id).to_owned(),
        parent_id: message.header_text("parent_id").map(str::to_owned),
        retries: message.header_count("retries"),
        headers: custom_headers(message),
        task,
        id,
        eta,
        expires,
        args,
        kwargs,
    })
}

fn custom_headers(message: &Message) -> Map<String, Value> {
    let ours = [REDELIVERIES, FIRST_FAILED_AT];
    let headers = message.properties.headers().iter().flatten();
    headers
        .filter(|(name, _)| {
            let name = name.as_str();
            !STANDARD.contains(&name) && !OF_ONE_DELIVERY.contains(&name) && !ours.contains(&name)
        })
        .map(|(name, value)| (name.to_string(), table::to_json(value)))
        .collect()
}

fn body(message: &Message) -> Result<(Vec<Value>, Map<String, Value>), DecodeError> {
    let inflated;
    let bytes = match message.header("compression") {
        None => &message.body,
        Some(_) => {
            inflated = inflate(&message.body)?;
            &inflated
        }
    };
    if bytes.len() > MAX_BODY_BYTES {
        return Err(DecodeError::TooLong);
    }
    let parts: Value = serde_json::from_slice(bytes).map_err(DecodeError::Json)?;
    let Value::Array(parts) = parts else { return Err(DecodeError::Shape) };
    let Ok([Value::Array(args), Value::Object(kwargs), options]) = <[Value; 3]>::try_from(parts)
    else {
        return Err(DecodeError::Shape);
    };
    match options {
        Value::Null => {}
        Value::Object(options) => {
            if options.values().any(asks_for_something) {
                return Err(DecodeError::ExpectsResult);
            }
        }
        _ => return Err(DecodeError::Shape),
    }
    let args = args.into_iter().map(plain).collect();
    let kwargs = kwargs.into_iter().map(|(name, value)| (name, plain(value))).collect();
    Ok((args, kwargs))
}

fn asks_for_something(option: &Value) -> bool {
    !option.is_null() && option.as_array().is_none_or(|list| !list.is_empty())
}

/// Celery labels both formats `application/x-gzip`, and means zlib by it.
fn inflate(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let reader: Box<dyn Read + '_> = match bytes.first() {
        Some(0x78) => Box::new(flate2::read::ZlibDecoder::new(bytes)),
        Some(0x1f) => Box::new(flate2::read::GzDecoder::new(bytes)),
        _ => return Err(DecodeError::Compression),
    };
    let mut body = Vec::new();
    // One byte more than allowed tells "too long" from "just fits".
    let limit = MAX_BODY_BYTES as u64 + 1;
    reader.take(limit).read_to_end(&mut body).map_err(DecodeError::Inflate)?;
    Ok(body)
}

/// Python's dates, UUIDs and such come wrapped: `{"__type__": …, "__value__": …}`. What is inside
/// is text already, but for a UUID. (Bytes that are not text stay base64.)
fn plain(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(plain).collect(),
        Value::Object(mut fields) => {
            let is_wrapped = fields.len() == 2 && fields.contains_key("__type__");
            match fields.get_mut("__value__").map(Value::take) {
                Some(inner) if is_wrapped => {
                    let hex = inner.get("hex").and_then(Value::as_str);
                    match hex.and_then(|hex| Uuid::try_parse(hex).ok()) {
                        Some(id) => id.to_string().into(),
                        None => plain(inner),
                    }
                }
                other => {
                    if let Some(inner) = other {
                        fields.insert("__value__".to_owned(), inner);
                    }
                    fields.into_iter().map(|(name, value)| (name, plain(value))).collect()
                }
            }
        }
        other => other,
    }
}

fn moment(message: &Message, header: &'static str) -> Result<Option<OffsetDateTime>, DecodeError> {
    let Some(value) = message.header(header) else { return Ok(None) };
    let text = table::as_text(value).ok_or(DecodeError::Time(header))?;
    OffsetDateTime::parse(text, &Rfc3339)
        // Without an offset it is UTC.
        .or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339))
        .map(Some)
        .map_err(|_| DecodeError::Time(header))
}

/// A moment as Celery writes it: `2026-11-22T01:02:54.897164+00:00`.
pub(crate) fn iso(at: OffsetDateTime) -> String {
    const FORMAT: &[BorrowedFormatItem<'_>] = format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]+00:00"
    );
    at.checked_to_offset(time::UtcOffset::UTC)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .format(FORMAT)
        .expect("a date and time has every part of the format")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_is_refused() {
        use std::io::Write as _;
        let mut zip = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..20 {
            zip.write_all(&vec![b' '; 1 << 20]).unwrap();
        }
        let mut headers = FieldTable::default();
        for name in ["task", "id", "compression"] {
            headers.insert(name.into(), table::text("any"));
        }
        let properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_headers(headers);
        let message = Message { properties, body: zip.finish().unwrap() };
        assert!(matches!(decode(&message, "queue"), Err(DecodeError::TooLong)));
    }
}
