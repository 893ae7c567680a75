//! Sending (tasks contract §3.1).

use std::time::Duration;

use domain::NotificationId;
use queue::{Retry, Task};
use serde::{Deserialize, Serialize};

use crate::queues;

/// How long one attempt to send may take. Providers are given 10 s to connect and 10 s to answer.
pub const SEND_TIME_LIMIT: Duration = Duration::from_secs(60);

/// Sends one text message through a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliverSms {
    /// The message to send.
    pub notification_id: NotificationId,
}

impl Task for DeliverSms {
    const NAME: &'static str = "deliver_sms";
    const QUEUE: &'static str = queues::SEND_SMS;
    const ARGS: &'static [&'static str] = &["notification_id"];
    const RETRY: Retry =
        Retry::every(Duration::from_secs(300), 48).first_after(Duration::ZERO).on(queues::RETRY);
    const TIME_LIMIT: Duration = SEND_TIME_LIMIT;
}

/// Queues the messages whose time has come. Not Notify's. A skipped run leaves them to the next, a minute
/// later; a doubled one finds them queued.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendScheduledNotifications {}

impl Task for SendScheduledNotifications {
    const NAME: &'static str = "send-scheduled-notifications";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}

/// Sends one email through a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliverEmail {
    /// The message to send.
    pub notification_id: NotificationId,
}

impl Task for DeliverEmail {
    const NAME: &'static str = "deliver_email";
    const QUEUE: &'static str = queues::SEND_EMAIL;
    const ARGS: &'static [&'static str] = &["notification_id"];
    const RETRY: Retry = Retry::every(Duration::from_secs(300), 48).on(queues::RETRY);
    const TIME_LIMIT: Duration = SEND_TIME_LIMIT;
}
