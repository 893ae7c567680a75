//! What stands inside the text of a block: links, line breaks, and the text between them.

use super::{Link, references::key};
use super::{
    budget::Budget,
    links::{self, Bracketed, Landmarks},
    references::References,
    tags,
};
use crate::whitespace::is_space;

/// Characters that mean nothing special after a backslash.
const ESCAPABLE: &[u8] = br"\`*{}[]()#+-.!_>~|";

/// Characters that no address ends with.
const NOT_LAST: [char; 7] = ['.', ',', ':', '"', '\'', ')', ']'];

/// A piece of the text of a block.
pub(super) enum Piece<'a> {
    /// Text to be escaped. A character reference in it is whole.
    Text(&'a str),
    /// HTML.
    Verbatim(&'a str),
    LineBreak,
    /// An address that is a link unless it is the text of one.
    Url(&'a str),
    /// An address in angle brackets.
    Bracketed(&'a str),
    /// A link and the text it is shown as, which has pieces of its own.
    Link(Link<'a>, &'a str),
    /// Something that is not shown.
    Nothing,
    /// The key of a footnote, which is shown at the end.
    Note(String),
}

/// The pieces of `text` one by one.
pub(super) struct Pieces<'a> {
    text: &'a str,
    at: usize,
    /// Where the text ends but for space.
    length: usize,
    landmarks: Landmarks,
    references: &'a References,
    budget: &'a Budget,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(text: &'a str, references: &'a References, budget: &'a Budget) -> Self {
        let text = text.trim_end_matches('\n');
        let landmarks = Landmarks::of(text);
        let length = text.trim_end_matches(is_space).len();
        Self { text, at: 0, length, landmarks, references, budget }
    }

    /// The next piece. `is_note` tells whether a footnote may be referred to by a key.
    pub(super) fn next(&mut self, is_note: impl Fn(&str) -> bool) -> Option<Piece<'a>> {
        let rest = &self.text[self.at..];
        let found = match rest.as_bytes().first()? {
            b'\\' => escaped(rest),
            b'<' => self.html(rest),
            b'h' => url(rest).map(|url| (Piece::Url(url), url.len())),
            b'[' => self.note(rest, is_note).or_else(|| self.link(rest)),
            b'!' => rest.starts_with("![").then(|| self.link(rest)).flatten(),
            b' ' | b'\n' => self.line_break(rest),
            _ => None,
        };
        let (piece, length) = found.unwrap_or_else(|| {
            let length = self.text_length(rest);
            (Piece::Text(&rest[..length]), length)
        });
        self.at += length;
        Some(piece)
    }

    fn html(&self, rest: &'a str) -> Option<(Piece<'a>, usize)> {
        if let Some(end) = tags::inline(self.text, self.at, self.budget) {
            let length = end - self.at;
            return Some((Piece::Verbatim(&rest[..length]), length));
        }
        if self.budget.is_spent() {
            return None;
        }
        let length = rest[1..].find([' ', '>']).map_or(rest.len(), |length| length + 1);
        let inside = &rest[1..length];
        let is_address = inside
            .char_indices()
            .skip(1)
            .any(|(at, c)| matches!(c, '@' | ':') && at + 1 < inside.len());
        let found = (is_address && rest[length..].starts_with('>'))
            .then_some((Piece::Bracketed(inside), length + 1));
        self.budget.charge(found, length)
    }

    fn note(&self, rest: &str, is_note: impl Fn(&str) -> bool) -> Option<(Piece<'a>, usize)> {
        let label = rest.strip_prefix("[^").filter(|_| !self.budget.is_spent())?;
        let length = label.find(']');
        let found = length.filter(|length| *length > 0).and_then(|length| {
            let key = key(&label[..length]);
            is_note(&key).then_some((Piece::Note(key), length + 3))
        });
        self.budget.charge(found, length.unwrap_or(label.len()))
    }

    /// The link, or the image, that `rest` starts with. An image is not shown.
    fn link(&self, rest: &str) -> Option<(Piece<'a>, usize)> {
        let open = self.at + usize::from(rest.starts_with('!'));
        let (text, budget) = (self.text, self.budget);
        let piece = |link, inside| match rest.starts_with('!') {
            true => Piece::Nothing,
            false => Piece::Link(link, &text[inside]),
        };
        if let Some(found) = links::link(text, open, &self.landmarks, budget) {
            return Some((piece(found.follows, found.inside), found.end - self.at));
        }
        if !self.references.has_links() {
            return None;
        }
        if let Some(Bracketed { inside, follows, end }) = links::reference(text, open, budget) {
            let label = if follows.is_empty() { &text[inside.clone()] } else { follows };
            if let Some(link) = self.defined(label) {
                return Some((piece(link, inside), end - self.at));
            }
        }
        let Bracketed { inside, end, .. } = links::label(text, open, budget)?;
        let link = self.defined(&text[inside.clone()])?;
        Some((piece(link, inside), end - self.at))
    }

    /// The link defined by `label`. One definition may be repeated very often.
    fn defined(&self, label: &str) -> Option<Link<'a>> {
        let link = self.budget.spend(label.len()).then(|| self.references.link(label))??;
        let length = link.target.len() + link.title.map_or(0, str::len);
        self.budget.spend(length).then_some(link)
    }

    /// The end of a line, with spaces before it, if there is more text after it.
    fn line_break(&self, rest: &str) -> Option<(Piece<'a>, usize)> {
        let spaces = super::lines::indent(rest);
        let is_break = rest[spaces..].starts_with('\n') && self.at + spaces + 1 < self.length;
        is_break.then_some((Piece::LineBreak, spaces + 1))
    }

    /// How far plain text goes: at least one character, and up to where anything else may start.
    fn text_length(&self, rest: &str) -> usize {
        if self.at >= self.length {
            return rest.len();
        }
        let stops =
            |c| matches!(c, '\\' | '<' | '!' | '[' | '_' | '*' | '`' | '~' | 'h' | ' ' | '\n');
        let mut at = rest.chars().next().map_or(0, char::len_utf8);
        while let Some(length) = rest[at..].find(stops) {
            at += length;
            let next = &rest[at..];
            match next.as_bytes()[0] {
                b'h' if !(next.starts_with("http://") || next.starts_with("https://")) => at += 1,
                b' ' => {
                    let spaces = super::lines::indent(next);
                    if next[spaces..].starts_with('\n') {
                        return at;
                    }
                    at += spaces;
                }
                _ => return at,
            }
        }
        rest.len()
    }
}

