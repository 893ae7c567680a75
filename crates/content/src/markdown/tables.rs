//! Tables. They are not shown, but a footnote that a cell refers to is.

use super::lines::{after_first_line, first_line, newlines_end};
use crate::whitespace::is_space;

/// The cells of the table without outer edges that `text` starts with, and where it ends.
pub(super) fn open(text: &str) -> Option<(Vec<String>, usize)> {
    let header = first_line(text).trim_start_matches(' ');
    let first = header.chars().next().filter(|c| !is_space(*c))?;
    let ruled = |line: &str| {
        let after = line.trim_start_matches(['-', ':']);
        after.len() < line.len() && after.trim_start_matches(' ').starts_with('|') && is_rule(after)
    };
    let has_edge = header[first.len_utf8()..].contains('|');
    has_edge.then(|| table(text, ruled, |line| line.contains('|')))?
}

/// The same for a table whose every line starts with a `|`.
pub(super) fn edged(text: &str) -> Option<(Vec<String>, usize)> {
    let inside = |line: &str| line.trim_start_matches(' ').starts_with('|');
    let ruled = |line: &str| {
        let after = line.strip_prefix('|').map(|line| line.trim_start_matches(' '));
        after.is_some_and(|after| after.starts_with(['-', ':']) && is_rule(after))
    };
    let header = first_line(text).trim_start_matches(' ');
    (header.len() > 1 && inside(header)).then(|| table(text, ruled, inside))?
}

fn is_rule(line: &str) -> bool {
    line.bytes().all(|byte| matches!(byte, b'-' | b'|' | b' ' | b':'))
}

fn table(
    text: &str,
    is_ruled: impl Fn(&str) -> bool,
    is_row: impl Fn(&str) -> bool,
) -> Option<(Vec<String>, usize)> {
    let rule = after_first_line(text)?;
    let body = after_first_line(rule)?;
    if !is_ruled(first_line(rule).trim_start_matches(' ')) {
        return None;
    }
    let mut lines = vec![first_line(text)];
    let mut rest = Some(body);
    let mut end = text.len() - body.len();
    while let Some(row) = rest.map(first_line)
        && is_row(row)
    {
        lines.push(row);
        end += row.len() + 1;
        rest = rest.and_then(after_first_line);
    }
    let cells = lines.iter().flat_map(|line| cells(line)).collect();
    Some((cells, newlines_end(text, end.min(text.len()))))
}

fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('|') {
        let cell = cells.last_mut().into_iter();
        match before.strip_suffix('\\') {
            Some(before) => cell.for_each(|cell| cell.extend([before, "|"])),
            None => {
                cell.for_each(|cell| cell.push_str(before));
                cells.push(String::new());
            }
        }
        rest = after;
    }
    cells.last_mut().into_iter().for_each(|cell| cell.push_str(rest));
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_a_rule_under_their_header() {
        let cells = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect();
        let found = open("a|b\n--|--\nc\\|d|e\n\nf");
        assert_eq!(found, Some((cells(&["a", "b", "c|d", "e"]), 18)));
        assert_eq!(open("a|b\n-|-\n"), Some((cells(&["a", "b"]), 8)));
        assert_eq!(edged("|a|\n |-\n|b"), Some((cells(&["", "a", "", "", "b"]), 10)));
        for text in ["a|b\n--|--", "a\n-|-\n", "a|b\n--\n", "|a\n|b\n", "a|b"] {
            assert!(open(text).is_none() && edged(text).is_none(), "{text:?}");
        }
    }
}
