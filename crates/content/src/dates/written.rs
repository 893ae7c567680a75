//! A written time, token by token.

use time::Time;

use super::tokens::{Number, Token, tokens};

/// The words that say nothing of a time, in lower case.
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

/// Two digits of a year from here on are of the last century.
const CENTURY_TURNS: i32 = 76;

/// What has been read of a time.
#[derive(Default)]
pub(super) struct Written {
    /// Year, month and day in the order in which they stand.
    parts: Vec<Part>,
    hour: Option<u32>,
    minute: u32,
    second: u32,
    microsecond: u32,
    /// An offset or the name of a zone has been read over.
    has_zone: bool,
}

/// The tokens that have not been read.
type Rest<'t, 'a> = &'t [Token<'a>];

/// What is left after one step, if it could be taken.
type Step<'t, 'a> = Option<Rest<'t, 'a>>;

/// One of year, month and day.
#[derive(Clone, Copy)]
struct Part {
    value: u32,
    /// What it is, if it can only be one.
    kind: Option<Kind>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Year,
    Month,
}

impl Written {
    /// Reads `text`; `None` if it holds anything that is not part of a time.
    pub fn read(text: &str) -> Option<Self> {
        let mut written = Self::default();
        let tokens = tokens(text);
        let mut rest = tokens.as_slice();
        while let Some((token, after)) = rest.split_first() {
            rest = match *token {
                Token::Number(number) => written.read_number(number, after)?,
                Token::Word(word) => written.read_word(word, after)?,
                Token::Sign('+' | '-') if written.hour.is_some() => written.read_offset(after)?,
                Token::Sign('.' | ',' | ';' | '-' | '/' | '\'') | Token::Space => after,
                Token::Sign(_) => return None,
            };
        }
        Some(written)
    }

    /// Year, month and day; `None` unless there are all three. Whether they are of a calendar is not
    /// checked.
    pub fn date(&self) -> Option<(i32, u8, u8)> {
        let [first, second, third] = *self.parts.as_slice() else { return None };
        let kind_at = |kind| self.parts.iter().position(|part| part.kind == Some(kind));
        let is_year = |part: Part| part.value > 31;
        let (year, month, day) = match (kind_at(Kind::Year), kind_at(Kind::Month)) {
            (Some(year), Some(month)) => {
                (self.parts[year], self.parts[month], self.parts[3 - year - month])
            }
            (_, Some(0)) if is_year(second) => (second, first, third),
            (_, Some(0)) => (third, first, second),
            (_, Some(1)) if is_year(first) => (first, second, third),
            (_, Some(1)) => (third, second, first),
            (_, Some(_)) if is_year(second) => (second, third, first),
            (_, Some(_)) => (first, third, second),
            (Some(0), None) => (first, second, third),
            _ if is_year(first) => (first, second, third),
            _ if first.value > 12 => (third, second, first),
            _ => (third, first, second),
        };
        let short = i32::try_from(year.value).ok()?;
        let year = match year.kind {
            Some(Kind::Year) => short,
            _ if short < CENTURY_TURNS => 2000 + short,
            _ => 1900 + short,
        };
        Some((year, month.value.try_into().ok()?, day.value.try_into().ok()?))
    }

    /// The time of the day, midnight if none was written.
    pub fn time(&self) -> Option<Time> {
        let [hour, minute, second] = [self.hour.unwrap_or(0), self.minute, self.second]
            .map(|value| u8::try_from(value).unwrap_or(u8::MAX));
        Time::from_hms_micro(hour, minute, second, self.microsecond).ok()
    }

    fn read_number<'t, 'a>(&mut self, number: Number<'a>, after: Rest<'t, 'a>) -> Step<'t, 'a> {
        if let [Token::Sign(':'), Token::Number(minute), after @ ..] = after {
            return self.read_clock(number, *minute, after);
        }
        let awaits_hour = self.parts.len() == 3 && self.hour.is_none();
        match number.digits.len() {
            2 if awaits_hour => self.hour = number.value(),
            4 if awaits_hour => {
                let [hour, minute] = number.split([2, 2])?;
                (self.hour, self.minute) = (Some(hour), minute);
            }
            6 if self.parts.is_empty() => self.add_parts(number.split([2, 2, 2])?, None)?,
            6 => {
                let [hour, minute, second] = number.split([2, 2, 2])?;
                (self.hour, self.minute, self.second) = (Some(hour), minute, second);
                self.microsecond = microseconds(number.fraction);
            }
            8 => self.add_parts(number.split([4, 2, 2])?, Some(Kind::Year))?,
            12 | 14 => self.read_compact(number)?,
            _ if is_half_of_day_next(after) => self.hour = number.value(),
            _ => return self.read_part(number, after),
        }
        Some(after)
    }

    /// `HH:MM`, perhaps with `:SS` and a fraction.
    fn read_clock<'t, 'a>(
        &mut self,
        hour: Number<'a>,
        minute: Number<'a>,
        after: Rest<'t, 'a>,
    ) -> Step<'t, 'a> {
        (self.hour, self.minute) = (hour.value(), minute.value()?);
        let [Token::Sign(':'), Token::Number(second), after @ ..] = after else {
            return Some(after);
        };
        let (fraction, after) = match after {
            [Token::Sign(','), Token::Number(fraction), after @ ..] => (fraction.digits, after),
            _ => (second.fraction, after),
        };
        (self.second, self.microsecond) = (second.value()?, microseconds(fraction));
        Some(after)
    }