fn escaped(rest: &str) -> Option<(Piece<'_>, usize)> {
    let next = rest.as_bytes().get(1)?;
    ESCAPABLE.contains(next).then(|| (Piece::Text(&rest[1..2]), 2))
}

/// The address that `rest` starts with. What ends a sentence does not belong to it.
fn url(rest: &str) -> Option<&str> {
    let scheme = ["http://", "https://"].into_iter().find(|scheme| rest.starts_with(scheme))?;
    let body = &rest[scheme.len()..];
    let end = body.find(|c| is_space(c) || c == '<').unwrap_or(body.len());
    let body = body[..end].trim_end_matches(NOT_LAST);
    let is_long = body.chars().nth(1).is_some();
    is_long.then(|| &rest[..scheme.len() + body.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text in quotes, everything else by its kind.
    fn pieces(text: &str) -> Vec<String> {
        let (references, budget) = (References::default(), Budget::for_text(text.len()));
        let mut pieces = Pieces::new(text, &references, &budget);
        let mut found = Vec::new();
        while let Some(piece) = pieces.next(|key| key == "n") {
            found.push(match piece {
                Piece::Text(text) => format!("'{text}'"),
                Piece::Verbatim(html) => html.to_owned(),
                Piece::LineBreak => "break".to_owned(),
                Piece::Url(url) | Piece::Bracketed(url) => url.to_owned(),
                Piece::Link(link, text) => format!("{text} to {}", link.target),
                Piece::Nothing => String::new(),
                Piece::Note(key) => format!("^{key}"),
            });
        }
        found
    }

    #[test]
    fn text_is_split_where_something_else_may_start() {
        for (text, expected) in [
            ("a*b_c", &["'a'", "'*b'", "'_c'"][..]),
            ("\\*\\a", &["'*'", "'\\a'"]),
            ("a  \n b\n", &["'a'", "break", "' b'"]),
            ("a \n\u{a0}", &["'a'", "' \n\u{a0}'"]),
            ("xhttps://e.com/(b).", &["'x'", "https://e.com/(b", "').'"]),
            ("http://) h", &["'http://) h'"]),
            ("<b>x</b><a:b><a@b>", &["<b>x</b>", "a:b", "a@b"]),
            ("< a>", &["'< a>'"]),
            ("[^n][^N][^x]", &["^n", "^n", "'[^x]'"]),
            ("![a](b)[c](d)!", &["", "c to d", "'!'"]),
            ("a  b", &["'a  b'"]),
        ] {
            assert_eq!(pieces(text), expected, "{text:?}");
        }
    }
}
