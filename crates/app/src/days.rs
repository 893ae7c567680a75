//! London days, for what is done once a day.

use anyhow::anyhow;
use domain::{Clock, london::Day};

use crate::Error;

/// The day that it is.
pub(crate) fn today(clock: &Clock) -> Result<Day, Error> {
    ago(clock, 0)
}

/// The day `days` days ago.
pub(crate) fn ago(clock: &Clock, days: u16) -> Result<Day, Error> {
    Day::ago(clock.now(), days).ok_or_else(no_such_day)
}

/// The day `days` days before another.
pub(crate) fn before(day: Day, days: u16) -> Result<Day, Error> {
    day.before(days).ok_or_else(no_such_day)
}

/// A date too far from ours to have a midnight.
pub(crate) fn no_such_day() -> Error {
    Error::Internal(anyhow!("there is no such day"))
}
