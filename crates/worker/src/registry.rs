//! Every task with its handler.

use queue::Registry;

use crate::{Context, callbacks, delivery, housekeeping, monitoring, receipts};

/// The handlers of all tasks; and the names we know and do not run.
#[must_use]
pub fn registry(context: Context) -> Registry<Context> {
    let registry = Registry::new(context)
        .on(delivery::sms)
        .on_exhausted(delivery::give_up_sms)
        .on(delivery::email)
        .on_exhausted(delivery::give_up_email)
        .on(receipts::sms)
        .on(receipts::ses)
        .on(callbacks::delivery_status)
        .on(callbacks::complaint)
        .on(callbacks::inbound_sms)
        .on(callbacks::returned_letter)
        .on(housekeeping::replay_created_notifications)
        .on(housekeeping::timeout_sending_notifications)
        .on(monitoring::switch_on_slow_delivery)
        .on(monitoring::tend_providers)
        .on(monitoring::sms_delivery_stats)
        .on(monitoring::still_in_created)
        .on(monitoring::failure_rates)
        .on(monitoring::inbound_numbers);
    tasks::reserved::ALL
        .iter()
        .fold(registry, |registry, (name, reason)| registry.reserve(name, reason))
}
