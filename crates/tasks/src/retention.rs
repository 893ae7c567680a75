//! Messages past their service's retention (tasks contract §6.2).

use domain::{NotificationType, ServiceId};
use queue::{Call, Task};
use serde::{Deserialize, Serialize};

use crate::{queues, times::WireTime};

/// Starts the removal of old messages, one task for each channel. A skipped run leaves them to the
/// next night; a doubled one finds nothing left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteNotificationsOlderThanRetention {}

impl Task for DeleteNotificationsOlderThanRetention {
    const NAME: &'static str = "delete-notifications-older-than-retention";
    const QUEUE: &'static str = queues::REPORTING;
    const ARGS: &'static [&'static str] = &[];
}

/// Fans out the removal of emails: a child for each service that has some past its retention.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteEmailNotifications {}

impl Task for DeleteEmailNotifications {
    const NAME: &'static str = "delete-email-notifications";
    const QUEUE: &'static str = queues::REPORTING;
    const ARGS: &'static [&'static str] = &[];
}

/// The same for text messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteSmsNotifications {}

impl Task for DeleteSmsNotifications {
    const NAME: &'static str = "delete-sms-notifications";
    const QUEUE: &'static str = queues::REPORTING;
    const ARGS: &'static [&'static str] = &[];
}

/// The same for letters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteLetterNotifications {}

impl Task for DeleteLetterNotifications {
    const NAME: &'static str = "delete-letter-notifications";
    const QUEUE: &'static str = queues::REPORTING;
    const ARGS: &'static [&'static str] = &[];
}

/// Moves one batch of a service's old messages of a channel to the history, and asks for the next;
/// after the last one, for the removal of those of test keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteNotificationsForServiceAndType {
    /// The service.
    pub service_id: ServiceId,
    /// The channel.
    pub notification_type: NotificationType,
    /// Messages accepted before this go: a midnight in London, the same for every batch.
    pub datetime_to_delete_before: WireTime,
}

impl Task for DeleteNotificationsForServiceAndType {
    const NAME: &'static str = "delete-notifications-for-service-and-type";
    const QUEUE: &'static str = queues::REPORTING;
    const ARGS: &'static [&'static str] =
        &["service_id", "notification_type", "datetime_to_delete_before"];
    const CALL: Call = Call::Keywords;
}

/// Deletes one batch of a service's old messages of test keys, and asks for the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteTestNotificationsForServiceAndType {
    /// The service.
    pub service_id: ServiceId,
    /// The channel.
    pub notification_type: NotificationType,
    /// Messages accepted before this go.
    pub datetime_to_delete_before: WireTime,
}

impl Task for DeleteTestNotificationsForServiceAndType {
    const NAME: &'static str = "delete-test-notifications-for-service-and-type";
    const QUEUE: &'static str = queues::REPORTING;
    const ARGS: &'static [&'static str] =
        &["service_id", "notification_type", "datetime_to_delete_before"];
    const CALL: Call = Call::Keywords;
}
