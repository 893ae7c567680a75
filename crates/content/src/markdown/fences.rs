//! Code between fences.

use super::{
    budget::Budget,
    lines::{indent, newlines_end},
};
use crate::whitespace::is_space;

/// Code between fences: the text, and where the block ends.
pub(super) struct Fence<'a> {
    pub(super) code: &'a str,
    pub(super) end: usize,
}

/// The fenced code that `text` starts with. A fence that nothing closes is ordinary text.
pub(super) fn fence<'a>(text: &'a str, budget: &Budget) -> Option<Fence<'a>> {
    let opening = &text[indent(text)..];
    let mark = opening.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let after = opening.trim_start_matches(mark);
    let length = opening.len() - after.len();
    if length < 3 || budget.is_spent() {
        return None;
    }
    let found = if let Some(body) = body(after.trim_start_matches(' ')) {
        close(text, text.len() - body.len(), mark, length)
    } else {
        None
    };
    let found = found.or_else(|| {
        // Surplus tildes may also be the language.
        let body = body(after).filter(|_| mark == '~' && budget.spend(text.len()))?;
        let start = text.len() - body.len();
        let longest = closers(text, start, mark).map(|(at, end)| end - at.max(start + 1)).max()?;
        close(text, start, mark, longest.min(length - 1)).filter(|_| longest >= 3)
    });
    budget.charge(found, text.len())
}

/// What follows the line of an opening fence, if it ends in a language or in nothing.
fn body(after: &str) -> Option<&str> {
    let rest = after.trim_start_matches(|c| c != '`' && !is_space(c));
    rest.trim_start_matches(' ').strip_prefix('\n')
}

/// The code from `start` up to the first fence of `length` that closes it. There is at least one
/// character of code, whatever it is.
fn close(text: &str, start: usize, mark: char, length: usize) -> Option<Fence<'_>> {
    let first = start + text[start..].chars().next()?.len_utf8();
    let (_, end) = closers(text, start, mark)
        .find(|&(at, end)| length >= 3 && end - at >= length && end - length >= first)?;
    let code = text[start..end - length].trim_end_matches(is_space);
    let code = if code.is_empty() { &text[start..first] } else { code };
    let after = end + indent(&text[end..]);
    Some(Fence { code, end: newlines_end(text, after) })
}

/// The runs of three or more of `mark` from `start` on that end their line.
fn closers(text: &str, start: usize, mark: char) -> impl Iterator<Item = (usize, usize)> {
    let fence = if mark == '`' { "```" } else { "~~~" };
    let mut from = start;
    std::iter::from_fn(move || {
        let at = from + text[from..].find(fence)?;
        from = text.len() - text[at..].trim_start_matches(mark).len();
        Some((at, from))
    })
    .filter(move |&(_, end)| {
        let after = text[end..].trim_start_matches(' ');
        after.is_empty() || after.starts_with('\n')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_closed_fences_are_code() {
        for (text, expected) in [
            ("```\na\nb\n```\n\nc", Some(("a\nb", 13))),
            ("  ~~~ rust\na ~~~  \nb", Some(("a", 19))),
            ("```\n```\n```", Some(("```", 11))),
            ("```\n\n```", Some(("\n", 8))),
            ("````\na\n```", None),
            ("~~~~\na\n~~~", Some(("a", 10))),
            ("~~~~ b\na\n~~~", None),
            ("``` a b\nc\n```", None),
            ("```\na\n``` b", None),
            ("``\na\n``", None),
            ("~~~\na", None),
        ] {
            let found = fence(text, &Budget::for_text(text.len()));
            assert_eq!(found.map(|fence| (fence.code, fence.end)), expected, "{text:?}");
        }
    }
}
