//! Europe/London, where days begin and providers' local times are read.

use jiff::{
    Timestamp, civil,
    tz::{AmbiguousOffset, TimeZone},
};
use std::sync::LazyLock;
use time::{Date, OffsetDateTime, PrimitiveDateTime, UtcOffset};

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
