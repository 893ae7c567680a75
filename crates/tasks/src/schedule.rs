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
    UpdateFtBillingForToday, UpdateReportStatusToDeleted, UpdateStatusOfFullyProcessedJobs,
    leftovers::{
        ArchivePendingFiles, ArchiveUnsubscribeRequests, DeleteInboundSms, DeleteInvitations,
        DeleteOldRecordsFromEventsTable, DeleteVerifyCodes, RemoveArchivedTemplateEmailFilesFromS3,
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
        entry::<ArchiveUnsubscribeRequests>(When::Cron("5 0 * * *"), DAY),
        entry::<ArchivePendingFiles>(When::Cron("33 3 * * *"), DAY),
        entry::<RemoveArchivedTemplateEmailFilesFromS3>(When::Cron("40 4 * * *"), DAY),
        entry::<UpdateReportStatusToDeleted>(When::Cron("0 2 * * *"), DAY),
        // every night at three, after the night's figures
        entry::<DeleteNotificationsOlderThanRetention>(When::Cron("0 3 * * *"), DAY),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The entries that tasks contract §8 gives to us from the start.
    const CONTRACT: [(&str, &str); 34] = [
        ("archive-pending-files", "33 3 * * *"),
        ("archive-unsubscribe-requests", "5 0 * * *"),
        ("check-for-low-available-inbound-sms-numbers", "0 9 * * mon"),
        ("check-for-missing-rows-in-completed-jobs", "*/10 * * * *"),
        (
            "check-for-services-with-high-failure-rates-or-sending-to-tv-numbers",
            "30 10 * * mon-fri",
        ),
        ("check-if-letters-in-technical-failure", "0 7 * * *"),
        ("check-if-letters-still-in-created", "0 7 * * mon-fri"),
        ("check-if-letters-still-pending-virus-check", "*/10 * * * *"),
        ("check-if-letters-still-pending-virus-check-nightly", "0 20 * * *"),
        ("check-job-status", "* * * * *"),
        ("collate-letter-pdfs-to-be-sent", "50 17 * * *"),
        ("create-nightly-billing", "15 0 * * *"),
        ("create-nightly-notification-status", "30 0 * * *"),
        ("delete-inbound-sms", "40 1 * * *"),
        ("delete-invitations", "every 66 min"),
        ("delete-notifications-older-than-retention", "0 3 * * *"),
        ("delete-old-records-from-events-table", "4 3 * * *"),
        ("delete-verify-codes", "every 63 min"),
        ("generate-sms-delivery-stats", "* * * * *"),
        ("raise-alert-if-email-sms-still-in-created", "30 * * * *"),
        ("raise-alert-if-letter-notifications-still-sending", "0 19 * * *"),
        ("remove-archived-template-email-files-from-s3", "40 4 * * *"),
        ("remove_letter_jobs", "20 4 * * *"),
        ("remove_sms_email_jobs", "0 4 * * *"),
        ("replay-created-notifications", "0,15,30,45 * * * *"),
        ("run-populate-annual-billing", "1 2 1 4 *"),
        ("run-scheduled-jobs", "0,15,30,45 * * * *"),
        ("save-daily-notification-processing-time", "0 2 * * *"),
        ("switch-current-sms-provider-on-slow-delivery", "* * * * *"),
        ("tend-providers-back-to-middle", "*/5 * * * *"),
        ("timeout-sending-notifications", "5 0 * * *"),
        ("update-ft-billing-for-today", "0 * * * *"),
        ("update-report-status-to-deleted", "0 2 * * *"),
        ("update-status-of-fully-processed-jobs", "* * * * *"),
    ];

    #[test]
    fn the_schedule_is_the_contracts() {
        let shown = |when: When| match when {
            When::Cron(fields) => fields.to_owned(),
            When::Every(period) => format!("every {} min", period.as_secs() / 60),
        };
        let mut ours: Vec<_> =
            schedule().iter().map(|entry| (entry.name, shown(entry.when))).collect();
        ours.sort_unstable();
        // The one extension that needs the scheduler.
        let extension = ("send-scheduled-notifications", "* * * * *".to_owned());
        ours.remove(ours.iter().position(|entry| *entry == extension).unwrap());
        assert_eq!(ours, CONTRACT.map(|(name, when)| (name, when.to_owned())));
    }

    #[test]
    fn no_entry_is_due_only_in_the_last_hour_of_a_day() {
        for entry in schedule() {
            let When::Cron(fields) = entry.when else { continue };
            assert_ne!(fields.split(' ').nth(1), Some("23"), "{}", entry.name);
        }
    }

    #[test]
    fn every_entry_is_a_task_of_ours() {
        for entry in schedule() {
            assert!(crate::ALL.contains(&entry.name), "{}", entry.name);
            assert_eq!((entry.message)(Uuid::nil()).unwrap().task, entry.name);
        }
    }
}