    /// `YYYYMMDDHHMM`, perhaps with `SS`.
    fn read_compact(&mut self, number: Number<'_>) -> Option<()> {
        let [year, month, day, hour, minute, second] = match number.digits.len() {
            12 => {
                let [year, month, day, hour, minute] = number.split([4, 2, 2, 2, 2])?;
                [year, month, day, hour, minute, 0]
            }
            _ => number.split([4, 2, 2, 2, 2, 2])?,
        };
        (self.hour, self.minute, self.second) = (Some(hour), minute, second);
        self.add_parts([year, month, day], Some(Kind::Year))
    }

    /// A year, a month or a day, and the sign between it and the next of them.
    fn read_part<'t, 'a>(&mut self, number: Number<'a>, after: Rest<'t, 'a>) -> Step<'t, 'a> {
        let value = number.value()?;
        let is_year = number.digits.len() > 2;
        let is_name_next = matches!(after, [Token::Word(word), ..] if !is_filler(word));
        if is_year && is_name_next {
            return None;
        }
        self.add_part(value, is_year.then_some(Kind::Year))?;
        Some(self.skip_separator(after))
    }

    fn read_word<'t, 'a>(&mut self, word: &'a str, after: Rest<'t, 'a>) -> Step<'t, 'a> {
        if let Some(month) = position(&MONTHS, word) {
            self.add_part(month, Some(Kind::Month))?;
            return Some(self.skip_separator(after));
        }
        if let Some(half) = half_of_day(word) {
            let hour = self.hour.filter(|hour| *hour <= 12)?;
            self.hour = Some(half.apply(hour));
        } else if self.hour.is_some() && !self.has_zone && is_zone(word) {
            self.has_zone = true;
        } else if position(&WEEKDAYS, word).is_none() && !is_filler(word) {
            return None;
        }
        Some(after)
    }

    /// What follows the sign of an offset: `HHMM`, `HH:MM` or `HH`, perhaps with a name in brackets.
    fn read_offset<'t, 'a>(&mut self, after: Rest<'t, 'a>) -> Step<'t, 'a> {
        self.has_zone = true;
        let after = match after {
            [Token::Number(_), Token::Sign(':'), Token::Number(_), after @ ..] => after,
            [Token::Number(number), after @ ..] if matches!(number.digits.len(), 1 | 2 | 4) => {
                after
            }
            _ => return None,
        };
        match after {
            [Token::Space, Token::Sign('('), Token::Word(name), Token::Sign(')'), after @ ..]
                if is_zone(name) =>
            {
                Some(after)
            }
            _ => Some(after),
        }
    }

    fn add_parts(&mut self, [first, second, third]: [u32; 3], kind: Option<Kind>) -> Option<()> {
        self.add_part(first, kind)?;
        self.add_part(second, None)?;
        self.add_part(third, None)
    }

    fn add_part(&mut self, value: u32, kind: Option<Kind>) -> Option<()> {
        let is_known = kind.is_some() && self.parts.iter().any(|part| part.kind == kind);
        if is_known || self.parts.len() == 3 {
            return None;
        }
        self.parts.push(Part { value, kind });
        Some(())
    }

    /// Within a date a hyphen is not the sign of an offset.
    fn skip_separator<'t, 'a>(&self, after: Rest<'t, 'a>) -> Rest<'t, 'a> {
        match after {
            [Token::Sign('-' | '/' | '.'), after @ ..] if self.parts.len() < 3 => after,
            _ => after,
        }
    }
}

/// A half of the day, by which hours up to twelve are told apart.
#[derive(Clone, Copy)]
enum Half {
    Morning,
    Afternoon,
}

impl Half {
    fn apply(self, hour: u32) -> u32 {
        match (self, hour) {
            (Self::Morning, 12) => 0,
            (Self::Afternoon, ..12) => hour + 12,
            _ => hour,
        }
    }
}

fn half_of_day(word: &str) -> Option<Half> {
    match word.to_lowercase().as_str() {
        "am" | "a" => Some(Half::Morning),
        "pm" | "p" => Some(Half::Afternoon),
        _ => None,
    }
}

fn is_half_of_day_next(tokens: &[Token<'_>]) -> bool {
    match tokens {
        [Token::Word(word), ..] | [Token::Space, Token::Word(word), ..] => {
            half_of_day(word).is_some()
        }
        _ => false,
    }
}

/// The number of the month or day that `word` is the name of, in full or its first letters, from 1.
fn position(names: &[&str], word: &str) -> Option<u32> {
    let word = word.to_lowercase();
    let is_name = |name: &&str| *name == word || name[..3] == word;
    let found = names.iter().position(is_name);
    let found = found.or_else(|| {
        (word == "sept").then(|| names.iter().position(|name| *name == "september"))?
    })?;
    u32::try_from(found + 1).ok()
}

fn is_filler(word: &str) -> bool {
    FILLERS.contains(&word.to_lowercase().as_str())
}

/// Whether `word` looks like the name of a time zone.
fn is_zone(word: &str) -> bool {
    word == "z" || (word.len() <= 5 && word.bytes().all(|byte| byte.is_ascii_uppercase()))
}

/// The first six digits after the decimal point.
fn microseconds(fraction: &str) -> u32 {
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(6);
    digits.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'))
}
