//! Periodic repairs (tasks contract §3.8).

use std::time::Duration;

use queue::Task;
use serde::{Deserialize, Serialize};

use crate::queues;

/// Queues again what was accepted and never sent: emails and text messages still `created` after
/// an hour, with no attempt under way or due; and letters that still wait for their PDF. A skipped run
/// only delays the repair; a doubled one is harmless, because sending begins with a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayCreatedNotifications {}

impl Task for ReplayCreatedNotifications {
    const NAME: &'static str = "replay-created-notifications";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}

/// Ends emails and text messages that have waited three days for their receipt. A skipped run leaves
/// them to the next night; a doubled one finds them ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeoutSendingNotifications {}

impl Task for TimeoutSendingNotifications {
    const NAME: &'static str = "timeout-sending-notifications";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
    /// However many there are: about a thousand a second.
    const TIME_LIMIT: Duration = Duration::from_secs(1500);
}
