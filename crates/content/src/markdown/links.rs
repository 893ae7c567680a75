//! The syntax of links: `[text](target "title")`, `[text][label]` and `[label]`.

use std::ops::Range;

use super::{Link, budget::Budget};
use crate::whitespace::is_space;

/// A text in square brackets with what follows it, in bytes of the text it is in.
pub(super) struct Bracketed<T> {
    /// What is between the brackets.
    pub(super) inside: Range<usize>,
    pub(super) follows: T,
    /// Where everything ends.
    pub(super) end: usize,
}

/// What can only be known by looking at a whole text once.
pub(super) struct Landmarks {
    /// The last `)`: no target ends after it.
    last_round: Option<usize>,
    /// The last quote that a `)` follows: no title ends after it.
    last_title: Option<usize>,
}

impl Landmarks {
    pub(super) fn of(text: &str) -> Self {
        let last_round = text.rfind(')');
        let mut last_title = None;
        let mut end = last_round;
        while let Some(at) = end {
            let before = text[..at].trim_end_matches(is_space);
            if before.ends_with(['"', '\'']) {
                last_title = Some(before.len() - 1);
                break;
            }
            end = before.rfind(')');
        }
        Self { last_round, last_title }
    }
}

/// Where the text in brackets may end that starts after `open`: each closing bracket that nothing
/// but whole pairs and other closing brackets comes before.
fn closers(text: &str, open: usize) -> impl Iterator<Item = usize> {
    let mut at = open + 1;
    let mut is_over = false;
    std::iter::from_fn(move || {
        while !is_over {
            let bracket = at + text[at..].find(['[', ']'])?;
            if text[bracket..].starts_with(']') {
                // It may be part of the text if another closing one is the next bracket.
                let next = text[bracket + 1..].find(['[', ']']);
                is_over = next.is_none_or(|next| !text[bracket + 1 + next..].starts_with(']'));
                at = bracket + 1;
                return Some(bracket);
            }
            let inner = bracket + 1 + text[bracket + 1..].find([']', '^'])?;
            if text[inner..].starts_with('^') {
                return None;
            }
            at = inner + 1;
        }
        None
    })
}

/// The link with its own target whose text starts after the bracket at `open`.
pub(super) fn link<'a>(
    text: &'a str,
    open: usize,
    landmarks: &Landmarks,
    budget: &Budget,
) -> Option<Bracketed<Link<'a>>> {
    let last_round = landmarks.last_round.filter(|_| !budget.is_spent())?;
    let is_link = |close: &usize| text[close + 1..].starts_with('(') && close + 2 <= last_round;
    let close = closers(text, open).filter(is_link).last();
    let close = budget.charge(close, text.len() - open)?;
    let (follows, end) = target(text, close + 2, landmarks, budget)?;
    Some(Bracketed { inside: open + 1..close, follows, end })
}

/// The link by reference whose text starts after the bracket at `open`, and its label.
pub(super) fn reference<'a>(
    text: &'a str,
    open: usize,
    budget: &Budget,
) -> Option<Bracketed<&'a str>> {
    if budget.is_spent() {
        return None;
    }
    let found = closers(text, open).filter_map(|close| {
        let label = text[close + 1..].trim_start_matches(is_space).strip_prefix('[')?;
        let length = label.find([']', '^']).filter(|&length| label[length..].starts_with(']'))?;
        let end = text.len() - label.len() + length + 1;
        Some(Bracketed { inside: open + 1..close, follows: &label[..length], end })
    });
    budget.charge(found.last(), text.len() - open)
}

/// The text in brackets that starts after the one at `open`: a label by itself.
pub(super) fn label(text: &str, open: usize, budget: &Budget) -> Option<Bracketed<()>> {
    if budget.is_spent() {
        return None;
    }
    let mut at = open + 1;
    let close = loop {
        let Some(bracket) = text[at..].find(['[', ']']).map(|length| at + length) else {
            break None;
        };
        if text[bracket..].starts_with(']') {
            break Some(bracket);
        }
        match text[bracket..].find(']') {
            Some(inner) => at = bracket + inner + 1,
            None => break None,
        }
    };
    let close = budget.charge(close, text.len() - open)?;
    Some(Bracketed { inside: open + 1..close, follows: (), end: close + 1 })
}

