//! JSON values as Python writes them, and what it says of them.
//!
//! Templates and validation messages have always shown values in this form, so clients' stored
//! expectations contain it: `True`, `None`, `12.5`, `{'a': [1, 'b']}`.

use std::{borrow::Cow, fmt::Write};

use serde_json::{Number, Value};
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// `value` as Python's `str()` gives it: text unquoted, anything else as [`python_repr`].
pub fn python_str(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(python_repr(other)),
    }
}

/// `value` as Python's `repr()` gives it.
///
/// Whole numbers that need more than 64 bits have lost their digits when the JSON was read, and
/// come out in the form of a float.
pub fn python_repr(value: &Value) -> String {
    let mut out = String::new();
    push_repr(&mut out, value);
    out
}

/// What Python's validator says of fields that a schema does not know; `None` when there are none.
pub fn unexpected(mut names: Vec<&str>) -> Option<String> {
    names.sort_unstable();
    let were = match names.len() {
        0 => return None,
        1 => "was",
        _ => "were",
    };
    let names = names.join(", ").replace('\'', "");
    Some(format!("Additional properties are not allowed ({names} {were} unexpected)"))
}

/// Whether `c` is a letter, a number or `_`: what Python's `\w` matches.
pub(crate) fn is_word(c: char) -> bool {
    let is_other_word = || {
        let group = c.general_category_group();
        matches!(group, GeneralCategoryGroup::Letter | GeneralCategoryGroup::Number)
    };
    c.is_ascii_alphanumeric() || c == '_' || (!c.is_ascii() && is_other_word())
}

/// Whether `c` is a decimal digit of any script: what Python's `\d` matches.
pub(crate) fn is_digit(c: char) -> bool {
    let is_other_digit = || c.general_category() == GeneralCategory::DecimalNumber;
    c.is_ascii_digit() || (!c.is_ascii() && is_other_digit())
}

fn push_repr(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Number(number) => push_number(out, number),
        Value::String(text) => push_text(out, text),
        Value::Array(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push_str(", ");
                }
                push_repr(out, item);
            }
            out.push(']');
        }
        Value::Object(entries) => {
            out.push('{');
            for (position, (key, entry)) in entries.iter().enumerate() {
                if position > 0 {
                    out.push_str(", ");
                }
                push_text(out, key);
                out.push_str(": ");
                push_repr(out, entry);
            }
            out.push('}');
        }
    }
}

fn push_number(out: &mut String, number: &Number) {
    match number.as_f64() {
        Some(float) if number.is_f64() => push_float(out, float),
        _ => push(out, format_args!("{number}")),
    }
}

/// The shortest digits that read back as `float`: in full for exponents from -4 to 15, otherwise
/// with a signed exponent of at least two digits.
fn push_float(out: &mut String, float: f64) {
    let scientific = format!("{float:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return out.push_str(&scientific); // inf and nan, which JSON cannot hold
    };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..16).contains(&exponent) => {
            push(out, format_args!("{digits}e{exponent:+03}"));
        }
        _ => push(out, format_args!("{float:?}")),
    }
}

fn push_text(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            _ if c == quote => {
                out.push('\\');
                out.push(c);
            }
            _ if is_printable(c) => out.push(c),
            _ => match u32::from(c) {
                code @ ..=0xFF => push(out, format_args!("\\x{code:02x}")),
                code @ ..=0xFFFF => push(out, format_args!("\\u{code:04x}")),
                code => push(out, format_args!("\\U{code:08x}")),
            },
        }
    }
    out.push(quote);
}

fn is_printable(c: char) -> bool {
    use GeneralCategory::{
        Control, Format, LineSeparator, ParagraphSeparator, PrivateUse, SpaceSeparator, Surrogate,
        Unassigned,
    };
    match c {
        ' '..='~' => true,
        _ => !matches!(
            c.general_category(),
            Control
                | Format
                | LineSeparator
                | ParagraphSeparator
                | PrivateUse
                | SpaceSeparator
                | Surrogate
                | Unassigned
        ),
    }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_written_as_python_writes_them() {
        for (value, expected) in [
            (json!(null), "None"),
            (json!([true, false]), "[True, False]"),
            (json!({"a": 1, "b": [-2, "c"]}), "{'a': 1, 'b': [-2, 'c']}"),
            (json!({}), "{}"),
            (json!("it's"), r#""it's""#),
            (json!("it's \"so\""), r#"'it\'s "so"'"#),
            (json!("\\ \n\t\u{1b}é"), r"'\\ \n\t\x1bé'"),
            (json!("\u{200b}\u{a0}\u{e0001}😀"), r"'\u200b\xa0\U000e0001😀'"),
        ] {
            assert_eq!(python_repr(&value), expected);
        }
    }

    #[test]
    fn floats_keep_their_point_and_grow_an_exponent_only_when_long() {
        for (value, expected) in [
            (json!(12.5), "12.5"),
            (json!(1.0), "1.0"),
            (json!(-0.0), "-0.0"),
            (json!(0.1), "0.1"),
            (json!(0.0001), "0.0001"),
            (json!(0.00001), "1e-05"),
            (json!(1e15), "1000000000000000.0"),
            (json!(1e16), "1e+16"),
            (json!(1.5e21), "1.5e+21"),
            (json!(1.5e-300), "1.5e-300"),
            (json!(123456789012345680.0), "1.2345678901234568e+17"),
            (json!(u64::MAX), "18446744073709551615"),
        ] {
            assert_eq!(python_repr(&value), expected);
        }
    }

    #[test]
    fn text_is_quoted_only_inside_something_else() {
        assert_eq!(python_str(&json!("a'b")), "a'b");
        assert_eq!(python_str(&json!(["a"])), "['a']");
    }
}
