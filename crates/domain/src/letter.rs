//! When letters are printed and delivered, and until when one can be called back.

pub mod file;
mod life;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};
use time::{Date, Duration, OffsetDateTime, Time};

pub use life::LetterEvent;

use crate::{NotificationStatus, london, working_day::Calendar};

/// How a letter is posted.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
    Serialize,
    Deserialize,
)]
#[strum(serialize_all = "kebab-case")]
#[serde(rename_all = "kebab-case")]
pub enum Postage {
    /// First class, within the UK.
    First,
    /// Second class, within the UK.
    Second,
    /// Economy, within the UK.
    Economy,
    /// Abroad, to Europe.
    Europe,
    /// Abroad, anywhere else.
    RestOfWorld,
}

impl Postage {
    /// The days on which such letters move.
    #[must_use]
    pub fn calendar(self) -> Calendar {
        match self {
            Self::First => Calendar::FirstClassPost,
            _ => Calendar::Post,
        }
    }

    /// Whether such letters go abroad.
    #[must_use]
    pub fn is_international(self) -> bool {
        matches!(self, Self::Europe | Self::RestOfWorld)
    }

    /// The word for it in the names of files.
    fn file_class(self) -> &'static str {
        match self {
            Self::First => "1",
            Self::Second => "2",
            Self::Economy => "ECONOMY",
            Self::Europe => "E",
            Self::RestOfWorld => "N",
        }
    }

    /// The fewest and the most working days that such a letter spends in the post, the day it is
    /// handed over not counted.
    fn days_in_transit(self) -> (i32, i32) {
        match self {
            Self::First => (0, 0),
            Self::Second => (3, 4),
            Self::Economy => (3, 6),
            Self::Europe => (3, 5),
            Self::RestOfWorld => (5, 7),
        }
    }
}

/// Hour of the London day by which the printer is done.
const PRINTED_BY_HOUR: u8 = 15;

/// Hour of the London day by which the post is delivered.
const DELIVERED_BY_HOUR: u8 = 16;

/// Hour and minute of the London day at which letters are handed to the printer.
const DEADLINE: (u8, u8) = (17, 30);

/// From the deadline to midnight.
const DEADLINE_TO_MIDNIGHT: Duration = Duration::minutes(6 * 60 + 30);

/// What to expect of a letter. All times are UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LetterTimings {
    /// When it will be printed at the latest.
    pub printed_by: OffsetDateTime,
    /// When it may arrive.
    pub earliest_delivery: OffsetDateTime,
    /// When it should have arrived.
    pub latest_delivery: OffsetDateTime,
}

impl LetterTimings {
    /// What to expect of a letter that was handed in at `uploaded_at`.
    ///
    /// Seconds of that time reappear in all of these; clients have always been told so. `None`
    /// past the year 9999.
    #[must_use]
    pub fn new(uploaded_at: OffsetDateTime, postage: Postage) -> Option<Self> {
        let uploaded_at = london::local(uploaded_at)?;
        // Whatever missed today's deadline counts as tomorrow's.
        let day = uploaded_at.checked_add(DEADLINE_TO_MIDNIGHT)?.date();
        let print_day = Calendar::Printer.offset(day, 1).ok()?;
        let at = |day: Date, hour| {
            london::to_utc(day.with_time(at_minute(uploaded_at.time(), (hour, 0))))
        };
        let delivery = |transit: i32| {
            let day = postage.calendar().offset(print_day, 1 + transit).ok()?;
            at(day, DELIVERED_BY_HOUR)
        };
        let (fewest, most) = postage.days_in_transit();
        Some(Self {
            printed_by: at(print_day, PRINTED_BY_HOUR)?,
            earliest_delivery: delivery(fewest)?,
            latest_delivery: delivery(most)?,
        })
    }

    /// Whether the letter has been printed by `now`.
    #[must_use]
    pub fn is_printed(&self, now: OffsetDateTime) -> bool {
        now > self.printed_by
    }
}

/// Whether a letter in `status` can still be called back at `now`.
///
/// Letters are handed to the printer at half past five; one that is handed in during that minute
/// counts as before, and later ones wait for the next day. `false` past the year 9999.
///
/// Source: content contract §12, whose comparisons carry the seconds of the other time.
#[must_use]
pub fn can_be_cancelled(
    status: NotificationStatus,
    created_at: OffsetDateTime,
    now: OffsetDateTime,
) -> bool {
    use NotificationStatus::{Created, PendingVirusCheck};
    if !matches!(status, Created | PendingVirusCheck) {
        return false;
    }
    let (Some(created_at), Some(now)) = (london::local(created_at), london::local(now)) else {
        return false;
    };
    let age_days = (now.date() - created_at.date()).whole_days();
    let todays_deadline = now.replace_time(at_minute(now.time(), DEADLINE));
    let own_deadline = at_minute(created_at.time(), DEADLINE);
    let printed_today = (now.hour(), now.minute()) >= DEADLINE && created_at <= todays_deadline;
    let printed_earlier = age_days > 0 && created_at.time() <= own_deadline;
    !printed_today && !printed_earlier && age_days <= 1
}

