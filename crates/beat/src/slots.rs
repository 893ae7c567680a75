//! When an entry is due.

use std::ops::Range;

use anyhow::Context;
use croner::{Cron, errors::CronError, parser::CronParser};
use jiff::{Timestamp, Zoned, tz::TimeZone};
use tasks::schedule::When;
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

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

    /// From the latest slot that is not after `now` to the next one; `None` when there has been
    /// none yet.
    ///
    /// # Errors
    /// When `now` is outside the years that calendars cover.
    pub fn period(&self, now: OffsetDateTime) -> anyhow::Result<Option<Range<OffsetDateTime>>> {
        let seconds = now.unix_timestamp();
        let latest = match self {
            Self::Every(period) => {
                Some(OffsetDateTime::from_unix_timestamp(seconds - seconds.rem_euclid(*period))?)
            }
            Self::Cron(cron) => found(cron.find_previous_occurrence(&london(seconds)?, true))?,
        };
        let Some(latest) = latest else { return Ok(None) };
        let never = PrimitiveDateTime::MAX.assume_utc();
        Ok(Some(latest..self.next(now)?.unwrap_or(never)))
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

/// A moment as London's clock shows it.
///
/// # Errors
/// When it is outside the years that calendars cover.
pub fn on_londons_clock(at: OffsetDateTime) -> anyhow::Result<OffsetDateTime> {
    let offset = london(at.unix_timestamp())?.offset().seconds();
    Ok(at.to_offset(UtcOffset::from_whole_seconds(offset)?))
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
mod tests;
