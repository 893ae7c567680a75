//! The words, numbers and signs of a written time.

use crate::whitespace::is_space;

/// A part of a written time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Word(&'a str),
    Number(Number<'a>),
    Sign(char),
    Space,
}

/// A number and what follows its decimal point, if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number<'a> {
    pub digits: &'a str,
    pub fraction: &'a str,
}

impl Number<'_> {
    /// The number without its fraction; `None` if it is longer than any part of a time.
    pub fn value(self) -> Option<u32> {
        self.digits.parse().ok()
    }

    /// The digits as several numbers of such lengths, which must be all of them.
    pub fn split<const N: usize>(self, lengths: [usize; N]) -> Option<[u32; N]> {
        let mut rest = self.digits;
        let mut values = [0; N];
        for (value, length) in values.iter_mut().zip(lengths) {
            let digits;
            (digits, rest) = rest.split_at_checked(length)?;
            *value = digits.parse().ok()?;
        }
        rest.is_empty().then_some(values)
    }
}

/// Takes `text` apart. Digits are those of ASCII.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (token, length) = if first.is_ascii_digit() {
            number(rest, out.last() == Some(&Token::Sign('.')))
        } else if first.is_alphabetic() {
            let word = &rest[..length_of(rest, char::is_alphabetic)];
            (Token::Word(word), word.len())
        } else if is_space(first) {
            (Token::Space, length_of(rest, is_space))
        } else {
            (Token::Sign(first), first.len_utf8())
        };
        out.push(token);
        rest = &rest[length..];
    }
    out
}

/// The number that `text` starts with. If another point is near, they are those of a date.
fn number(text: &str, follows_point: bool) -> (Token<'_>, usize) {
    let is_digit = |c: char| c.is_ascii_digit();
    let (digits, rest) = text.split_at(length_of(text, is_digit));
    let fraction = rest.strip_prefix('.').map_or("", |rest| &rest[..length_of(rest, is_digit)]);
    let end = digits.len() + 1 + fraction.len();
    let precedes_point = text.get(end..).is_some_and(|after| after.starts_with('.'));
    if fraction.is_empty() || follows_point || precedes_point {
        (Token::Number(Number { digits, fraction: "" }), digits.len())
    } else {
        (Token::Number(Number { digits, fraction }), end)
    }
}

/// How many bytes at the start of `text` are of a kind.
fn length_of(text: &str, is_of_kind: impl Fn(char) -> bool) -> usize {
    text.find(|c| !is_of_kind(c)).unwrap_or(text.len())
}
