//! Lists: how far one goes, and its items.

use super::{
    budget::Budget,
    definitions,
    lines::{bullet, first_line, indent, is_divider, newlines_end},
};
use crate::whitespace::is_space;

/// The extent of a list.
pub(super) struct List {
    pub(super) is_ordered: bool,
    /// How many spaces are before each bullet.
    indent: usize,
    pub(super) end: usize,
}

/// An item without its bullet.
pub(super) struct Item {
    pub(super) text: String,
    /// Whether its text is in paragraphs.
    pub(super) is_loose: bool,
}

/// The list that `text` starts with; `blank` is how many bytes of space `text` ends with, which
/// belong to a list that gets so far.
pub(super) fn list(text: &str, blank: usize, budget: &Budget) -> Option<List> {
    let indent = indent(text);
    let (bullet, is_ordered) = bullet(&text[indent..])?;
    // A bullet has a character of its own, even if that is the end of its line.
    let first = text[indent + bullet..].chars().next()?;
    let mut at = indent + bullet + first.len_utf8();
    // Where nothing but space is left, the list goes on to the end.
    let last = (text.len() - blank).max(at);
    loop {
        let line_end = text[at..].find('\n').map_or(text.len(), |length| at + length);
        at = newlines_end(text, line_end);
        if line_end <= last && ends(text, at, at - line_end, indent, budget) {
            return Some(List { is_ordered, indent, end: at });
        }
        if line_end >= last {
            return Some(List { is_ordered, indent, end: text.len() });
        }
    }
}

/// Whether a list ends at `at`, after so many `newlines`.
fn ends(text: &str, at: usize, newlines: usize, indent: usize, budget: &Budget) -> bool {
    let next = &text[at..];
    let line = first_line(next);
    let line = if self::indent(line) >= indent { &line[indent..] } else { line };
    let goes_on = next.starts_with(' ') || (starts_item(next, indent, true));
    newlines > 2
        || (newlines == 2 && !goes_on)
        || is_divider(line)
        || definitions::link(next, budget).is_some()
        || definitions::note(next, budget).is_some()
}

/// Whether `text` starts with a bullet after exactly so many spaces.
fn starts_item(text: &str, indent: usize, needs_space: bool) -> bool {
    self::indent(text) == indent
        && bullet(&text[indent..])
            .is_some_and(|(length, _)| !needs_space || text[indent + length..].starts_with(' '))
}

impl List {
    /// The items of the list, which `text` starts with.
    pub(super) fn items(&self, text: &str) -> Vec<Item> {
        let sources = self.sources(&text[..self.end]);
        let count = sources.len();
        let mut items = Vec::with_capacity(count);
        let mut is_next_loose = false;
        for (number, source) in sources.into_iter().enumerate() {
            let text = self.without_bullet(source);
            let mut is_loose = is_next_loose || has_blank_line(&text);
            if number + 1 < count && !text.is_empty() {
                is_next_loose = text.ends_with('\n');
                is_loose |= is_next_loose;
            }
            items.push(Item { text, is_loose });
        }
        items
    }

    /// The items as they are written: other bullets than those of the list's own indentation are
    /// part of them.
    fn sources<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let mut sources = Vec::new();
        let (mut start, mut line) = (0, 0);
        while let Some(length) = text[line..].find('\n') {
            line += length + 1;
            if starts_item(&text[line..], self.indent, false) {
                sources.push(&text[start..line - 1]);
                start = line;
            }
        }
        sources.push(&text[start..]);
        sources
    }

    /// An item without its bullet and, if a line of it is indented, with as much less indentation
    /// on all its lines.
    fn without_bullet(&self, source: &str) -> String {
        let bullet = bullet(&source[self.indent..]).map_or(0, |(length, _)| length);
        let bullet = &source[..self.indent + bullet];
        let text = &source[bullet.len()..];
        if !text.contains("\n ") {
            return text.to_owned();
        }
        let width = bullet.chars().count();
        let lines = text.split('\n').map(|line| &line[indent(line).min(width)..]);
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// Whether more text follows a blank line.
fn has_blank_line(text: &str) -> bool {
    text.find("\n\n").is_some_and(|at| !text[at..].trim_start_matches(is_space).is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str) -> Vec<(String, bool)> {
        let list = list(text, 0, &Budget::for_text(1)).unwrap();
        let items = list.items(text).into_iter();
        items.map(|item| (item.text, item.is_loose)).collect()
    }

    #[test]
    fn lists_end_where_nothing_goes_on() {
        for (text, end) in [
            ("* a\nb\n\n* c\n\nd", 12),
            ("* a\n\n b", 7),
            ("* a\n\n*b", 5),
            ("* a\n\n\n* b", 6),
            ("* a\n---\n", 4),
            ("  * a\n  - - -\n", 6),
            ("* a\n[b]: c", 4),
            ("* a\n[^b]: c", 4),
            ("*\n", 2),
        ] {
            assert_eq!(
                list(text, 0, &Budget::for_text(1)).map(|list| list.end),
                Some(end),
                "{text:?}"
            );
        }
        for text in ["*", "1.", "+ a", "a"] {
            assert!(list(text, 0, &Budget::for_text(1)).is_none());
        }
    }

    #[test]
    fn items_lose_their_bullet_and_its_width() {
        let owned = |text: &str, is_loose| (text.to_owned(), is_loose);
        assert_eq!(
            items("10. a\n    b\n * c\n2.d"),
            [owned("a\n b\n* c", false), owned("d", false)]
        );
        assert_eq!(
            items("* a\n\n* b\n* c"),
            [owned(" a\n", true), owned(" b", true), owned(" c", false)]
        );
        assert_eq!(items("* a\n\n  b"), [owned("a\n\n b", true)]);
    }
}
