//! When an entry is due.

use anyhow::Context;
use croner::{Cron, errors::CronError, parser::CronParser};
use jiff::{Timestamp, Zoned, tz::TimeZone};
use tasks::schedule::When;
use time::OffsetDateTime;

/// The slots of one entry.
pub enum Timetable {
    /// On London's clock. An entry that falls into the hour that spring skips is due right after
    /// it; one in the hour that autumn repeats is due once.
    Cron(Box<Cron>),
    /// Every so many seconds since 1970.
    Every(i64),
}

impl Timetable {
    /// Reads the schedule's own notation.
    ///
    /// # Errors
    /// When it is not five cron fields, or the period is zero.
    pub fn new(when: When) -> anyhow::Result<Self> {
        match when {
            When::Cron(fields) => {
                let parser = CronParser::builder().dom_and_dow(true).build();
                Ok(Self::Cron(Box::new(parser.parse(fields)?)))
            }
            When::Every(period) => {
                let seconds = i64::try_from(period.as_secs()).context("the period is too long")?;
                anyhow::ensure!(seconds > 0, "the period is zero");
                Ok(Self::Every(seconds))
            }
        }
    }

    /// The latest slot that is not after `now`; `None` when there has been none yet.
    ///
    /// # Errors
    /// When `now` is outside the years that calendars cover.
    pub fn latest(&self, now: OffsetDateTime) -> anyhow::Result<Option<OffsetDateTime>> {
        let seconds = now.unix_timestamp();
        match self {
            Self::Every(period) => Ok(Some(OffsetDateTime::from_unix_timestamp(
                seconds - seconds.rem_euclid(*period),
            )?)),
            Self::Cron(cron) => found(cron.find_previous_occurrence(&london(seconds)?, true)),
        }
    }

    /// The first slot after `now`; `None` when there will be none.
    ///
    /// # Errors
    /// When `now` is outside the years that calendars cover.
    pub fn next(&self, now: OffsetDateTime) -> anyhow::Result<Option<OffsetDateTime>> {
        let seconds = now.unix_timestamp();
        match self {
            Self::Every(period) => {
                let next = seconds - seconds.rem_euclid(*period) + period;
                Ok(Some(OffsetDateTime::from_unix_timestamp(next)?))
            }
            Self::Cron(cron) => found(cron.find_next_occurrence(&london(seconds)?, false)),
        }
    }
}

fn london(seconds: i64) -> anyhow::Result<Zoned> {
    Ok(Timestamp::from_second(seconds)?.to_zoned(TimeZone::get("Europe/London")?))
}

fn found(occurrence: Result<Zoned, CronError>) -> anyhow::Result<Option<OffsetDateTime>> {
    match occurrence {
        Ok(at) => Ok(Some(OffsetDateTime::from_unix_timestamp(at.timestamp().as_second())?)),
        Err(CronError::TimeSearchLimitExceeded) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use time::macros::datetime;

    fn cron(fields: &'static str) -> Timetable {
        Timetable::new(When::Cron(fields)).unwrap()
    }

    #[test]
    fn the_latest_slot_is_on_londons_clock() {
        let night = cron("5 0 * * *");
        let winter = night.latest(datetime!(2026-01-15 12:00 UTC)).unwrap();
        assert_eq!(winter, Some(datetime!(2026-01-15 00:05 UTC)));
        let summer = night.latest(datetime!(2026-07-15 12:00 UTC)).unwrap();
        assert_eq!(summer, Some(datetime!(2026-07-14 23:05 UTC)));
    }

    #[test]
    fn a_slot_is_due_at_its_own_second_and_not_before() {
        let quarter = cron("0,15,30,45 * * * *");
        let at = datetime!(2026-11-24 12:15 UTC);
        assert_eq!(quarter.latest(at).unwrap(), Some(at));
        let before = quarter.latest(at - Duration::from_secs(1)).unwrap();
        assert_eq!(before, Some(datetime!(2026-11-24 12:00 UTC)));
        assert_eq!(quarter.next(at).unwrap(), Some(datetime!(2026-11-24 12:30 UTC)));
    }

    #[test]
    fn all_five_fields_must_match() {
        let first_tuesday = cron("0 9 1-7 * tue");
        let next = first_tuesday.next(datetime!(2026-11-24 12:00 UTC)).unwrap();
        assert_eq!(next, Some(datetime!(2026-12-01 09:00 UTC)));
    }

    /// Every slot between two moments, found by walking forward, and by walking second by second
    /// as beat does.
    fn fired(
        table: &Timetable,
        from: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Vec<OffsetDateTime> {
        let mut slots = Vec::new();
        let mut now = from;
        while now < until {
            let latest = table.latest(now).unwrap().unwrap();
            if latest > from && slots.last() != Some(&latest) {
                slots.push(latest);
            }
            now += Duration::from_secs(60);
        }
        slots
    }

    #[test]
    fn an_entry_in_the_hour_that_spring_skips_fires_once_right_after() {
        let slots = fired(
            &cron("40 1 * * *"),
            datetime!(2026-03-28 12:00 UTC),
            datetime!(2026-03-29 12:00 UTC),
        );
        assert_eq!(slots, [datetime!(2026-03-29 01:00 UTC)]);
    }

    #[test]
    fn an_entry_in_the_hour_that_autumn_repeats_fires_once() {
        let slots = fired(
            &cron("40 1 * * *"),
            datetime!(2026-10-24 12:00 UTC),
            datetime!(2026-10-25 12:00 UTC),
        );
        assert_eq!(slots.len(), 1, "{slots:?}");
    }

    #[test]
    fn an_entry_of_every_quarter_hour_is_even_through_both_nights() {
        for day in [datetime!(2026-03-28 23:50 UTC), datetime!(2026-10-24 23:50 UTC)] {
            let until = day + Duration::from_secs(6 * 3600);
            let slots = fired(&cron("0,15,30,45 * * * *"), day, until);
            let even = slots.windows(2).all(|pair| pair[1] - pair[0] == Duration::from_secs(900));
            assert!(even && slots.len() == 24, "{slots:?}");
        }
    }

    #[test]
    fn periods_count_from_1970() {
        let table = Timetable::new(When::Every(Duration::from_secs(63 * 60))).unwrap();
        let latest = table.latest(datetime!(1970-01-01 02:00 UTC)).unwrap();
        assert_eq!(latest, Some(datetime!(1970-01-01 01:03 UTC)));
        let next = table.next(datetime!(1970-01-01 02:00 UTC)).unwrap();
        assert_eq!(next, Some(datetime!(1970-01-01 02:06 UTC)));
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(Timetable::new(When::Cron("61 * * * *")).is_err());
        assert!(Timetable::new(When::Every(Duration::ZERO)).is_err());
    }
}
