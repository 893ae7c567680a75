//! Looking after providers, and for what should not be (tasks contract §3.8).

use queue::Task;
use serde::{Deserialize, Serialize};

use crate::queues;

/// Lowers the priority of SMS providers whose messages arrive slowly, if others are faster. A
/// skipped run is made up for by the next; a doubled one finds that priorities changed just now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchCurrentSmsProviderOnSlowDelivery {}

impl Task for SwitchCurrentSmsProviderOnSlowDelivery {
    const NAME: &'static str = "switch-current-sms-provider-on-slow-delivery";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}

/// Moves SMS providers a step towards their resting points, if none has changed lately. A skipped
/// run delays that; a doubled one finds that priorities changed just now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TendProvidersBackToMiddle {}

impl Task for TendProvidersBackToMiddle {
    const NAME: &'static str = "tend-providers-back-to-middle";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}

/// Measures how fast text messages arrive. A skipped run leaves a gap in the metrics; a doubled one
/// measures the same, and a minute is counted once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerateSmsDeliveryStats {}

impl Task for GenerateSmsDeliveryStats {
    const NAME: &'static str = "generate-sms-delivery-stats";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}

/// Calls for operators when messages are still `created` after an hour. A skipped run leaves it to
/// the next; a doubled one says it twice in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RaiseAlertIfEmailSmsStillInCreated {}

impl Task for RaiseAlertIfEmailSmsStillInCreated {
    const NAME: &'static str = "raise-alert-if-email-sms-still-in-created";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}

/// Calls for operators when text messages of a live service fail, or go to numbers that belong to
/// nobody. A skipped run looks on the next working day; a doubled one makes no second ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckForServicesWithHighFailureRates {}

impl Task for CheckForServicesWithHighFailureRates {
    const NAME: &'static str =
        "check-for-services-with-high-failure-rates-or-sending-to-tv-numbers";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}

/// Calls for operators when few numbers are left for services that receive text messages. A skipped
/// run looks again after a week; a doubled one makes no second ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckForLowAvailableInboundSmsNumbers {}

impl Task for CheckForLowAvailableInboundSmsNumbers {
    const NAME: &'static str = "check-for-low-available-inbound-sms-numbers";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}
