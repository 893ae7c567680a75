//! Europe/London, where days begin and providers' local times are read.

use jiff::{
    civil,
    tz::{AmbiguousOffset, TimeZone},
};
use std::sync::LazyLock;
use time::{Date, OffsetDateTime, PrimitiveDateTime};

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
    let offset = time::UtcOffset::from_whole_seconds(offset.seconds()).ok()?;
    Some(local.assume_offset(offset).to_offset(time::UtcOffset::UTC))
}

/// The instant, in UTC, at which a London day begins.
#[must_use]
pub fn midnight(day: Date) -> Option<OffsetDateTime> {
    to_utc(day.midnight())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{date, datetime};

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
}
