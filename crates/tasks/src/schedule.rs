//! What beat publishes, and when (tasks contract §4 and §8).

use std::time::Duration;

use queue::{EncodeError, Envelope, Task, Trace};
use uuid::Uuid;

use crate::{
    CheckForMissingRowsInCompletedJobs, CheckIfLettersInTechnicalFailure,
    CheckIfLettersStillInCreated, CheckIfLettersStillPendingVirusCheck,
    CheckIfLettersStillPendingVirusCheckNightly, CheckJobStatus, CollateLetterPdfsToBeSent,
    CreateNightlyBilling, CreateNightlyNotificationStatus, DeleteNotificationsOlderThanRetention,
    RaiseAlertIfLetterNotificationsStillSending, RemoveLetterJobs, RemoveSmsEmailJobs,
    ReplayCreatedNotifications, RunPopulateAnnualBilling, RunScheduledJobs,
    SaveDailyNotificationProcessingTime, SendScheduledNotifications, TimeoutSendingNotifications,
    UpdateFtBillingForToday, UpdateStatusOfFullyProcessedJobs,
    leftovers::{
        DeleteInboundSms, DeleteInvitations, DeleteOldRecordsFromEventsTable, DeleteVerifyCodes,
    },
    monitoring::{
        CheckForLowAvailableInboundSmsNumbers, CheckForServicesWithHighFailureRates,
        GenerateSmsDeliveryStats, RaiseAlertIfEmailSmsStillInCreated,
        SwitchCurrentSmsProviderOnSlowDelivery, TendProvidersBackToMiddle,
    },
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
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The whole schedule.
#[must_use]
pub fn schedule() -> Vec<Entry> {
    vec![
        // every quarter of an hour
        entry::<ReplayCreatedNotifications>(When::Cron("0,15,30,45 * * * *"), 15 * MINUTE),
        // every quarter of an hour
        entry::<RunScheduledJobs>(When::Cron("0,15,30,45 * * * *"), 15 * MINUTE),
        // every minute
        entry::<SendScheduledNotifications>(When::Cron("* * * * *"), MINUTE),
        entry::<CheckJobStatus>(When::Cron("* * * * *"), MINUTE),
        entry::<UpdateStatusOfFullyProcessedJobs>(When::Cron("* * * * *"), MINUTE),
        // every ten minutes
        entry::<CheckForMissingRowsInCompletedJobs>(When::Cron("*/10 * * * *"), 10 * MINUTE),
        entry::<CheckIfLettersStillPendingVirusCheck>(When::Cron("*/10 * * * *"), 10 * MINUTE),
        // at four in the night, and at twenty past
        entry::<RemoveSmsEmailJobs>(When::Cron("0 4 * * *"), DAY),
        entry::<RemoveLetterJobs>(When::Cron("20 4 * * *"), DAY),
        // at seven in the morning; the first on weekdays
        entry::<CheckIfLettersStillInCreated>(When::Cron("0 7 * * mon-fri"), DAY),
        entry::<CheckIfLettersInTechnicalFailure>(When::Cron("0 7 * * *"), DAY),
        // at ten to six
        entry::<CollateLetterPdfsToBeSent>(When::Cron("50 17 * * *"), DAY),
        // at seven in the evening
        entry::<RaiseAlertIfLetterNotificationsStillSending>(When::Cron("0 19 * * *"), DAY),
        // at eight in the evening
        entry::<CheckIfLettersStillPendingVirusCheckNightly>(When::Cron("0 20 * * *"), DAY),
        // every night, before the night's figures are made
        entry::<TimeoutSendingNotifications>(When::Cron("5 0 * * *"), DAY),
        // every minute
        entry::<SwitchCurrentSmsProviderOnSlowDelivery>(When::Cron("* * * * *"), MINUTE),
        // every minute
        entry::<GenerateSmsDeliveryStats>(When::Cron("* * * * *"), MINUTE),
        // every five minutes
        entry::<TendProvidersBackToMiddle>(When::Cron("*/5 * * * *"), 5 * MINUTE),
        // every hour
        entry::<RaiseAlertIfEmailSmsStillInCreated>(When::Cron("30 * * * *"), 60 * MINUTE),
        // every working day
        entry::<CheckForServicesWithHighFailureRates>(When::Cron("30 10 * * mon-fri"), DAY),
        // every Monday
        entry::<CheckForLowAvailableInboundSmsNumbers>(When::Cron("0 9 * * mon"), 7 * DAY),
        // every hour
        entry::<UpdateFtBillingForToday>(When::Cron("0 * * * *"), 60 * MINUTE),
        // on the first morning of a financial year
        entry::<RunPopulateAnnualBilling>(When::Cron("1 2 1 4 *"), 7 * DAY),
        // every night, after the time-outs
        entry::<CreateNightlyBilling>(When::Cron("15 0 * * *"), DAY),
        entry::<CreateNightlyNotificationStatus>(When::Cron("30 0 * * *"), DAY),
        entry::<SaveDailyNotificationProcessingTime>(When::Cron("0 2 * * *"), DAY),
        // about every hour
        entry::<DeleteVerifyCodes>(When::Every(63 * MINUTE), 63 * MINUTE),
        entry::<DeleteInvitations>(When::Every(66 * MINUTE), 66 * MINUTE),
        // every night
        entry::<DeleteInboundSms>(When::Cron("40 1 * * *"), DAY),
        entry::<DeleteOldRecordsFromEventsTable>(When::Cron("4 3 * * *"), DAY),
        // every night at three, after the night's figures
        entry::<DeleteNotificationsOlderThanRetention>(When::Cron("0 3 * * *"), DAY),
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
