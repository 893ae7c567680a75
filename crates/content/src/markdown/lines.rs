//! Lines, and what rules of several kinds look for at their start.

use crate::python::is_digit;

/// The first line of `text`, without its end.
pub(super) fn first_line(text: &str) -> &str {
    &text[..text.find('\n').unwrap_or(text.len())]
}

/// `text` from its second line on; `None` when there is none.
pub(super) fn after_first_line(text: &str) -> Option<&str> {
    text.split_once('\n').map(|(_, rest)| rest)
}

/// How many spaces `text` starts with.
pub(super) fn indent(text: &str) -> usize {
    text.len() - text.trim_start_matches(' ').len()
}

/// How far the newlines go that start at `at`.
pub(super) fn newlines_end(text: &str, at: usize) -> usize {
    text.len() - text[at..].trim_start_matches('\n').len()
}

/// Where the block ends whose last line starts `text`: after its line and all newlines.
pub(super) fn line_end(text: &str) -> usize {
    newlines_end(text, first_line(text).len())
}

/// How long the bullet is that `text` starts with, and whether it is a number.
pub(super) fn bullet(text: &str) -> Option<(usize, bool)> {
    match text.chars().next()? {
        c @ ('•' | '*' | '-') => Some((c.len_utf8(), false)),
        _ => number(text).map(|length| (length, true)),
    }
}

/// How long the number with its full stop is that `text` starts with.
pub(super) fn number(text: &str) -> Option<usize> {
    let digits = text.find(|c| !is_digit(c)).filter(|&digits| digits > 0)?;
    text[digits..].starts_with('.').then_some(digits + 1)
}

/// Whether `line` is nothing but three or more of `-`, `*` and `_`, the first of them at its start.
pub(super) fn is_divider(line: &str) -> bool {
    let is_mark = |byte| matches!(byte, b'-' | b'*' | b'_');
    line.bytes().next().is_some_and(is_mark)
        && line.bytes().all(|byte| byte == b' ' || is_mark(byte))
        && line.bytes().filter(|byte| is_mark(*byte)).count() >= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bullets_need_no_space() {
        for (text, expected) in [
            ("*x", Some((1, false))),
            ("• x", Some((3, false))),
            ("12.5", Some((3, true))),
            ("٣.", Some((3, true))),
            ("+ x", None),
            ("1) x", None),
            (".", None),
            ("", None),
        ] {
            assert_eq!(bullet(text), expected, "{text}");
        }
    }

    #[test]
    fn dividers_are_three_marks_of_any_kind() {
        assert!(is_divider("---") && is_divider("* - _  ") && is_divider("-*_"));
        assert!(!is_divider("--") && !is_divider(" ---") && !is_divider("---x") && !is_divider(""));
    }
}
