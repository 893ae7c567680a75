//! Times as people and programs write them, and days as letters show them.
//!
//! Source: content contract §13 and §9.4.

mod parts;
mod tokens;
mod words;
mod written;

use domain::london;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime};

use written::Written;

/// The time that `text` writes, in UTC: `2024-07-14T10:11:12.5Z`, `20240714T101112`,
/// `14 July 2024 9:05am`, `07/14/24` (month first where both could be).
///
/// An offset is read over: the time is taken for UTC whatever it says. That is how it has always been
/// done, and what programs send is UTC. A date alone is its midnight. `None` for anything else, also
/// where the year, the month or the day is missing.
#[must_use]
pub fn parse_utc(text: &str) -> Option<OffsetDateTime> {
    let written = Written::read(text)?;
    let (year, month, day) = written.parts.resolve().filter(|(year, ..)| *year > 0)?;
    let date = Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
    Some(PrimitiveDateTime::new(date, written.time()?).assume_utc())
}

/// The language of a letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Welsh.
    Welsh,
}

/// The London day at an instant, as the letter shows it: `9 January 2025`, `9 Ionawr 2025`.
#[must_use]
pub fn letter_date(at: OffsetDateTime, language: Language) -> String {
    let date = london::in_london(at).unwrap_or(at).date();
    let month = month_name(date.month(), language);
    format!("{} {month} {}", date.day(), date.year())
}

fn month_name(month: Month, language: Language) -> String {
    let welsh = match month {
        Month::January => "Ionawr",
        Month::February => "Chwefror",
        Month::March => "Mawrth",
        Month::April => "Ebrill",
        Month::May => "Mai",
        Month::June => "Mehefin",
        Month::July => "Gorffennaf",
        Month::August => "Awst",
        Month::September => "Medi",
        Month::October => "Hydref",
        Month::November => "Tachwedd",
        Month::December => "Rhagfyr",
    };
    match language {
        Language::English => month.to_string(),
        Language::Welsh => welsh.to_owned(),
    }
}

#[cfg(test)]
mod tests;
