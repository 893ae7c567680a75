//! Finding `((placeholders))` in a template.
//!
//! A placeholder is two opening brackets, one or more characters that are not brackets, and two
//! closing ones; of surplus brackets the innermost pair counts and the rest is ordinary text.
//! `((name??text))` is conditional: the text shows when the value called `name` says so.

use std::{borrow::Cow, collections::HashSet};

/// One placeholder, as it is written between its brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placeholder<'a> {
    /// The name as typed; [`key`] gives the form to look it up by.
    pub name: &'a str,
    /// What a conditional placeholder shows, `None` for an ordinary one.
    pub conditional: Option<&'a str>,
}

/// A piece of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// Text that is kept as it is; may be empty.
    Text(&'a str),
    /// A placeholder to fill.
    Placeholder(Placeholder<'a>),
}

/// Splits a template into text and placeholders, in order. Takes time linear in its length.
pub fn parts(content: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = Some(content);
    let mut found = None;
    std::iter::from_fn(move || {
        if let Some(placeholder) = found.take() {
            return Some(Part::Placeholder(placeholder));
        }
        let text = rest.take()?;
        Some(Part::Text(match find(text) {
            Some((start, end)) => {
                found = Some(Placeholder::parse(&text[start + 2..end - 2]));
                rest = Some(&text[end..]);
                &text[..start]
            }
            None => text,
        }))
    })
}

/// Names of the placeholders in `content`, as written, in order of first appearance, each
/// [key](key()) once.
pub fn placeholders(content: &str) -> Vec<String> {
    placeholders_of([content])
}

/// The same for a template of several texts, such as subject and body.
pub fn placeholders_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut names = Vec::new();
    for part in texts.into_iter().flat_map(parts) {
        if let Part::Placeholder(Placeholder { name, .. }) = part
            && seen.insert(key(name))
        {
            names.push(name.to_owned());
        }
    }
    names
}

/// The form under which names are compared: no spaces, underscores or hyphens, lower case.
pub fn key(name: &str) -> Cow<'_, str> {
    let is_key = |byte| matches!(byte, b'!'..=b'~') && !matches!(byte, b'A'..=b'Z' | b'_' | b'-');
    if name.bytes().all(is_key) {
        return Cow::Borrowed(name);
    }
    let kept: String = name.chars().filter(|c| !matches!(c, ' ' | '_' | '-')).collect();
    Cow::Owned(kept.to_lowercase())
}

impl<'a> Placeholder<'a> {
    fn parse(body: &'a str) -> Self {
        match body.split_once("??") {
            Some((name, text)) => Self { name, conditional: Some(text) },
            None => Self { name: body, conditional: None },
        }
    }
}

/// Where the first placeholder of `text` starts and ends, brackets included.
fn find(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let start = from + text[from..].find("((")?;
        let body = start + 2;
        let end = body + text[body..].find(['(', ')'])?;
        if end > body && text[end..].starts_with("))") {
            return Some((start, end + 2));
        }
        // An opening bracket that follows at once may be the second of the next pair.
        from = if end == body { start + 1 } else { end };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_placeholders_alternate() {
        let all: Vec<Part<'_>> = parts("Hi ((name))((late??hurry)), (bye)").collect();
        let placeholder = |name, conditional| Part::Placeholder(Placeholder { name, conditional });
        assert_eq!(
            all,
            [
                Part::Text("Hi "),
                placeholder("name", None),
                Part::Text(""),
                placeholder("late", Some("hurry")),
                Part::Text(", (bye)"),
            ]
        );
    }

    #[test]
    fn the_innermost_pair_of_brackets_counts() {
        for (text, expected) in [
            ("(((x)))", Some((1, 6))),
            ("((a(b)c))", None),
            ("((a) ((b))", Some((5, 10))),
            ("(()) (( ((", None),
            ("((a)", None),
            ("((a)((b))", Some((4, 9))),
        ] {
            assert_eq!(find(text), expected, "{text}");
        }
    }

    #[test]
    fn keys_ignore_case_spaces_underscores_and_hyphens_only() {
        for (name, expected) in [
            ("First Name", "firstname"),
            ("FIRST-NAME_", "firstname"),
            ("a\tb", "a\tb"),
            ("İ", "i\u{307}"),
            ("Straße", "straße"),
        ] {
            assert_eq!(key(name), expected);
        }
        assert!(matches!(key("name"), Cow::Borrowed(_)));
    }
}
