//! Deleting and archiving what is kept for a while (tasks contract §3.7). Each task does whatever is due
//! when it runs.

use domain::ServiceId;
use queue::Task;
use serde::{Deserialize, Serialize};

use crate::queues;

/// Archives received texts past their service's retention. A skipped run leaves them to the next night;
/// a doubled one finds none left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteInboundSms {}

impl Task for DeleteInboundSms {
    const NAME: &'static str = "delete-inbound-sms";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}

/// Deletes sign-in codes and idempotency keys older than a day. A skipped run leaves them for an hour
/// more, of no use to anybody; a doubled one finds none left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteVerifyCodes {}

impl Task for DeleteVerifyCodes {
    const NAME: &'static str = "delete-verify-codes";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}

/// Deletes invitations older than two days. A skipped run leaves them for an hour more; a doubled one
/// finds none left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteInvitations {}

impl Task for DeleteInvitations {
    const NAME: &'static str = "delete-invitations";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}

/// Deletes events older than 52 weeks. A skipped run leaves them to the next night; a doubled one finds
/// none left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteOldRecordsFromEventsTable {}

impl Task for DeleteOldRecordsFromEventsTable {
    const NAME: &'static str = "delete-old-records-from-events-table";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}

/// Fans out the archiving of unsubscribe requests: children for each service that has old ones. A
/// skipped run leaves them to the next night; a doubled one has children that find none left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveUnsubscribeRequests {}

impl Task for ArchiveUnsubscribeRequests {
    const NAME: &'static str = "archive-unsubscribe-requests";
    const QUEUE: &'static str = queues::REPORTING;
    const ARGS: &'static [&'static str] = &[];
}

/// Archives a service's unsubscribe requests that are in reports older than 7 days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveBatchedUnsubscribeRequests {
    /// The service.
    pub service_id: ServiceId,
}

impl Task for ArchiveBatchedUnsubscribeRequests {
    const NAME: &'static str = "archive-batched-unsubscribe-requests";
    const QUEUE: &'static str = queues::REPORTING;
    const ARGS: &'static [&'static str] = &["service_id"];
}

/// Archives a service's unsubscribe requests that are older than 90 days and in no report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveOldUnsubscribeRequests {
    /// The service.
    pub service_id: ServiceId,
}

impl Task for ArchiveOldUnsubscribeRequests {
    const NAME: &'static str = "archive-old-unsubscribe-requests";
    const QUEUE: &'static str = queues::REPORTING;
    const ARGS: &'static [&'static str] = &["service_id"];
}

/// Archives uploads for email templates that were not put into their template within a day. A skipped run
/// leaves them to the next night; a doubled one finds none left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivePendingFiles {}

impl Task for ArchivePendingFiles {
    const NAME: &'static str = "archive-pending-files";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}

/// Removes files of email templates that were archived two weeks ago. Each run looks at those of
/// three days: so two in a row may be skipped; a doubled one finds them removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveArchivedTemplateEmailFilesFromS3 {}

impl Task for RemoveArchivedTemplateEmailFilesFromS3 {
    const NAME: &'static str = "remove-archived-template-email-files-from-s3";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}
