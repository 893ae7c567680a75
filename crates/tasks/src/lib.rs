//! One table of every task: payload, wire name, queue, retry policy; the worker roles; and the
//! beat schedule. Below both ends of the wire: no handlers, no I/O.
//!
//! # Adding a task
//! 1. Payload and `impl Task` in the file of its area, one line in [`ALL`].
//! 2. Its handler in `worker/src/<area>.rs`, and `.on(area::handler)` in `worker/src/registry.rs`
//!    (a test compares the registry with [`ALL`]).
//! 3. Periodic? One line in [`schedule::schedule`].
//!
//! Names, arguments and queues are those of the tasks contract §8: a wire name is never changed.

pub mod aggregation;
pub mod callbacks;
pub mod delivery;
pub mod headers;
pub mod housekeeping;
pub mod jobs;
pub mod leftovers;
pub mod letter_monitors;
pub mod letters;
pub mod monitoring;
pub mod printing;
pub mod queues;
pub mod receipts;
pub mod reports;
pub mod reserved;
pub mod retention;
pub mod roles;
pub mod schedule;
pub mod times;

pub use aggregation::{
    CreateNightlyBilling, CreateNightlyBillingForDay, CreateNightlyNotificationStatus,
    CreateNightlyNotificationStatusForServiceAndDay, CreateOrUpdateFtBillingForDay,
    CreateOrUpdateFtBillingLetterDespatchForDay, RunPopulateAnnualBilling,
    SaveDailyNotificationProcessingTime, UpdateFtBillingForToday,
};
pub use callbacks::{SendComplaint, SendDeliveryStatus, SendInboundSms, SendReturnedLetter};
pub use delivery::{DeliverEmail, DeliverSms, SendScheduledNotifications};
pub use housekeeping::{ReplayCreatedNotifications, TimeoutSendingNotifications};
pub use jobs::{
    CheckForMissingRowsInCompletedJobs, CheckJobStatus, ProcessIncompleteJobs, ProcessJob,
    RemoveLetterJobs, RemoveSmsEmailJobs, RunScheduledJobs, SaveEmail, SaveLetter, SaveSms,
    ShatterJobRows, UpdateStatusOfFullyProcessedJobs,
};
pub use leftovers::{
    ArchiveBatchedUnsubscribeRequests, ArchiveOldUnsubscribeRequests, ArchivePendingFiles,
    ArchiveUnsubscribeRequests, DeleteInboundSms, DeleteInvitations,
    DeleteOldRecordsFromEventsTable, DeleteVerifyCodes, RemoveArchivedTemplateEmailFilesFromS3,
};
pub use letter_monitors::{
    CheckIfLettersInTechnicalFailure, CheckIfLettersStillInCreated,
    CheckIfLettersStillPendingVirusCheck, CheckIfLettersStillPendingVirusCheckNightly,
    RaiseAlertIfLetterNotificationsStillSending,
};
pub use letters::{
    CreateFakeLetterCallback, GetPdfForTemplatedLetter, ProcessLetterCallback,
    ProcessReturnedLettersList, ProcessSanitisedLetter, ProcessVirusScanError,
    ProcessVirusScanFailed, ResanitiseLetterAttachment, ResanitisePdf, SanitiseLetter,
    UpdateBillableUnitsForLetter, UpdateValidationFailedForTemplatedLetter,
};
pub use monitoring::{
    CheckForLowAvailableInboundSmsNumbers, CheckForServicesWithHighFailureRates,
    GenerateSmsDeliveryStats, RaiseAlertIfEmailSmsStillInCreated,
    SwitchCurrentSmsProviderOnSlowDelivery, TendProvidersBackToMiddle,
};
pub use printing::{
    CheckTimeToCollateLetters, CollateLetterPdfsToBeSent, DeliverLetter, ShatterDeliverLettersTasks,
};
pub use queue::Task;
pub use receipts::{ProcessSesResult, ProcessSmsClientResponse};
pub use reports::{ProcessReportRequest, UpdateReportStatusToDeleted};
pub use retention::{
    DeleteEmailNotifications, DeleteLetterNotifications, DeleteNotificationsForServiceAndType,
    DeleteNotificationsOlderThanRetention, DeleteSmsNotifications,
    DeleteTestNotificationsForServiceAndType,
};

