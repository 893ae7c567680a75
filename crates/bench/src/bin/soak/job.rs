//! The tasks of the soak.

use std::time::Duration;

use domain::Clock;
use queue::{Broker, BrokerConfig, QueueType, Retry, Source, Task};
use serde::{Deserialize, Serialize};

use crate::cli::Common;

/// One numbered task. What it does follows from its number.
#[derive(Serialize, Deserialize)]
pub struct Job {
    pub number: u32,
    /// Milliseconds since 1970 before which it must not run.
    #[serde(default)]
    pub not_before: Option<i64>,
}

impl Task for Job {
    const NAME: &'static str = "soak";
    const QUEUE: &'static str = "soak";
    const ARGS: &'static [&'static str] = &["number", "not_before"];
    const RETRY: Retry = Retry::every(Duration::from_secs(1), 3);
    const TIME_LIMIT: Duration = Duration::from_secs(30);
}

/// What is special about a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing.
    Plain,
    /// It takes this long.
    Slow(Duration),
    /// It is published with an `eta` so far ahead.
    Later(Duration),
    /// Its first run asks for another one after this long.
    Again(Duration),
}

impl Plan {
    /// Of task `number`.
    pub fn of(number: u32) -> Self {
        let seconds = Duration::from_secs(u64::from(number / 40 % 5) + 1);
        match number % 40 {
            3 => Self::Later(seconds),
            13 => Self::Again(seconds),
            n if n % 10 == 7 => Self::Slow(Duration::from_millis(20)),
            _ => Self::Plain,
        }
    }
}

/// Milliseconds since 1970.
pub fn now_ms(clock: &Clock) -> i64 {
    i64::try_from(clock.now().unix_timestamp_nanos() / 1_000_000).unwrap_or_default()
}

/// The broker, as workers and the publisher see it.
pub async fn connect(common: &Common) -> Broker {
    let mut config = BrokerConfig::new(common.broker_url.as_str());
    config.queue_type = common.quorum.then_some(QueueType::Quorum);
    let (time, ids) = (Clock::system(), Clock::system());
    Broker::connect(&config, Source::new(move || time.now(), move || ids.new_id())).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_forty_is_delayed_and_one_retried() {
        let plans: Vec<_> = (40..80).map(Plan::of).collect();
        let two = Duration::from_secs(2);
        assert_eq!(plans.iter().filter(|plan| **plan == Plan::Later(two)).count(), 1);
        assert_eq!(plans.iter().filter(|plan| **plan == Plan::Again(two)).count(), 1);
        assert_eq!(plans.iter().filter(|plan| **plan == Plan::Plain).count(), 34);
    }
}
