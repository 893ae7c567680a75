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
    pub fraction: Option<&'a str>,
}

impl Number<'_> {
    /// The number without its fraction. What is longer than any part of a time becomes one that is
    /// larger than any.
    pub fn value(self) -> u32 {
        self.digits.parse().unwrap_or(u32::MAX)
    }

    /// How many characters it was written with.
    pub fn length(self) -> usize {
        self.digits.len() + self.fraction.map_or(0, |fraction| 1 + fraction.len())
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

    /// The first six digits of the fraction.
    pub fn microseconds(self) -> u32 {
        let digits = self.fraction.unwrap_or_default().bytes();
        let digits = digits.chain(std::iter::repeat(b'0')).take(6);
        digits.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'))
    }

    /// How many sixtieths the fraction is, rounded down.
    pub fn sixtieths(self) -> u32 {
        self.microseconds() * 60 / 1_000_000
    }
}

/// Takes `text` apart. Digits are those of ASCII.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if is_letter_or_digit(first) {
            let run = run(rest);
            push_run(&mut out, run);
            run.len()
        } else {
            out.push(if is_space(first) { Token::Space } else { Token::Sign(first) });
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    out
}

fn is_letter_or_digit(c: char) -> bool {
    c.is_ascii_digit() || c.is_alphabetic()
}

/// The letters, or the digits, at the start of `text`, and whatever full stops join to them. A comma
/// joins digits to the two or more that it follows.
fn run(text: &str) -> &str {
    let mut last = None;
    let mut has_separator = false;
    let end = text.char_indices().find_map(|(at, c)| {
        let joins = match last {
            None | Some('.') => c == '.' || is_letter_or_digit(c),
            Some(',') => c == '.' || c.is_ascii_digit(),
            Some(last) if c == ',' => last.is_ascii_digit() && at >= 2 && !has_separator,
            Some(last) => {
                c == '.' || (is_letter_or_digit(c) && last.is_ascii_digit() == c.is_ascii_digit())
            }
        };
        has_separator |= matches!(c, '.' | ',');
        last = Some(c);
        (!joins).then_some(at)
    });
    &text[..end.unwrap_or(text.len())]
}

/// One separator within digits is a decimal point; otherwise separators stand alone.
fn push_run<'a>(out: &mut Vec<Token<'a>>, run: &'a str) {
    let is_separator = |c| matches!(c, '.' | ',');
    if let Some((digits, fraction)) = run.split_once(is_separator) {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if is_number(digits) && is_number(fraction) {
            return out.push(Token::Number(Number { digits, fraction: Some(fraction) }));
        }
    }
    for piece in run.split_inclusive(is_separator) {
        let text = piece.trim_end_matches(is_separator);
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            out.push(Token::Number(Number { digits: text, fraction: None }));
        } else if !text.is_empty() {
            out.push(Token::Word(text));
        }
        out.extend(piece[text.len()..].chars().map(Token::Sign));
    }
}
