//! Europe/London, where days begin and providers' local times are read.

use jiff::{
    Timestamp, civil,
    tz::{AmbiguousOffset, TimeZone},
};
use std::sync::LazyLock;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, UtcOffset};

static LONDON: LazyLock<TimeZone> = LazyLock::new(|| {
    TimeZone::get("Europe/London").expect("the zone database is compiled into the program")
});

/// The instant, in UTC, of a wall-clock time in London.
///
/// An hour that happens twice (autumn) is read as its first occurrence, one that does not happen
/// (spring) as if the clock had not yet moved. Times outside years -9999 to 9999 give `None`.
#[must_use]
pub fn to_utc(local: PrimitiveDateTime) -> Option<OffsetDateTime> {
    let date = local.date();
    let civil = civil::DateTime::new(
        i16::try_from(date.year()).ok()?,
        i8::try_from(u8::from(date.month())).ok()?,
        i8::try_from(date.day()).ok()?,
        i8::try_from(local.hour()).ok()?,
        i8::try_from(local.minute()).ok()?,
        i8::try_from(local.second()).ok()?,
        i32::try_from(local.nanosecond()).ok()?,
    )
    .ok()?;
    let offset = match LONDON.to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => before,
    };
    let offset = UtcOffset::from_whole_seconds(offset.seconds()).ok()?;
    local.assume_offset(offset).checked_to_offset(UtcOffset::UTC)
}

/// An instant with the offset that London has then. `None` outside years -9999 to 9999.
#[must_use]
pub fn in_london(instant: OffsetDateTime) -> Option<OffsetDateTime> {
    let timestamp = Timestamp::from_second(instant.unix_timestamp()).ok()?;
    let offset = UtcOffset::from_whole_seconds(LONDON.to_offset(timestamp).seconds()).ok()?;
    instant.checked_to_offset(offset)
}

/// The wall-clock time in London at an instant. `None` outside years -9999 to 9999.
#[must_use]
pub fn local(instant: OffsetDateTime) -> Option<PrimitiveDateTime> {
    in_london(instant).map(|at| PrimitiveDateTime::new(at.date(), at.time()))
}

/// The instant, in UTC, at which a London day begins.
#[must_use]
pub fn midnight(day: Date) -> Option<OffsetDateTime> {
    to_utc(day.midnight())
}

/// A London day, from one midnight to the next: 23 or 25 hours long when the clocks change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// Its date in London.
    pub date: Date,
    /// Its first instant, UTC.
    pub start: OffsetDateTime,
    /// The first instant of the next day, UTC.
    pub end: OffsetDateTime,
}

impl Day {
    /// The day of this date. `None` outside years -9999 to 9999.
    #[must_use]
    pub fn of(date: Date) -> Option<Self> {
        Some(Self { date, start: midnight(date)?, end: midnight(date.next_day()?)? })
    }

    /// The day that it is in London, `days` days before the one of `now`. `None` outside years
    /// -9999 to 9999.
    #[must_use]
    pub fn ago(now: OffsetDateTime, days: u16) -> Option<Self> {
        Self::of(local(now)?.date().checked_sub(time::Duration::days(days.into()))?)
    }

    /// The day `days` days before this one. `None` outside years -9999 to 9999.
    #[must_use]
    pub fn before(self, days: u16) -> Option<Self> {
        Self::of(self.date.checked_sub(time::Duration::days(days.into()))?)
    }
}

/// The financial year of a date, named by the calendar year of its April.
#[must_use]
pub fn financial_year(date: Date) -> i32 {
    if u8::from(date.month()) >= 4 { date.year() } else { date.year() - 1 }
}

/// The first and the last date of a financial year: 1 April and 31 March. `None` outside years
/// -9999 to 9999.
#[must_use]
pub fn financial_year_dates(year: i32) -> Option<(Date, Date)> {
    let first = Date::from_calendar_date(year, Month::April, 1).ok()?;
    let last = Date::from_calendar_date(year.checked_add(1)?, Month::March, 31).ok()?;
    Some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{date, datetime};

    #[test]
    fn days_are_23_and_25_hours_long_when_the_clocks_change() {
        for (date, start, hours) in [
            (date!(2019 - 04 - 01), datetime!(2019-03-31 23:00 UTC), 24),
            (date!(2026 - 03 - 29), datetime!(2026-03-29 00:00 UTC), 23),
            (date!(2026 - 10 - 25), datetime!(2026-10-24 23:00 UTC), 25),
        ] {
            let day = Day::of(date).unwrap();
            assert_eq!((day.start, day.end), (start, start + time::Duration::hours(hours)));
        }
    }

    #[test]
    fn days_ago_are_counted_in_london() {
        let late = datetime!(2026-07-01 23:30 UTC); // half past midnight in London
        assert_eq!(Day::ago(late, 0).unwrap().date, date!(2026 - 07 - 02));
        assert_eq!(Day::ago(late, 1).unwrap().date, date!(2026 - 07 - 01));
        assert_eq!(Day::ago(late, 1).unwrap().before(30).unwrap().date, date!(2026 - 06 - 01));
    }

    #[test]
    fn financial_years_begin_in_april() {
        assert_eq!(financial_year(date!(2026 - 03 - 31)), 2025);
        assert_eq!(financial_year(date!(2026 - 04 - 01)), 2026);
        let dates = (date!(2026 - 04 - 01), date!(2027 - 03 - 31));
        assert_eq!(financial_year_dates(2026), Some(dates));
    }

    #[test]
    fn winter_is_utc_and_summer_is_an_hour_ahead() {
        assert_eq!(midnight(date!(2026 - 01 - 15)), Some(datetime!(2026-01-15 00:00 UTC)));
        assert_eq!(midnight(date!(2026 - 07 - 15)), Some(datetime!(2026-07-14 23:00 UTC)));
    }

    #[test]
    fn nights_of_clock_change() {
        assert_eq!(to_utc(datetime!(2026-03-29 01:30)), Some(datetime!(2026-03-29 01:30 UTC)));
        assert_eq!(to_utc(datetime!(2026-10-25 01:30)), Some(datetime!(2026-10-25 00:30 UTC)));
    }

    #[test]
    fn clocks_in_london_show() {
        for (utc, local_time) in [
            (datetime!(2024-03-31 00:59:59 UTC), datetime!(2024-03-31 00:59:59)),
            (datetime!(2024-03-31 01:00:00 UTC), datetime!(2024-03-31 02:00:00)),
            (datetime!(2024-10-27 01:30:00 UTC), datetime!(2024-10-27 01:30:00)),
            // Summer time all year long, from 1968 to 1971.
            (datetime!(1970-01-01 00:00:00 UTC), datetime!(1970-01-01 01:00:00)),
        ] {
            assert_eq!(local(utc), Some(local_time));
        }
    }
}
