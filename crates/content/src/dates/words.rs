//! The words of a written time.

use super::tokens::Token;

/// The words that say nothing of a time.
const FILLERS: [&str; 11] = ["at", "on", "and", "ad", "of", "m", "t", "st", "nd", "rd", "th"];

const WEEKDAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// A half of the day, by which hours up to twelve are told apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Morning,
    Afternoon,
}

impl Half {
    pub fn hour(self, hour: u32) -> u32 {
        match (self, hour) {
            (Self::Morning, 12) => 0,
            (Self::Afternoon, ..12) => hour + 12,
            _ => hour,
        }
    }
}

/// What a number before or after its name counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Hour,
    Minute,
    Second,
}

pub(super) fn half_of_day(token: Token<'_>) -> Option<Half> {
    match lower_case(token)?.as_str() {
        "am" | "a" => Some(Half::Morning),
        "pm" | "p" => Some(Half::Afternoon),
        _ => None,
    }
}

pub(super) fn unit(token: Token<'_>) -> Option<Unit> {
    match lower_case(token)?.as_str() {
        "h" | "hour" | "hours" => Some(Unit::Hour),
        "m" | "minute" | "minutes" => Some(Unit::Minute),
        "s" | "second" | "seconds" => Some(Unit::Second),
        _ => None,
    }
}

/// The number of the month that a word is the name of, in full or its first letters.
pub(super) fn month(token: Token<'_>) -> Option<u32> {
    let word = lower_case(token)?;
    let number = position(&MONTHS, &word).or_else(|| (word == "sept").then_some(8))?;
    u32::try_from(number + 1).ok()
}

pub(super) fn is_weekday(token: Token<'_>) -> bool {
    lower_case(token).is_some_and(|word| position(&WEEKDAYS, &word).is_some())
}

/// Whether nothing is lost when `token` is passed over.
pub(super) fn is_filler(token: Token<'_>) -> bool {
    match token {
        Token::Space => true,
        Token::Sign(sign) => matches!(sign, '.' | ',' | ';' | '-' | '/' | '\''),
        Token::Number(_) => false,
        Token::Word(word) => FILLERS.contains(&word.to_lowercase().as_str()),
    }
}

/// Whether `token` looks like the name of a time zone.
pub(super) fn is_zone(token: Token<'_>) -> bool {
    match token {
        Token::Word("z") => true,
        Token::Word(word) => word.len() <= 5 && word.bytes().all(|b| b.is_ascii_uppercase()),
        _ => false,
    }
}

pub(super) fn is_word(token: Token<'_>, expected: &str) -> bool {
    lower_case(token).is_some_and(|word| word == expected)
}

fn lower_case(token: Token<'_>) -> Option<String> {
    match token {
        Token::Word(word) => Some(word.to_lowercase()),
        _ => None,
    }
}

fn position(names: &[&str], word: &str) -> Option<usize> {
    names.iter().position(|name| *name == word || name[..3] == *word)
}
