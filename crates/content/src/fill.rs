//! Filling a template's placeholders with values.

use std::borrow::Cow;

use serde_json::Value;

use crate::{
    html,
    personalisation::Personalisation,
    placeholder::{Part, Placeholder, parts},
    python::python_str,
    whitespace::strip_obscure,
};

/// How placeholders are filled.
#[derive(Clone, Copy, Debug)]
pub struct Fill {
    /// Whether template and values are HTML-escaped.
    pub escape: bool,
    /// How a value that is a list is written.
    pub lists: Lists,
    /// What stands for a placeholder without a value.
    pub missing: Missing,
}

/// How a value that is a list is written. Blank items and nulls are dropped either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lists {
    /// `a, b and c`.
    Inline,
    /// A Markdown list after a blank line: `\n\n* a\n* b`.
    Markdown,
}

/// What stands for a placeholder without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Nothing.
    Omitted,
    /// The given form as HTML, in a `span` whose class tells what it is.
    Html(Form),
    /// The given form as plain text.
    Text(Form),
}

/// How much of a placeholder without a value is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The placeholder as it was written.
    Brackets,
    /// Its name alone; a conditional one as it was written.
    Name,
    /// Only that something is hidden there.
    Redacted,
}

/// Words that make a conditional placeholder show its text.
const YES: [&str; 7] = ["yes", "y", "true", "t", "1", "include", "show"];

/// `content` with every placeholder replaced, in one pass: values are never searched for
/// placeholders again.
pub fn fill<'a>(content: &'a str, values: &Personalisation, how: Fill) -> Cow<'a, str> {
    let content = if how.escape { html::escape(content) } else { Cow::Borrowed(content) };
    if !content.contains("((") {
        return content;
    }
    let mut out = String::with_capacity(content.len());
    for part in parts(&content) {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Placeholder(placeholder) => push_value(&mut out, placeholder, values, how),
        }
    }
    Cow::Owned(out)
}

/// At most how many bytes `content` comes to once it is filled, found without filling it: a value
/// that stands in many places can be far longer in the message than in the request.
pub fn filled_bytes(content: &str, values: &Personalisation, lists: Lists) -> usize {
    parts(content)
        .map(|part| match part {
            Part::Text(text) => text.len(),
            Part::Placeholder(Placeholder { conditional: Some(shown), .. }) => shown.len(),
            Part::Placeholder(placeholder) => {
                values.get(placeholder.name).map_or(0, |value| text_of(value, lists).len())
            }
        })
        .fold(0, usize::saturating_add)
}

fn push_value(out: &mut String, placeholder: Placeholder<'_>, values: &Personalisation, how: Fill) {
    let value = if how.escape {
        values.get_escaped(placeholder.name)
    } else {
        values.get(placeholder.name)
    };
    let Some(value) = value else {
        return push_missing(out, placeholder, how.missing);
    };
    let text = text_of(value, how.lists);
    match placeholder.conditional {
        Some(shown) if YES.iter().any(|yes| text.eq_ignore_ascii_case(yes)) => out.push_str(shown),
        Some(_) => {}
        None if how.escape => out.push_str(&html::escape(&text)),
        None => out.push_str(&text),
    }
}

fn push_missing(out: &mut String, placeholder: Placeholder<'_>, missing: Missing) {
    use Form::{Brackets, Name, Redacted};
    use Missing::{Html, Omitted, Text};

    let Placeholder { name, conditional } = placeholder;
    let pieces: &[&str] = match (missing, conditional) {
        (Omitted, _) => &[],
        (Html(Redacted), _) => &["<span class='placeholder-redacted'>hidden</span>"],
        (Text(Redacted), _) => &["[hidden]"],
        (Html(Brackets), None) => {
            &["<span class='placeholder'>&#40;&#40;", name, "&#41;&#41;</span>"]
        }
        (Html(Name), None) => &["<span class='placeholder-no-brackets'>", name, "</span>"],
        (Html(_), Some(text)) => &[
            "<span class='placeholder-conditional'>&#40;&#40;",
            name,
            "??</span>",
            text,
            "&#41;&#41;",
        ],
        (Text(Brackets), None) => &["((", name, "))"],
        (Text(Name), None) => &[name],
        (Text(_), Some(text)) => &["((", name, "??", text, "))"],
    };
    out.extend(pieces.iter().copied());
}

/// The text that stands for `value` in a message.
fn text_of(value: &Value, lists: Lists) -> Cow<'_, str> {
    match value {
        Value::Array(items) => Cow::Owned(list(items, lists)),
        other => python_str(other),
    }
}

fn list(items: &[Value], lists: Lists) -> String {
    let texts: Vec<Cow<'_, str>> =
        items.iter().filter(|item| !item.is_null()).map(python_str).collect();
    let items: Vec<Cow<'_, str>> =
        texts.iter().map(|text| strip_obscure(text)).filter(|text| !text.is_empty()).collect();
    match (lists, items.as_slice()) {
        (_, []) => String::new(),
        (Lists::Markdown, items) => format!("\n\n* {}", items.join("\n* ")),
        (Lists::Inline, [only]) => only.to_string(),
        (Lists::Inline, [first @ .., last]) => format!("{} and {last}", first.join(", ")),
    }
}