/// The wire name of every task that a worker of ours runs.
pub const ALL: &[&str] = &[
    DeliverSms::NAME,
    DeliverEmail::NAME,
    SendScheduledNotifications::NAME,
    ProcessSmsClientResponse::NAME,
    ProcessSesResult::NAME,
    SendDeliveryStatus::NAME,
    SendComplaint::NAME,
    SendInboundSms::NAME,
    SendReturnedLetter::NAME,
    ReplayCreatedNotifications::NAME,
    DeleteInboundSms::NAME,
    DeleteVerifyCodes::NAME,
    DeleteInvitations::NAME,
    DeleteOldRecordsFromEventsTable::NAME,
    ArchiveUnsubscribeRequests::NAME,
    ArchiveBatchedUnsubscribeRequests::NAME,
    ArchiveOldUnsubscribeRequests::NAME,
    ArchivePendingFiles::NAME,
    RemoveArchivedTemplateEmailFilesFromS3::NAME,
    GetPdfForTemplatedLetter::NAME,
    UpdateBillableUnitsForLetter::NAME,
    UpdateValidationFailedForTemplatedLetter::NAME,
    SanitiseLetter::NAME,
    ProcessVirusScanFailed::NAME,
    ProcessVirusScanError::NAME,
    ProcessSanitisedLetter::NAME,
    ResanitisePdf::NAME,
    ResanitiseLetterAttachment::NAME,
    ProcessLetterCallback::NAME,
    CreateFakeLetterCallback::NAME,
    ProcessReturnedLettersList::NAME,
    CheckIfLettersStillPendingVirusCheck::NAME,
    CheckIfLettersStillPendingVirusCheckNightly::NAME,
    ProcessJob::NAME,
    ShatterJobRows::NAME,
    SaveSms::NAME,
    SaveEmail::NAME,
    SaveLetter::NAME,
    ProcessIncompleteJobs::NAME,
    RunScheduledJobs::NAME,
    CheckJobStatus::NAME,
    CheckForMissingRowsInCompletedJobs::NAME,
    UpdateStatusOfFullyProcessedJobs::NAME,
    RemoveSmsEmailJobs::NAME,
    RemoveLetterJobs::NAME,
    CheckTimeToCollateLetters::NAME,
    CollateLetterPdfsToBeSent::NAME,
    ShatterDeliverLettersTasks::NAME,
    DeliverLetter::NAME,
    CheckIfLettersStillInCreated::NAME,
    CheckIfLettersInTechnicalFailure::NAME,
    RaiseAlertIfLetterNotificationsStillSending::NAME,
    TimeoutSendingNotifications::NAME,
    SwitchCurrentSmsProviderOnSlowDelivery::NAME,
    TendProvidersBackToMiddle::NAME,
    GenerateSmsDeliveryStats::NAME,
    RaiseAlertIfEmailSmsStillInCreated::NAME,
    CheckForServicesWithHighFailureRates::NAME,
    CheckForLowAvailableInboundSmsNumbers::NAME,
    CreateNightlyNotificationStatus::NAME,
    CreateNightlyNotificationStatusForServiceAndDay::NAME,
    CreateNightlyBilling::NAME,
    CreateOrUpdateFtBillingForDay::NAME,
    CreateNightlyBillingForDay::NAME,
    CreateOrUpdateFtBillingLetterDespatchForDay::NAME,
    UpdateFtBillingForToday::NAME,
    RunPopulateAnnualBilling::NAME,
    SaveDailyNotificationProcessingTime::NAME,
    DeleteNotificationsOlderThanRetention::NAME,
    DeleteEmailNotifications::NAME,
    DeleteSmsNotifications::NAME,
    DeleteLetterNotifications::NAME,
    DeleteNotificationsForServiceAndType::NAME,
    DeleteTestNotificationsForServiceAndType::NAME,
    ProcessReportRequest::NAME,
    UpdateReportStatusToDeleted::NAME,
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn no_name_is_used_twice() {
        let names: Vec<_> =
            super::ALL.iter().chain(super::reserved::ALL.iter().map(|(name, _)| name)).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    }
}
