//! Blocks of one line or of plain lines: dividers, headings, indented code and paragraphs.

use super::{
    budget::Budget,
    definitions,
    fences::fence,
    lines::{after_first_line, first_line, indent, is_divider, line_end, newlines_end, number},
    tags,
};

/// A heading: its level and text, and where the block ends.
pub(super) struct Heading<'a> {
    pub(super) level: usize,
    pub(super) text: &'a str,
    pub(super) end: usize,
}

/// Where the divider ends that `text` starts with.
pub(super) fn divider(text: &str) -> Option<usize> {
    let line = first_line(text);
    let indent = indent(line);
    (indent <= 3 && is_divider(&line[indent..])).then(|| line_end(text))
}

/// The lines that `text` starts with which are indented by four spaces, without those, and where
/// they end. Blank lines between and after them belong to them.
pub(super) fn indented_code(text: &str) -> Option<(String, usize)> {
    let mut code = String::new();
    let mut end = 0;
    while let Some(line) = text[end..].strip_prefix("    ").map(first_line)
        && !line.is_empty()
    {
        let start = end + 4;
        end = newlines_end(text, start + line.len());
        code.push_str(&text[start..end]);
    }
    (end > 0).then_some((code, end))
}

/// The heading marked by `#` that `text` starts with.
pub(super) fn heading(text: &str) -> Option<Heading<'_>> {
    let line = first_line(text).trim_start_matches(' ');
    let marks = line.bytes().take(6).take_while(|byte| *byte == b'#').count();
    if marks == 0 || line.len() == 1 {
        return None;
    }
    let rest = &line[marks..];
    let spoken = rest.trim_start_matches(' ');
    let (level, text_of) = match (spoken.chars().next(), rest.is_empty()) {
        (Some(first), _) => {
            let end = spoken.trim_end_matches(' ').trim_end_matches('#').trim_end_matches(' ');
            (marks, &spoken[..end.len().max(first.len_utf8())])
        }
        // There is always text, if only a space or the last mark.
        (None, false) => (marks, " "),
        (None, true) => (marks - 1, "#"),
    };
    Some(Heading { level, text: text_of, end: line_end(text) })
}

/// The heading underlined by `=` or `-` that `text` starts with.
pub(super) fn underlined(text: &str) -> Option<Heading<'_>> {
    let line = first_line(text);
    let rest = after_first_line(text).filter(|_| !line.is_empty())?;
    let marks = first_line(rest).trim_matches(' ');
    let is_line = !marks.is_empty() && marks.bytes().all(|byte| matches!(byte, b'=' | b'-'));
    is_line.then(|| Heading {
        level: if marks.ends_with('=') { 1 } else { 2 },
        text: line,
        end: line.len() + 1 + line_end(rest),
    })
}

/// Where the lines end that make up the paragraph `text` starts with.
pub(super) fn paragraph_end(text: &str, budget: &Budget) -> usize {
    let mut end = first_line(text).len();
    while let Some(rest) = text.get(end + 1..)
        && !rest.is_empty()
        && !rest.starts_with('\n')
        && !interrupts_paragraph(rest, budget)
    {
        end += 1 + first_line(rest).len();
    }
    end
}

/// Whether the line that `text` starts with is not part of the paragraph before it. It need not be
/// a block of its own: a `>` or a `+` is none.
fn interrupts_paragraph(text: &str, budget: &Budget) -> bool {
    let line = first_line(text).trim_start_matches(' ');
    let is_quote = line.len() > 1 && line.starts_with('>');
    is_quote
        || is_classic_item(&text[indent(text)..])
        || divider(text).is_some()
        || heading(text).is_some()
        || underlined(text).is_some()
        || tags::starts_block(text)
        || fence(text, budget).is_some()
        || definitions::link(text, budget).is_some()
        || definitions::note(text, budget).is_some()
}

/// Whether `text` starts with a bullet or number and a space. `•` is no bullet here, `+` is.
fn is_classic_item(text: &str) -> bool {
    let after_mark = text.strip_prefix(['*', '+', '-']).unwrap_or(text);
    let after = &after_mark[number(after_mark).unwrap_or_default()..];
    after.len() < text.len() && after.len() > 1 && after.starts_with(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_have_text_if_only_a_mark() {
        for (text, expected) in [
            ("# a ##\n\nb", Some((1, "a", 8))),
            ("  ##a#b", Some((2, "a#b", 7))),
            ("####### a", Some((6, "# a", 9))),
            ("##", Some((1, "#", 2))),
            ("#  ", Some((1, " ", 3))),
            ("#", None),
            ("a", None),
        ] {
            let found = heading(text).map(|found| (found.level, found.text, found.end));
            assert_eq!(found, expected, "{text:?}");
        }
        for (text, expected) in [
            ("a\n=\nb", Some((1, "a", 4))),
            ("# \n  =- \n\n", Some((2, "# ", 10))),
            ("a\n", None),
            ("a\n- b", None),
            ("\n-", None),
        ] {
            let found = underlined(text).map(|found| (found.level, found.text, found.end));
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn paragraphs_end_before_other_blocks_but_not_before_every_list() {
        let budget = Budget::for_text(1);
        for next in [
            "\nb",
            "* b",
            "-1. b",
            "  + b",
            "1. b",
            "---",
            "#b",
            "b\n-",
            "> b",
            "<div",
            "[b]: c",
            "[^b]: c",
            "```\nb\n```",
        ] {
            assert_eq!(paragraph_end(&format!("a\n{next}"), &budget), 1, "{next}");
        }
        for next in ["b", "• b", "^ b", "*b", "1) b", ">", "<b", "[b]", "```\nb", "    b"] {
            let text = format!("a\n{next}");
            assert_eq!(paragraph_end(&text, &budget), text.len(), "{next}");
        }
    }

    #[test]
    fn code_is_indented_by_four_spaces() {
        let found = indented_code("    a\n\n      b\n\nc");
        assert_eq!(found, Some(("a\n\n  b\n\n".to_owned(), 16)));
        assert_eq!(indented_code("    "), None);
    }
}
