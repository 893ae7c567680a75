//! Where links and footnotes are defined: `[key]: target "title"` and `[^key]: text`.

use super::{
    Link,
    budget::Budget,
    lines::{first_line, indent, newlines_end},
};
use crate::whitespace::is_space;

/// The link that `text` starts with a definition of: its key, itself, and where the block ends.
pub(super) fn link<'a>(text: &'a str, budget: &Budget) -> Option<(&'a str, Link<'a>, usize)> {
    let (key, after) = key(text, indent(text) + 1, &['^', ']'], budget)?;
    let after = after.trim_start_matches(' ');
    let is_target = |c| !is_space(c) && c != '>';
    let start = match after.strip_prefix('<') {
        Some(inner) if inner.starts_with(is_target) => inner,
        _ => after,
    };
    let rest = start.trim_start_matches(is_target);
    let target = &start[..start.len() - rest.len()];
    if target.is_empty() {
        return None;
    }
    let rest = rest.strip_prefix('>').unwrap_or(rest);
    let line = first_line(rest);
    let title = title(line);
    (title.is_some() || line.trim_start_matches(' ').is_empty()).then(|| {
        let end = text.len() - rest.len() + line.len();
        (key, Link { target, title }, newlines_end(text, end))
    })
}

/// The title that makes up `line`, between quotes or brackets.
fn title(line: &str) -> Option<&str> {
    let title = line.strip_prefix(' ')?.trim_matches(' ');
    let title = title.strip_prefix(['"', '('])?.strip_suffix(['"', ')'])?;
    (!title.is_empty()).then_some(title)
}

/// The footnote that `text` starts with a definition of: its key, the text with indentation
/// removed, and where the block ends.
pub(super) fn note<'a>(text: &'a str, budget: &Budget) -> Option<(&'a str, &'a str, usize)> {
    if !text.starts_with("[^") {
        return None;
    }
    let (key, after) = key(text, 2, &[']'], budget)?;
    let start = text.len() - after.trim_start_matches(' ').len();
    let mut end = newlines_end(text, start + first_line(&text[start..]).len());
    while text[end..].starts_with(' ') {
        end = newlines_end(text, end + first_line(&text[end..]).len());
    }
    Some((key, &text[start..end], end))
}

/// The key that starts at `start`, after a `[`, and what follows its `]:`. Nothing of `closers` is
/// in it, but line ends may be.
fn key<'a>(
    text: &'a str,
    start: usize,
    closers: &[char],
    budget: &Budget,
) -> Option<(&'a str, &'a str)> {
    if !text.get(..start)?.trim_start_matches(' ').starts_with('[') || budget.is_spent() {
        return None;
    }
    let length = text[start..].find(closers);
    let found = length.filter(|length| *length > 0).and_then(|length| {
        Some((&text[start..start + length], text[start + length..].strip_prefix("]:")?))
    });
    budget.charge(found, length.unwrap_or(text.len() - start))
}

/// The text of a footnote without the indentation that all its lines but the first share.
pub(super) fn unindent(text: &str) -> String {
    let lines = text.split('\n');
    let indents = lines
        .skip(1)
        .map(|line| line.chars().count() - line.trim_start_matches(is_space).chars().count());
    let width = indents.filter(|width| *width > 0).min().unwrap_or_default();
    let mut lines = text.split('\n');
    let mut out = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        out.push('\n');
        out.push_str(line.char_indices().nth(width).map_or("", |(at, _)| &line[at..]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_defined_on_one_line() {
        for (text, expected) in [
            ("[a]: u\n\nb", Some(("a", "u", None, 8))),
            ("  [a\nb]:<u> \"t\"  ", Some(("a\nb", "u", None, 0))),
            ("[a]: u (t')", Some(("a", "u", Some("t'"), 11))),
            ("[a]: <", Some(("a", "<", None, 6))),
            ("[a]: u t", None),
            ("[a]: u \"\"", None),
            ("[a]:", None),
            ("[]: u", None),
            ("[^a]: u", None),
            ("[a", None),
        ] {
            let found = link(text, &Budget::for_text(1));
            let found = found.map(|(key, link, end)| (key, link.target, link.title, end));
            let expected = match expected {
                Some((key, target, _, 0)) => Some((key, target, Some("t"), text.len())),
                other => other,
            };
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn notes_go_on_over_indented_lines() {
        let found = note("[^a]:  b\n\n  c\n d\ne", &Budget::for_text(1));
        assert_eq!(found, Some(("a", "b\n\n  c\n d\n", 17)));
        assert_eq!(unindent("b\n\n  c\n d\n"), "b\n\n c\nd\n");
        assert_eq!(unindent("b"), "b");
        assert!(note(" [^a]: b", &Budget::for_text(1)).is_none());
    }
}