/// The target that starts at `start`, with its title, and where its closing bracket ends.
fn target<'a>(
    text: &'a str,
    start: usize,
    landmarks: &Landmarks,
    budget: &Budget,
) -> Option<(Link<'a>, usize)> {
    let start = skip_space(text, start);
    if text[start..].starts_with('<') && !budget.is_spent() {
        let angles = text[start..].match_indices('>').map(|(length, _)| start + length);
        let found = angles.filter(|&angle| angle > start).find_map(|angle| {
            let (title, end) = ending(text, angle + 1, landmarks)?;
            Some((Link { target: &text[start + 1..angle], title }, end))
        });
        if let Some(found) = budget.charge(found, text.len() - start) {
            return Some(found);
        }
    }
    let mut at = start;
    loop {
        at += text[at..].find(|c| c == ')' || is_space(c))?;
        if let Some((title, end)) = ending(text, at, landmarks) {
            return Some((Link { target: &text[start..at], title }, end));
        }
        at = skip_space(text, at);
    }
}

/// What ends a target at `at`: perhaps a title after space, then the bracket.
fn ending<'a>(text: &'a str, at: usize, landmarks: &Landmarks) -> Option<(Option<&'a str>, usize)> {
    let next = skip_space(text, at);
    if text[next..].starts_with(')') {
        return Some((None, next + 1));
    }
    let start = next + 1;
    let is_title = next > at && text[next..].starts_with(['"', '\'']);
    if !is_title || landmarks.last_title.is_none_or(|last| last < start) {
        return None;
    }
    text[start..].match_indices(['"', '\'']).find_map(|(length, _)| {
        let end = skip_space(text, start + length + 1);
        let title = &text[start..start + length];
        text[end..].starts_with(')').then_some((Some(title), end + 1))
    })
}

fn skip_space(text: &str, at: usize) -> usize {
    text.len() - text[at..].trim_start_matches(is_space).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<(&str, &str, Option<&str>, usize)> {
        let found = link(text, 0, &Landmarks::of(text), &Budget::for_text(1))?;
        let Link { target, title } = found.follows;
        Some((&text[found.inside], target, title, found.end))
    }

    #[test]
    fn links_have_a_target_and_perhaps_a_title() {
        for (text, expected) in [
            ("[a](b)", Some(("a", "b", None, 6))),
            ("[a [b] c](d)", Some(("a [b] c", "d", None, 12))),
            ("[a](b) c](d)", Some(("a](b) c", "d", None, 12))),
            ("[a](b) [c](d)", Some(("a", "b", None, 6))),
            ("[a](b(c))", Some(("a", "b(c", None, 8))),
            ("[a]( b 'c' )", Some(("a", "b", Some("c"), 12))),
            ("[a](b \"c) d\")", Some(("a", "b", Some("c) d"), 13))),
            ("[a](b \"c)", Some(("a", "b \"c", None, 9))),
            ("[a](<b c> 'd')", Some(("a", "b c", Some("d"), 14))),
            ("[a](<b)", Some(("a", "<b", None, 7))),
            ("[]()", Some(("", "", None, 4))),
            ("[a](b", None),
            ("[a] (b)", None),
            ("[[a](b)", None),
            ("[a", None),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn references_have_a_label() {
        let budget = Budget::for_text(1);
        let found = |text| {
            reference(text, 0, &budget).map(|found| (found.inside, found.follows, found.end))
        };
        assert_eq!(found("[a]\n[b]"), Some((1..2, "b", 7)));
        assert_eq!(found("[a][]"), Some((1..2, "", 5)));
        assert_eq!(found("[a] b [c]"), None);
        assert_eq!(found("[a][^b]"), None);
        let label = |text| label(text, 0, &budget).map(|found| (found.inside, found.end));
        assert_eq!(label("[a [b] c] d]"), Some((1..8, 9)));
        assert_eq!(label("[a [b]"), None);
    }
}
