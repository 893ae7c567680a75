//! HTML in a text, as a block by itself or within a line. It is passed on as it is.
//!
//! Escaped sources hold no tags but those of placeholders without a value.

use super::{
    budget::Budget,
    lines::{indent, newlines_end},
};
use crate::{python::is_word, whitespace::is_space};

/// Elements that stand within lines: a line that starts with one is no block.
const INLINE: [&str; 33] = [
    "a", "em", "strong", "small", "s", "cite", "q", "dfn", "abbr", "data", "time", "code", "var",
    "samp", "kbd", "sub", "sup", "i", "b", "u", "mark", "ruby", "rt", "rp", "bdi", "bdo", "span",
    "br", "wbr", "ins", "del", "img", "font",
];

/// The name of the tag that `text` starts with; not what is an address in angle brackets.
fn name(text: &str) -> Option<&str> {
    let body = text.strip_prefix('<')?;
    let rest = body.trim_start_matches(is_word);
    let name = &body[..body.len() - rest.len()];
    let before_at = rest.trim_start_matches(|c| !is_word(c) && !is_space(c) && c != '@');
    (!name.is_empty() && !rest.starts_with(":/") && !before_at.starts_with('@')).then_some(name)
}

/// The same, if the tag does not belong to an element that stands within lines.
fn block_name(text: &str) -> Option<&str> {
    name(text).filter(|name| !INLINE.contains(name))
}

/// Whether `text` starts with a tag that ends the paragraph before it.
pub(super) fn starts_block(text: &str) -> bool {
    block_name(text).is_some()
}

/// The HTML that `text` starts with and that is followed by a blank line or nothing, and where the
/// block ends; `blank` bytes of space are at the end of `text`.
pub(super) fn block<'a>(text: &'a str, blank: usize, budget: &Budget) -> Option<(&'a str, usize)> {
    let start = indent(text);
    let html = &text[start..];
    if !html.starts_with('<') || budget.is_spent() {
        return None;
    }
    let ending = |at: usize| {
        let at = at + indent(&text[at..]);
        match text[at..].starts_with("\n\n") {
            true => Some(newlines_end(text, at)),
            false => (at + blank >= text.len()).then_some(text.len()),
        }
    };
    let whole = |at: usize| ending(at).map(|end| (&text[..end], end));
    let found = if html.starts_with("<!--") {
        ends(text, start + 4, "-->").find_map(whole)
    } else {
        let name = block_name(html)?;
        let attributes = start + 1 + name.len();
        let element = tag_end(text, attributes, false).and_then(|body| {
            let close = format!("</{name}>");
            let end = ends(text, body, &close).find_map(|at| Some((&text[start..at], ending(at)?)));
            budget.charge(end, text.len() - body)
        });
        element.or_else(|| tag_end(text, attributes, true).and_then(whole))
    };
    budget.charge(found, text.len())
}

/// Where the HTML ends that starts at `start`: a comment, an element or a tag.
pub(super) fn inline(text: &str, start: usize, budget: &Budget) -> Option<usize> {
    if budget.is_spent() {
        return None;
    }
    let html = &text[start..];
    let found = if html.starts_with("<!--") {
        ends(text, start + 4, "-->").next()
    } else {
        let name = name(html)?;
        let attributes = start + 1 + name.len();
        let element = tag_end(text, attributes, false).or_else(|| spaced_end(text, attributes));
        let element = element.and_then(|body| {
            let found = ends(text, body, &format!("</{name}>")).next();
            budget.charge(found, text.len() - body)
        });
        element.or_else(|| tag_end(text, attributes, true))
    };
    budget.charge(found, html.len())
}

/// Where each `part` ends that starts at `from` or later.
fn ends<'a>(text: &'a str, from: usize, part: &'a str) -> impl Iterator<Item = usize> + 'a {
    let mut from = from;
    std::iter::from_fn(move || {
        let found = from + text[from..].find(part)?;
        from = found + 1;
        Some(found + part.len())
    })
}

/// Like [`tag_end`], with space before the `>`.
fn spaced_end(text: &str, at: usize) -> Option<usize> {
    let at = skip_space(text, attributes_end(text, at));
    text[at..].starts_with('>').then_some(at + 1)
}

