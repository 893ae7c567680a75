//! Letters that wait too long (tasks contract §3.8).

use queue::{Call, Task};
use serde::{Deserialize, Serialize};

use crate::queues;

/// Has letters scanned again that wait for their virus scan for more than ten minutes, and raises an
/// alarm for those whose file is gone. A skipped run delays that by ten minutes; a doubled one has a
/// file scanned twice, and the second answer changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckIfLettersStillPendingVirusCheck {
    /// The oldest letters to look at, in minutes.
    #[serde(default = "half_an_hour")]
    pub max_minutes_ago_to_check: i64,
}

impl Default for CheckIfLettersStillPendingVirusCheck {
    /// As the schedule has it.
    fn default() -> Self {
        Self { max_minutes_ago_to_check: 120 }
    }
}

/// What is meant when nothing is said.
fn half_an_hour() -> i64 {
    30
}

impl Task for CheckIfLettersStillPendingVirusCheck {
    const NAME: &'static str = "check-if-letters-still-pending-virus-check";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &["max_minutes_ago_to_check"];
    const CALL: Call = Call::Keywords;
}

/// The same over days, once a night; letters that are older still are only reported. A skipped run
/// delays the alert by a day; a doubled one says it twice in the log, and makes no second ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckIfLettersStillPendingVirusCheckNightly {
    /// The oldest letters to report, in minutes.
    pub max_minutes_ago_to_check_only: i64,
    /// The oldest letters to have scanned again, in minutes; fewer than the other.
    pub max_minutes_ago_to_check_and_rescan: i64,
}

impl Default for CheckIfLettersStillPendingVirusCheckNightly {
    /// As the schedule has it: five days and three.
    fn default() -> Self {
        Self { max_minutes_ago_to_check_only: 7200, max_minutes_ago_to_check_and_rescan: 4320 }
    }
}

impl Task for CheckIfLettersStillPendingVirusCheckNightly {
    const NAME: &'static str = "check-if-letters-still-pending-virus-check-nightly";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] =
        &["max_minutes_ago_to_check_only", "max_minutes_ago_to_check_and_rescan"];
    const CALL: Call = Call::Keywords;
}

/// Raises an alert when letters that yesterday's run should have taken are still `created`. A skipped run
/// delays it by a working day; a doubled one says it twice in the log, and makes no second ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckIfLettersStillInCreated {}

impl Task for CheckIfLettersStillInCreated {
    const NAME: &'static str = "check-if-letters-still-in-created";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}

/// Raises an alert when letters of the last three days are in technical failure. A skipped run delays it
/// by a day; a doubled one says it twice in the log, and makes no second ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckIfLettersInTechnicalFailure {}

impl Task for CheckIfLettersInTechnicalFailure {
    const NAME: &'static str = "check-if-letters-in-technical-failure";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}

/// Raises an alert when the printer has not reported on letters for two working days. A skipped run
/// delays it by a day; a doubled one says it twice in the log, and makes no second ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RaiseAlertIfLetterNotificationsStillSending {}

impl Task for RaiseAlertIfLetterNotificationsStillSending {
    const NAME: &'static str = "raise-alert-if-letter-notifications-still-sending";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}
