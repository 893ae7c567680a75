//! HTML escaping that leaves what people already escaped alone.

use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

use crate::whitespace::trim;

/// What HTML 5 names, with the `;` where it belongs to the name. Some names work without it.
static ENTITIES: LazyLock<HashMap<&'static str, String>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../data/html_entities.json"))
        .expect("the file is part of this program")
});

/// The longest name of a character reference that is looked up.
const LONGEST_NAME: usize = 32;

/// What the references from `&#128;` to `&#159;` have meant since browsers read them as
/// Windows-1252.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// `text` safe to stand between HTML tags; quotes are kept as they are.
///
/// A character reference that ends in `;` first becomes its character, so that what was escaped
/// once is not escaped twice. `&amp;` and `&nbsp;` stay as typed.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(kept) = ["&amp;", "&nbsp;"].into_iter().find(|kept| rest.starts_with(kept)) {
            out.push_str(kept);
            rest = &rest[kept.len()..];
        } else if let Some(name) = reference(rest) {
            decode(name).chars().for_each(|c| push_escaped(&mut out, c));
            rest = &rest[1 + name.len()..];
        } else {
            let mut chars = rest.chars();
            chars.next().into_iter().for_each(|c| push_escaped(&mut out, c));
            rest = chars.as_str();
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// `text` with each character reference as the character it stands for, whether or not it ends in
/// `;`.
pub fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let length = reference_length(&rest[at + 1..]).unwrap_or_default();
        let (name, next) = rest[at + 1..].split_at(length);
        match name {
            "" => out.push('&'),
            name => out.push_str(&decode(name)),
        }
        rest = next;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// `text` without space at its ends, and with a `<br>` for each character that ends a line, so two
/// for the two that do it in Windows.
pub fn break_lines(text: &str) -> String {
    trim(text).replace(['\n', '\r'], "<br>")
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        other => out.push(other),
    }
}

/// The character reference that `text` starts with, without its `&` but with its `;`.
fn reference(text: &str) -> Option<&str> {
    let body = text.strip_prefix('&')?;
    let reference = &body[..reference_length(body)?];
    reference.ends_with(';').then_some(reference)
}

/// How long the character reference is that `body` starts with after its `&`, and with its `;` if
/// it has one.
fn reference_length(body: &str) -> Option<usize> {
    let end = match body.strip_prefix('#') {
        Some(number) => {
            let (prefix, digits) = match number.strip_prefix(['x', 'X']) {
                Some(digits) => (2, digits),
                None => (1, number),
            };
            let is_digit = |c: char| c.is_digit(if prefix == 2 { 16 } else { 10 });
            let length = digits.find(|c| !is_digit(c)).unwrap_or(digits.len());
            prefix + Some(length).filter(|&length| length > 0)?
        }
        None => {
            let ends = |c| matches!(c, '\t' | '\n' | '\x0c' | ' ' | '<' | '&' | '#' | ';');
            let name = body.char_indices().take(LONGEST_NAME).take_while(|(_, c)| !ends(*c));
            name.last().map(|(at, c)| at + c.len_utf8())?
        }
    };
    Some(end + usize::from(body[end..].starts_with(';')))
}

/// The text that a [`reference`] stands for.
fn decode(reference: &str) -> Cow<'_, str> {
    let Some(number) = reference.strip_prefix('#') else {
        return decode_name(reference);
    };
    let number = number.trim_end_matches(';');
    let code = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    // A number too long for a u32 is no code point either.
    let decoded = match code.unwrap_or(u32::MAX) {
        0 => Some(char::REPLACEMENT_CHARACTER),
        code @ 0x80..=0x9F => Some(WINDOWS_1252[code as usize - 0x80]),
        0x01..=0x08 | 0x0B | 0x0E..=0x1F | 0x7F | 0xFDD0..=0xFDEF => None,
        code if code & 0xFFFE == 0xFFFE && code <= 0x0010_FFFF => None,
        code => Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)),
    };
    Cow::Owned(decoded.map(String::from).unwrap_or_default())
}

/// The character called `name`, or, as HTML 5 has it, the one called by its longest beginning.
fn decode_name(name: &str) -> Cow<'_, str> {
    if let Some(text) = ENTITIES.get(name) {
        return Cow::Borrowed(text);
    }
    let ends = name.char_indices().map(|(at, _)| at).filter(|&at| at > 1);
    let found = ends.rev().find_map(|end| Some((ENTITIES.get(&name[..end])?, end)));
    Cow::Owned(match found {
        Some((text, end)) => format!("{text}{}", &name[end..]),
        None => format!("&{name}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_endings_break_lines() {
        assert_eq!(break_lines("\na\r\nb\n\nc\u{2003}"), "a<br><br>b<br><br>c");
    }

    #[test]
    fn references_are_decoded_once_and_then_escaped() {
        for (text, expected) in [
            ("<p>1 > 0</p>", "&lt;p&gt;1 &gt; 0&lt;/p&gt;"),
            ("&#60;b&#x3E; &#x3c", "&lt;b&gt; &amp;#x3c"),
            ("&amp;lt; &nbsp; & &&", "&amp;lt; &nbsp; &amp; &amp;&amp;"),
            ("&eacute;&copy;&copy x", "é©&amp;copy x"),
            ("&notareal; &nosuch;", "¬areal; &amp;nosuch;"),
            ("&#0;&#x80;&#1;&#xD800;&#x110000;", "\u{FFFD}€\u{FFFD}\u{FFFD}"),
            ("&#99999999999999999999;&#;&#x;&;", "\u{FFFD}&amp;#;&amp;#x;&amp;;"),
            ("\"'`", "\"'`"),
        ] {
            assert_eq!(escape(text), expected);
        }
    }
}
