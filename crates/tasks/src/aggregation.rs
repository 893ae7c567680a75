//! Daily statistics and bills (tasks contract §3.6).

use domain::{NotificationType, ServiceId};
use queue::{Call, Task};
use serde::{Deserialize, Serialize};

use crate::{queues, times::WireDate};

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
