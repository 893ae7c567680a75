//! What beat publishes, and when (tasks contract §4 and §8).

use std::time::Duration;

use queue::{EncodeError, Envelope, Task, Trace};
use uuid::Uuid;

use crate::{
    CreateNightlyBilling, CreateNightlyNotificationStatus, ReplayCreatedNotifications,
    RunPopulateAnnualBilling, UpdateFtBillingForToday,
};

/// One line of the schedule. The entry's name is the task's.
pub struct Entry {
    /// The task's wire name.
    pub name: &'static str,
    /// When it is due.
    pub when: When,
    /// About one period: a message that waited longer is not run any more, so that a stopped
    /// worker does not come back to hundreds of copies.
    pub expires_after: Duration,
    /// Makes the message.
    pub message: fn(Uuid) -> Result<Envelope, EncodeError>,
}

/// When an entry is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Five cron fields (minute, hour, day of month, month, day of week) on the wall clock in
    /// London. All of them must match.
    Cron(&'static str),
    /// This often, counted from 1970-01-01T00:00Z, so that all beats agree on the slots.
    Every(Duration),
}

fn entry<T: Task + Default>(when: When, expires_after: Duration) -> Entry {
    Entry {
        name: T::NAME,
        when,
        expires_after,
        message: |id| Envelope::new(&T::default(), id, &Trace::default()),
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The whole schedule.
#[must_use]
pub fn schedule() -> Vec<Entry> {
    vec![
        // every quarter of an hour
        entry::<ReplayCreatedNotifications>(When::Cron("0,15,30,45 * * * *"), 15 * MINUTE),
        // every hour
        entry::<UpdateFtBillingForToday>(When::Cron("0 * * * *"), 60 * MINUTE),
        // on the first morning of a financial year
        entry::<RunPopulateAnnualBilling>(When::Cron("1 2 1 4 *"), 7 * DAY),
        // every night, after the time-outs
        entry::<CreateNightlyBilling>(When::Cron("15 0 * * *"), DAY),
        entry::<CreateNightlyNotificationStatus>(When::Cron("30 0 * * *"), DAY),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_a_task_of_ours() {
        for entry in schedule() {
            assert!(crate::ALL.contains(&entry.name), "{}", entry.name);
            assert_eq!((entry.message)(Uuid::nil()).unwrap().task, entry.name);
        }
    }
}
