//! Days on which letters are printed and delivered.
//!
//! Printer and post work by the calendar of England and Wales. Bank holidays are known for the
//! years of `data/bank_holidays.json`; in other years only weekends are free.

use std::{collections::HashSet, sync::LazyLock};

use serde::Deserialize;
use time::{Date, Weekday};

/// Whose working days are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calendar {
    /// The printer: Monday to Friday.
    Printer,
    /// The post, first class: Monday to Saturday.
    FirstClassPost,
    /// All other post: Monday to Friday.
    Post,
}

impl Calendar {
    /// Whether anybody works on `day`.
    #[must_use]
    pub fn is_working_day(self, day: Date) -> bool {
        let is_weekday = match day.weekday() {
            Weekday::Sunday => false,
            Weekday::Saturday => self == Self::FirstClassPost,
            _ => true,
        };
        is_weekday && !is_bank_holiday(day)
    }

    /// The working day so many working days after `day`, or before it if `days` is negative;
    /// `day` itself need not be one.
    ///
    /// # Errors
    /// See [`OffsetError`].
    pub fn offset(self, day: Date, days: i32) -> Result<Date, OffsetError> {
        let step = match days {
            0 => return Err(OffsetError::Zero),
            1.. => Date::next_day,
            _ => Date::previous_day,
        };
        let mut day = day;
        for _ in 0..days.unsigned_abs() {
            day = step(day).ok_or(OffsetError::OutOfRange)?;
            while !self.is_working_day(day) {
                day = step(day).ok_or(OffsetError::OutOfRange)?;
            }
        }
        Ok(day)
    }
}

/// Why there is no such working day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OffsetError {
    /// No days from a day that need not be a working day is not a working day.
    #[error("days argument must not be 0")]
    Zero,
    /// It would be past the year 9999, on either side.
    #[error("there are no days past the year 9999")]
    OutOfRange,
}

/// Whether `day` is a bank holiday in England and Wales.
#[must_use]
pub fn is_bank_holiday(day: Date) -> bool {
    static HOLIDAYS: LazyLock<HashSet<Date>> = LazyLock::new(|| {
        let table: BankHolidays = serde_json::from_str(include_str!("../data/bank_holidays.json"))
            .expect("the table of bank holidays is compiled into the program");
        table.england_and_wales.into_iter().map(|holiday| holiday.date).collect()
    });
    HOLIDAYS.contains(&day)
}

/// The file as gov.uk publishes it, as far as it is of interest.
#[derive(Deserialize)]
struct BankHolidays {
    #[serde(rename = "england-and-wales")]
    england_and_wales: Vec<BankHoliday>,
}

#[derive(Deserialize)]
struct BankHoliday {
    #[serde(with = "iso_date")]
    date: Date,
}

time::serde::format_description!(iso_date, Date, "[year]-[month]-[day]");

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn only_first_class_post_goes_on_saturdays() {
        let saturday = date!(2024 - 12 - 28);
        for (calendar, expected) in
            [(Calendar::Printer, false), (Calendar::FirstClassPost, true), (Calendar::Post, false)]
        {
            assert_eq!(calendar.is_working_day(saturday), expected, "{calendar:?}");
            assert!(!calendar.is_working_day(date!(2024 - 12 - 29)), "{calendar:?}");
            assert!(!calendar.is_working_day(date!(2024 - 12 - 25)), "{calendar:?}");
            assert!(calendar.is_working_day(date!(2024 - 12 - 27)), "{calendar:?}");
        }
    }

    #[test]
    fn holidays_are_known_for_some_years_only() {
        assert!(is_bank_holiday(date!(2018 - 01 - 01)));
        assert!(is_bank_holiday(date!(2027 - 12 - 28)));
        assert!(!is_bank_holiday(date!(2017 - 12 - 25)));
    }

    #[test]
    fn counting_jumps_over_free_days_in_both_directions() {
        let maundy_thursday = date!(2024 - 03 - 28);
        for (calendar, day, days, expected) in [
            (Calendar::Post, maundy_thursday, 5, Ok(date!(2024 - 04 - 08))),
            (Calendar::FirstClassPost, date!(2024 - 05 - 06), -1, Ok(date!(2024 - 05 - 04))),
            (Calendar::Post, maundy_thursday, 0, Err(OffsetError::Zero)),
            (Calendar::Post, Date::MAX, 1, Err(OffsetError::OutOfRange)),
            (Calendar::Printer, Date::MIN, i32::MIN, Err(OffsetError::OutOfRange)),
        ] {
            assert_eq!(calendar.offset(day, days), expected, "{day} {days}");
        }
    }
}