/// The London day on which a letter that was accepted at `created_at` is handed to the printer. `None`
/// past the year 9999.
#[must_use]
pub fn printing_day(created_at: OffsetDateTime) -> Option<Date> {
    let created_at = london::local(created_at)?;
    if created_at.time() <= at_minute(created_at.time(), DEADLINE) {
        Some(created_at.date())
    } else {
        created_at.date().next_day()
    }
}

/// `time` at another hour and minute of the day.
fn at_minute(time: Time, (hour, minute): (u8, u8)) -> Time {
    Time::from_hms_nano(hour, minute, time.second(), time.nanosecond())
        .expect("the callers' hours and minutes are of a day")
}

/// Whether a job may hold a letter in `status` and still be called back as a whole.
#[must_use]
pub fn may_be_in_cancellable_job(status: NotificationStatus) -> bool {
    use NotificationStatus::{
        Cancelled, Created, PendingVirusCheck, TechnicalFailure, ValidationFailed, VirusScanFailed,
    };
    matches!(
        status,
        Created
            | Cancelled
            | VirusScanFailed
            | ValidationFailed
            | TechnicalFailure
            | PendingVirusCheck
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn half_past_five_in_london_divides_the_days() {
        for (uploaded, printed_by) in [
            (datetime!(2024-02-29 17:29:59 UTC), datetime!(2024-03-01 15:00:59 UTC)),
            (datetime!(2024-02-29 17:30:00 UTC), datetime!(2024-03-04 15:00:00 UTC)),
            (datetime!(2024-06-05 16:29:00 UTC), datetime!(2024-06-06 14:00:00 UTC)),
            (datetime!(2024-06-05 16:30:00 UTC), datetime!(2024-06-07 14:00:00 UTC)),
        ] {
            let timings = LetterTimings::new(uploaded, Postage::First).unwrap();
            assert_eq!(timings.printed_by, printed_by, "{uploaded}");
            assert!(!timings.is_printed(printed_by));
            assert!(timings.is_printed(printed_by + Duration::MICROSECOND));
        }
    }

    #[test]
    fn delivery_depends_on_postage() {
        let uploaded = datetime!(2024-02-26 09:00 UTC); // a Monday
        for (postage, earliest, latest) in [
            (Postage::First, datetime!(2024-02-28 16:00 UTC), datetime!(2024-02-28 16:00 UTC)),
            (Postage::Second, datetime!(2024-03-04 16:00 UTC), datetime!(2024-03-05 16:00 UTC)),
            (Postage::Economy, datetime!(2024-03-04 16:00 UTC), datetime!(2024-03-07 16:00 UTC)),
            (Postage::Europe, datetime!(2024-03-04 16:00 UTC), datetime!(2024-03-06 16:00 UTC)),
            (
                Postage::RestOfWorld,
                datetime!(2024-03-06 16:00 UTC),
                datetime!(2024-03-08 16:00 UTC),
            ),
        ] {
            let timings = LetterTimings::new(uploaded, postage).unwrap();
            assert_eq!(timings.earliest_delivery, earliest, "{postage}");
            assert_eq!(timings.latest_delivery, latest, "{postage}");
        }
    }

    #[test]
    fn letters_can_be_called_back_until_they_are_handed_to_the_printer() {
        let created = NotificationStatus::Created;
        for (created_at, now, expected) in [
            (datetime!(2024-05-14 10:00 UTC), datetime!(2024-05-14 16:29:59 UTC), true),
            (datetime!(2024-05-14 10:00 UTC), datetime!(2024-05-14 16:30 UTC), false),
            (datetime!(2024-05-14 16:30:30 UTC), datetime!(2024-05-14 16:45 UTC), true),
            (datetime!(2024-05-14 16:30:30 UTC), datetime!(2024-05-14 16:45:30 UTC), false),
            (datetime!(2024-05-14 10:00 UTC), datetime!(2024-05-15 09:00 UTC), false),
            (datetime!(2024-05-14 17:00 UTC), datetime!(2024-05-15 09:00 UTC), true),
            (datetime!(2024-05-14 17:00 UTC), datetime!(2024-05-15 16:30 UTC), false),
            (datetime!(2024-05-14 20:00 UTC), datetime!(2024-05-16 09:00 UTC), false),
        ] {
            assert_eq!(can_be_cancelled(created, created_at, now), expected, "{created_at} {now}");
            assert!(!can_be_cancelled(NotificationStatus::Sending, created_at, now));
        }
    }

    #[test]
    fn the_end_of_time_is_no_panic() {
        let end = time::Date::MAX.midnight().assume_utc();
        assert_eq!(LetterTimings::new(end, Postage::First), None);
        assert!(!can_be_cancelled(NotificationStatus::Created, end, end));
    }
}
