//! The day's letters go to the printer (tasks contract §3.1 and §3.4, letters contract §6).

use std::time::Duration;

use domain::NotificationId;
use queue::{Call, Retry, Task};
use serde::{Deserialize, Serialize};

use crate::{delivery::SEND_TIME_LIMIT, queues};

/// Has the day's letters collated, if it is ten to six in London: for peers whose clocks know only UTC
/// and that ask twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckTimeToCollateLetters {}

impl Task for CheckTimeToCollateLetters {
    const NAME: &'static str = "check-time-to-collate-letters";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}

/// Sends the day's letters on their way to the printer, and tells it their volumes. A skipped run is
/// made up for by the next day's; a doubled one prints nothing twice and tells nobody again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollateLetterPdfsToBeSent {
    /// Letters accepted before then: naive UTC, ISO 8601. Without it the last half past five in
    /// London.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub print_run_deadline_utc: Option<String>,
}

impl Task for CollateLetterPdfsToBeSent {
    const NAME: &'static str = "collate-letter-pdfs-to-be-sent";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &["print_run_deadline_utc"];
    const TIME_LIMIT: Duration = Duration::from_secs(1200);
}

/// Queues letters for the printer, one message each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShatterDeliverLettersTasks {
    /// The letters.
    pub notification_ids: Vec<NotificationId>,
}

impl Task for ShatterDeliverLettersTasks {
    const NAME: &'static str = "shatter-deliver-letters-tasks";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &["notification_ids"];
}

/// Hands one letter to the printer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliverLetter {
    /// The letter.
    pub notification_id: NotificationId,
}

impl Task for DeliverLetter {
    const NAME: &'static str = "deliver_letter";
    const QUEUE: &'static str = queues::SEND_LETTER;
    const ARGS: &'static [&'static str] = &["notification_id"];
    const CALL: Call = Call::Keywords;
    const RETRY: Retry = Retry::every(Duration::from_secs(180), 55);
    const TIME_LIMIT: Duration = SEND_TIME_LIMIT;
}
