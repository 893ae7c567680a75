//! AMQP field values, and how they correspond to JSON.

use lapin::types::{AMQPValue, FieldArray, FieldTable, ShortString};
use serde_json::{Map, Value};

use crate::envelope::EncodeError;

/// Tables inside tables are read this deep; what lies deeper is left out. Celery nests once.
const MAX_DEPTH: u8 = 16;

/// A name for AMQP, which allows 255 bytes.
pub(crate) fn name(name: &str) -> Result<ShortString, EncodeError> {
    ShortString::try_new(name).map_err(|_| EncodeError::LongName)
}

/// Text in a table. (A "short string" there would be read as a 16-bit integer.)
pub(crate) fn text(text: impl Into<String>) -> AMQPValue {
    AMQPValue::LongString(text.into().into())
}

/// Text, or null.
pub(crate) fn text_or_void(value: Option<impl Into<String>>) -> AMQPValue {
    value.map_or(AMQPValue::Void, text)
}

/// A count, 32-bit signed as Celery writes it.
pub(crate) fn count(count: u32) -> AMQPValue {
    AMQPValue::LongInt(i32::try_from(count).unwrap_or(i32::MAX))
}

/// A JSON value with the types that Celery's own client library chooses.
pub(crate) fn from_json(value: &Value) -> Result<AMQPValue, EncodeError> {
    Ok(match value {
        Value::Null => AMQPValue::Void,
        Value::Bool(flag) => AMQPValue::Boolean(*flag),
        Value::String(string) => text(string.as_str()),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => {
                i32::try_from(whole).map_or(AMQPValue::LongLongInt(whole), AMQPValue::LongInt)
            }
            None => AMQPValue::Double(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::Array(items) => {
            let items: Result<Vec<_>, _> = items.iter().map(from_json).collect();
            AMQPValue::FieldArray(items?.into())
        }
        Value::Object(fields) => {
            let mut table = FieldTable::default();
            for (key, value) in fields {
                table.insert(name(key)?, from_json(value)?);
            }
            AMQPValue::FieldTable(table)
        }
    })
}

/// Any AMQP value as JSON. Bytes that are not text are shown as well as text can.
pub(crate) fn to_json(value: &AMQPValue) -> Value {
    to_json_within(value, MAX_DEPTH)
}

fn to_json_within(value: &AMQPValue, depth: u8) -> Value {
    match value {
        AMQPValue::Boolean(flag) => Value::Bool(*flag),
        AMQPValue::Float(number) => f64::from(*number).into(),
        AMQPValue::Double(number) => (*number).into(),
        AMQPValue::Timestamp(seconds) => (*seconds).into(),
        AMQPValue::DecimalValue(decimal) => {
            Value::String(format!("{}e-{}", decimal.value, decimal.scale))
        }
        AMQPValue::ShortString(text) => text.as_str().into(),
        AMQPValue::LongString(text) => text.to_string().into(),
        AMQPValue::ByteArray(bytes) => String::from_utf8_lossy(bytes.as_slice()).into(),
        AMQPValue::FieldArray(items) => array(items, depth),
        AMQPValue::FieldTable(table) => object(table, depth),
        AMQPValue::Void => Value::Null,
        _ => integer(value).map_or(Value::Null, Value::from),
    }
}

fn array(items: &FieldArray, depth: u8) -> Value {
    let Some(depth) = depth.checked_sub(1) else { return Value::Null };
    items.as_slice().iter().map(|item| to_json_within(item, depth)).collect()
}

fn object(table: &FieldTable, depth: u8) -> Value {
    let Some(depth) = depth.checked_sub(1) else { return Value::Null };
    let fields: Map<_, _> = table
        .into_iter()
        .map(|(key, value)| (key.to_string(), to_json_within(value, depth)))
        .collect();
    Value::Object(fields)
}

/// An integer of any width.
pub(crate) fn integer(value: &AMQPValue) -> Option<i64> {
    match *value {
        AMQPValue::ShortShortInt(number) => Some(number.into()),
        AMQPValue::ShortShortUInt(number) => Some(number.into()),
        AMQPValue::ShortInt(number) => Some(number.into()),
        AMQPValue::ShortUInt(number) => Some(number.into()),
        AMQPValue::LongInt(number) => Some(number.into()),
        AMQPValue::LongUInt(number) => Some(number.into()),
        AMQPValue::LongLongInt(number) => Some(number),
        _ => None,
    }
}

/// How many bytes a value takes in a frame, its type among them, at most.
pub(crate) fn size(value: &AMQPValue) -> usize {
    match value {
        AMQPValue::ShortString(text) => 2 + text.as_str().len(),
        AMQPValue::LongString(text) => 5 + text.as_bytes().len(),
        AMQPValue::ByteArray(bytes) => 5 + bytes.len(),
        AMQPValue::FieldArray(items) => 5 + items.as_slice().iter().map(size).sum::<usize>(),
        AMQPValue::FieldTable(table) => 5 + table.into_iter().map(field_size).sum::<usize>(),
        // The longest of the rest are 64 bits.
        _ => 9,
    }
}

/// As [`size`], of a field with its name.
pub(crate) fn field_size((name, value): (&ShortString, &AMQPValue)) -> usize {
    1 + name.as_str().len() + size(value)
}

/// Text of a table, if it is text.
pub(crate) fn as_text(value: &AMQPValue) -> Option<&str> {
    match value {
        AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok(),
        AMQPValue::ShortString(text) => Some(text.as_str()),
        _ => None,
    }
}
