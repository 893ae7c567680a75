//! Daily statistics and bills (tasks contract §3.6).

use std::time::Duration;

use domain::{NotificationType, ServiceId};
use queue::{Call, Task};
use serde::{Deserialize, Serialize};

use crate::{queues, times::WireDate};

/// How long one day's bill may take; far below the time after which the broker takes a message back.
const DAY_LIMIT: Duration = Duration::from_secs(20 * 60);

/// Fans out the counting of statuses: for each channel and each of its last days (4, letters 10), a
/// child for each service that has something to count. A skipped run is made up for by the next
/// night's, whose days overlap; a doubled one counts the same again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateNightlyNotificationStatus {}

impl Task for CreateNightlyNotificationStatus {
    const NAME: &'static str = "create-nightly-notification-status";
    const QUEUE: &'static str = queues::REPORTING;
    const ARGS: &'static [&'static str] = &[];
}

/// Counts one service's messages of one channel and day by status, and replaces its facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateNightlyNotificationStatusForServiceAndDay {
    /// The London day.
    pub process_day: WireDate,
    /// The service.
    pub service_id: ServiceId,
    /// The channel.
    pub notification_type: NotificationType,
}

impl Task for CreateNightlyNotificationStatusForServiceAndDay {
    const NAME: &'static str = "create-nightly-notification-status-for-service-and-day";
    const QUEUE: &'static str = queues::REPORTING;
    const ARGS: &'static [&'static str] = &["process_day", "service_id", "notification_type"];
    const CALL: Call = Call::Keywords;
}

/// Fans out the bills: a child for each of the last days, and one for the letters despatched on it.
/// A skipped run is made up for by the next night's, whose days overlap; a doubled one bills the same
/// again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateNightlyBilling {
    /// The last of the days; yesterday unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_start: Option<WireDate>,
    /// How many days, going back.
    #[serde(default = "ten_days")]
    pub n_days: u16,
}

const fn ten_days() -> u16 {
    10
}

impl Default for CreateNightlyBilling {
    fn default() -> Self {
        Self { day_start: None, n_days: ten_days() }
    }
}

impl Task for CreateNightlyBilling {
    const NAME: &'static str = "create-nightly-billing";
    const QUEUE: &'static str = queues::REPORTING;
    const ARGS: &'static [&'static str] = &["day_start"];
    const CALL: Call = Call::Keywords;
}

/// Bills the messages of a day: every service and channel, unless one is named. Each service and
/// channel is replaced in a transaction of its own; those with more than 100,000 messages by tasks of
/// their own, which name them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateOrUpdateFtBillingForDay {
    /// The London day.
    pub process_day: WireDate,
    /// Only this channel. Ours: a peer's worker would not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_type: Option<NotificationType>,
    /// Only this service. Ours, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_id: Option<ServiceId>,
}

impl Task for CreateOrUpdateFtBillingForDay {
    const NAME: &'static str = "create-or-update-ft-billing-for-day";
    const QUEUE: &'static str = queues::REPORTING;
    const ARGS: &'static [&'static str] = &["process_day"];
    const CALL: Call = Call::Keywords;
    const TIME_LIMIT: Duration = DAY_LIMIT;
}

/// The old name of [`CreateOrUpdateFtBillingForDay`]. We never send it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateNightlyBillingForDay {
    /// The London day.
    pub process_day: WireDate,
}

impl Task for CreateNightlyBillingForDay {
    const NAME: &'static str = "create-nightly-billing-for-day";
    const QUEUE: &'static str = queues::REPORTING;
    const ARGS: &'static [&'static str] = &["process_day"];
    const CALL: Call = Call::Keywords;
    const TIME_LIMIT: Duration = DAY_LIMIT;
}

/// Bills the letters that were despatched on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateOrUpdateFtBillingLetterDespatchForDay {
    /// The London day.
    pub process_day: WireDate,
}

impl Task for CreateOrUpdateFtBillingLetterDespatchForDay {
    const NAME: &'static str = "create-or-update-ft-billing-letter-despatch-for-day";
    const QUEUE: &'static str = queues::REPORTING;
    const ARGS: &'static [&'static str] = &["process_day"];
    const CALL: Call = Call::Keywords;
}

/// Bills the messages of today so far, and notes when that was, for the usage pages. A skipped run
/// leaves them an hour behind; a doubled one bills the same again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateFtBillingForToday {}

impl Task for UpdateFtBillingForToday {
    const NAME: &'static str = "update-ft-billing-for-today";
    const QUEUE: &'static str = queues::REPORTING;
    const ARGS: &'static [&'static str] = &[];
    const TIME_LIMIT: Duration = DAY_LIMIT;
}

/// Decides the free allowance of the new financial year for every active service that has none. A
/// skipped run leaves that to whoever first asks for a service's; a doubled one finds nothing to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunPopulateAnnualBilling {}

impl Task for RunPopulateAnnualBilling {
    const NAME: &'static str = "run-populate-annual-billing";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}

/// Counts how many of a day's messages a provider had within ten seconds. A skipped run leaves that
/// day out, until somebody asks for it; a doubled one counts the same again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaveDailyNotificationProcessingTime {
    /// The London day; yesterday unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bst_date: Option<WireDate>,
}

impl Task for SaveDailyNotificationProcessingTime {
    const NAME: &'static str = "save-daily-notification-processing-time";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &["bst_date"];
    const CALL: Call = Call::Keywords;
}