/// Where the tag ends whose attributes start at `at`; space and a `/` may come before the `>` only
/// if it is `loose`.
fn tag_end(text: &str, at: usize, loose: bool) -> Option<usize> {
    let end = attributes_end(text, at);
    if text[end..].starts_with('>') {
        return Some(end + 1);
    }
    let end = skip_space(text, end);
    let rest = text[end..].strip_prefix('/').unwrap_or(&text[end..]);
    (loose && rest.starts_with('>')).then(|| text.len() - rest.len() + 1)
}

/// Where the attributes end that start at `at`. A name is read letter by letter, so that the value
/// of one may be taken for the name of the next when a value follows it.
fn attributes_end(text: &str, mut at: usize) -> usize {
    loop {
        let name = skip_space(text, at);
        if !text[name..].starts_with(is_name) {
            return at;
        }
        let Some(start) = value_start(text, name + 1) else {
            at = name + 1;
            continue;
        };
        match value_end(text, start) {
            Some(end) => at = end,
            None => return name + 1,
        }
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '-'
}

/// Where the value starts that belongs to a name which ends at `at`.
fn value_start(text: &str, at: usize) -> Option<usize> {
    let equals = skip_space(text, at);
    text[equals..].starts_with('=').then(|| skip_space(text, equals + 1))
}

/// Where the value ends that starts at `start`, between quotes or not.
fn value_end(text: &str, start: usize) -> Option<usize> {
    let value = &text[start..];
    if let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let length = value[1..].find(quote)?;
        return Some(start + length + 2);
    }
    let length = value.find(|c| is_space(c) || matches!(c, '\'' | '"' | '>'));
    let value = &value[..length.unwrap_or(value.len())];
    if value.is_empty() {
        return None;
    }
    let end = start + value.len();
    // The last letter may be the name of a quoted value.
    let before = value.strip_suffix('=').unwrap_or(value);
    let letter = before.len().checked_sub(1).filter(|&letter| {
        letter > 0 && before.is_char_boundary(letter) && before[letter..].starts_with(is_name)
    });
    if let Some(letter) = letter
        && let Some(quoted) = value_start(text, start + letter + 1)
        && text[quoted..].starts_with(['"', '\''])
    {
        return Some(start + letter);
    }
    Some(end)
}

fn skip_space(text: &str, at: usize) -> usize {
    text.len() - text[at..].trim_start_matches(is_space).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inline_html(text: &str) -> Option<&str> {
        inline(text, 0, &Budget::for_text(1)).map(|end| &text[..end])
    }

    #[test]
    fn html_within_lines_is_an_element_or_a_tag() {
        for (text, expected) in [
            ("<b>x</b>y</b>", Some("<b>x</b>")),
            ("<b>x", Some("<b>")),
            ("<br/> >", Some("<br/>")),
            ("<a b=c d='>' e=\"f\" >x", Some("<a b=c d='>' e=\"f\" >")),
            ("<a b=cd=\"e>\">", Some("<a b=cd=\"e>\">")),
            ("<!-- a --> -->", Some("<!-- a -->")),
            ("<!-- a", None),
            ("<a b=>", None),
            ("<a b='>", None),
            ("</b>", None),
            ("<a@b>", None),
            ("<a:/b>", None),
            ("<a 1>", None),
            ("< a>", None),
        ] {
            assert_eq!(inline_html(text), expected, "{text}");
        }
    }

    #[test]
    fn html_blocks_are_followed_by_a_blank_line() {
        for (text, expected) in [
            ("<div>a\n\nb</div> \n\nc", Some(("<div>a\n\nb</div>", 18))),
            ("<p>a</p>b</p>", Some(("<p>a</p>b</p>", 13))),
            (" <hr>\n\nb", Some((" <hr>\n\n", 7))),
            ("<!-- a -->\nb -->\n", Some(("<!-- a -->\nb -->\n", 17))),
            ("<hr>\nb", None),
            ("<b>a</b>", None),
            ("a", None),
        ] {
            let blank = text.len() - text.trim_end().len();
            assert_eq!(block(text, blank, &Budget::for_text(1)), expected, "{text:?}");
        }
    }
}
