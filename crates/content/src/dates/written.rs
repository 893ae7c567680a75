//! A written time, token by token.
//!
//! What can be read, and what a number means beside which others, is what dateutil's parser makes
//! of it, which has always read these times.

use time::Time;

use super::{
    parts::Parts,
    tokens::{Number, Token, tokens},
    words::{Half, Unit, half_of_day, is_filler, is_weekday, is_word, is_zone, month, unit},
};

/// What has been read of a time.
#[derive(Default)]
pub(super) struct Written {
    pub parts: Parts,
    hour: Option<u32>,
    minute: u32,
    second: u32,
    microsecond: u32,
    zone: Zone,
}

/// What has been read over of a zone.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Zone {
    #[default]
    None,
    /// A name; an offset may still follow.
    Name,
    /// An offset without a name, or a name that is one.
    Offset,
}

/// Where to read on, if what stands here could be read.
type Next = Option<usize>;

impl Written {
    /// Reads `text`; `None` if it holds anything that is not part of a time.
    pub fn read(text: &str) -> Option<Self> {
        let mut written = Self::default();
        let tokens = tokens(text);
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at = match *token {
                Token::Number(number) => written.read_number(number, at, &tokens)?,
                Token::Word(_) => written.read_word(at, &tokens)?,
                Token::Sign('+' | '-') if written.hour.is_some() => {
                    written.read_offset(at + 1, &tokens)?
                }
                token => is_filler(token).then_some(at + 1)?,
            };
        }
        Some(written)
    }

    /// The time of the day, midnight if none was written.
    pub fn time(&self) -> Option<Time> {
        let [hour, minute, second] = [self.hour.unwrap_or(0), self.minute, self.second]
            .map(|value| u8::try_from(value).unwrap_or(u8::MAX));
        Time::from_hms_micro(hour, minute, second, self.microsecond).ok()
    }

    fn read_number(&mut self, number: Number<'_>, at: usize, tokens: &[Token<'_>]) -> Next {
        let next = tokens.get(at + 1).copied();
        let is_clock = next == Some(Token::Sign(':')) || next.and_then(unit).is_some();
        let awaits_hour = self.parts.are_complete() && self.hour.is_none() && !is_clock;
        let has_date = !self.parts.is_empty() || number.fraction.is_some();
        match number.length() {
            2 if awaits_hour => self.hour = Some(number.value()),
            4 if awaits_hour => {
                let [hour, minute] = number.split([2, 2])?;
                (self.hour, self.minute) = (Some(hour), minute);
            }
            6 if !has_date => {
                for part in number.split([2, 2, 2])? {
                    self.parts.push(part)?;
                }
            }
            6.. if number.digits.len() == 6 => self.read_time(number)?,
            6 => return None,
            8 => self.parts.add_day(number.split([4, 2, 2])?)?,
            12 => {
                let [year, month, day, hour, minute] = number.split([4, 2, 2, 2, 2])?;
                self.parts.add_day([year, month, day])?;
                (self.hour, self.minute) = (Some(hour), minute);
            }
            14 => {
                let [year, month, day, hour, minute, second] = number.split([4, 2, 2, 2, 2, 2])?;
                self.parts.add_day([year, month, day])?;
                (self.hour, self.minute, self.second) = (Some(hour), minute, second);
            }
            _ => return self.read_short_number(number, at, tokens),
        }
        Some(at + 1)
    }

    /// `HHMMSS`, perhaps with a fraction.
    fn read_time(&mut self, number: Number<'_>) -> Option<()> {
        let [hour, minute, second] = number.split([2, 2, 2])?;
        (self.hour, self.minute, self.second) = (Some(hour), minute, second);
        self.microsecond = number.microseconds();
        Some(())
    }

    /// A number that means what the tokens around it say.
    fn read_short_number(&mut self, number: Number<'_>, at: usize, tokens: &[Token<'_>]) -> Next {
        if let Some((unit, next)) = unit_around(at, tokens) {
            if let Some(unit) = unit {
                self.set(unit, number);
            }
            return Some(next);
        }
        match tokens[at + 1..] {
            [Token::Sign(':'), minute, ..] => self.read_clock(number, minute, at + 3, tokens),
            [Token::Sign(separator @ ('-' | '/' | '.')), ..] => {
                self.read_date(number, separator, at + 2, tokens)
            }
            [filler, word, ..] if is_filler(filler) && half_of_day(word).is_some() => {
                self.set_half_hour(number, half_of_day(word)?);
                Some(at + 3)
            }
            [] => self.parts.add_alone(number.value()).map(|()| at + 1),
            [filler, ..] if is_filler(filler) => {
                self.parts.add_alone(number.value()).map(|()| at + 2)
            }
            [word, ..] if half_of_day(word).is_some() && number.value() < 24 => {
                self.set_half_hour(number, half_of_day(word)?);
                Some(at + 2)
            }
            _ if self.parts.may_be_day(number.value()) => {
                self.parts.add_alone(number.value()).map(|()| at + 1)
            }
            _ => None,
        }
    }

    /// `HH:MM`, perhaps with `:SS`; what follows the minutes stands at `at`.
    fn read_clock(
        &mut self,
        hour: Number<'_>,
        minute: Token<'_>,
        at: usize,
        tokens: &[Token<'_>],
    ) -> Next {
        let Token::Number(minute) = minute else { return None };
        self.hour = Some(hour.value());
        self.set(Unit::Minute, minute);
        match tokens[at..] {
            [Token::Sign(':'), Token::Number(second), ..] => {
                self.set(Unit::Second, second);
                Some(at + 2)
            }
            [Token::Sign(':'), _, ..] => None,
            _ => Some(at),
        }
    }

    /// Two or three parts of a date with `separator` between them; the second stands at `at`.
    fn read_date(
        &mut self,
        first: Number<'_>,
        separator: char,
        at: usize,
        tokens: &[Token<'_>],
    ) -> Next {
        self.parts.add(first)?;
        let Some(second) = tokens.get(at).copied().filter(|token| !is_filler(*token)) else {
            return Some(at);
        };
        self.add_part(second)?;
        self.read_last_part(separator, at + 1, tokens)
    }

    /// The last part of a date, if the separator is there, at `at`.
    fn read_last_part(&mut self, separator: char, at: usize, tokens: &[Token<'_>]) -> Next {
        if tokens.get(at) != Some(&Token::Sign(separator)) {
            return Some(at);
        }
        self.add_part(*tokens.get(at + 1)?)?;
        Some(at + 2)
    }

    fn add_part(&mut self, token: Token<'_>) -> Option<()> {
        match token {
            Token::Number(number) => self.parts.add(number),
            word => self.parts.add_month(month(word)?),
        }
    }

    fn read_word(&mut self, at: usize, tokens: &[Token<'_>]) -> Next {
        let word = tokens[at];
        let next = tokens.get(at + 1).copied();
        if is_weekday(word) {
            return Some(at + 1);
        }
        if let Some(month) = month(word) {
            self.parts.add_month(month)?;
            return self.read_after_month(at + 1, tokens);
        }
        if let Some(half) = half_of_day(word) {
            self.hour = Some(half.hour(self.hour.filter(|hour| *hour <= 12)?));
        } else if self.awaits_zone() && is_zone(word) {
            let has_offset = matches!(next, Some(Token::Sign('+' | '-')));
            let is_utc = ["utc", "gmt", "z"].iter().any(|name| is_word(word, name));
            self.zone = match (word, has_offset, is_utc) {
                (_, true, true) => Zone::None,
                (Token::Word("z"), ..) => Zone::Offset,
                _ => Zone::Name,
            };
        } else if !is_filler(word) {
            return None;
        }
        Some(at + 1)
    }

    /// What follows the name of a month: the day and perhaps the year, or ` of ` and the year.
    fn read_after_month(&mut self, at: usize, tokens: &[Token<'_>]) -> Next {
        match tokens[at..] {
            [Token::Sign(separator @ ('-' | '/')), Token::Number(day), ref rest @ ..] => {
                self.parts.add(day)?;
                let [Token::Sign(next), ref rest @ ..] = *rest else { return Some(at + 2) };
                if next != separator {
                    return Some(at + 2);
                }
                let Token::Number(year) = *rest.first()? else { return None };
                self.parts.add(year)?;
                Some(at + 4)
            }
            [Token::Sign('-' | '/'), ..] => None,
            [Token::Space, of, Token::Space, year, ..] if is_word(of, "of") => {
                if let Token::Number(year @ Number { fraction: None, .. }) = year {
                    self.parts.add_short_year(year.value())?;
                }
                Some(at + 4)
            }
            _ => Some(at),
        }
    }

    /// What follows the sign of an offset: `HHMM`, `HH:MM` or `HH`, perhaps with a name in brackets.
    fn read_offset(&mut self, at: usize, tokens: &[Token<'_>]) -> Next {
        let Token::Number(number) = *tokens.get(at)? else { return None };
        let is_whole = |number: Number<'_>| number.fraction.is_none();
        let next = match tokens[at + 1..] {
            _ if number.length() == 4 => at + 1,
            [Token::Sign(':'), Token::Number(minutes), ..] if is_whole(minutes) => at + 3,
            [Token::Sign(':'), ..] => return None,
            _ if number.length() <= 2 => at + 1,
            _ => return None,
        };
        let has_name = self.zone == Zone::Name;
        if !is_whole(number) {
            return None;
        }
        self.zone = Zone::Offset;
        match tokens[next..] {
            [filler, Token::Sign('('), Token::Word(name), Token::Sign(')'), ..]
                if is_filler(filler)
                    && !has_name
                    && name.len() >= 3
                    && is_zone(Token::Word(name)) =>
            {
                Some(next + 4)
            }
            _ => Some(next),
        }
    }

    fn awaits_zone(&self) -> bool {
        self.hour.is_some() && self.zone == Zone::None
    }

    fn set(&mut self, unit: Unit, number: Number<'_>) {
        let value = number.value();
        match unit {
            Unit::Hour => {
                self.hour = Some(value);
                if number.fraction.is_some_and(|fraction| fraction.contains(|c| c != '0')) {
                    self.minute = number.sixtieths();
                }
            }
            Unit::Minute => (self.minute, self.second) = (value, number.sixtieths()),
            Unit::Second => (self.second, self.microsecond) = (value, number.microseconds()),
        }
    }

    fn set_half_hour(&mut self, number: Number<'_>, half: Half) {
        self.hour = Some(half.hour(number.value()));
    }
}

/// What the number at `at` counts, by the unit after it or else by the one before, and where to read
/// on. Nothing is smaller than a second.
fn unit_around(at: usize, tokens: &[Token<'_>]) -> Option<(Option<Unit>, usize)> {
    let unit_at = |at: usize| tokens.get(at).copied().and_then(unit);
    let is_space = |at: usize| tokens.get(at) == Some(&Token::Space);
    if let Some(unit) = unit_at(at + 1) {
        return Some((Some(unit), at + 2));
    }
    if is_space(at + 1)
        && let Some(unit) = unit_at(at + 2)
    {
        return Some((Some(unit), at + 3));
    }
    let is_last = at + 1 == tokens.len();
    let before = match at {
        0 => None,
        1 => unit_at(0),
        _ if is_last && is_space(at - 1) => unit_at(at - 2),
        _ => unit_at(at - 1),
    };
    let smaller = match before? {
        Unit::Hour => Some(Unit::Minute),
        Unit::Minute => Some(Unit::Second),
        Unit::Second => None,
    };
    Some((smaller, at + 1))
}
