//! Deleting what is kept for a while (tasks contract §3.7). Each task does whatever is due when it runs: a
//! skipped run leaves it to the next, a doubled one finds it done.

use queue::Task;
use serde::{Deserialize, Serialize};

use crate::queues;

/// Archives received texts past their service's retention.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteInboundSms {}

impl Task for DeleteInboundSms {
    const NAME: &'static str = "delete-inbound-sms";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}

/// Deletes sign-in codes and idempotency keys older than a day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteVerifyCodes {}

impl Task for DeleteVerifyCodes {
    const NAME: &'static str = "delete-verify-codes";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}

/// Deletes invitations older than two days.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteInvitations {}

impl Task for DeleteInvitations {
    const NAME: &'static str = "delete-invitations";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}

/// Deletes events older than 52 weeks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteOldRecordsFromEventsTable {}

impl Task for DeleteOldRecordsFromEventsTable {
    const NAME: &'static str = "delete-old-records-from-events-table";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}
