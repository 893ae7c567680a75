//! Every task with its handler.

use queue::Registry;

use crate::{Context, aggregation, callbacks, delivery, housekeeping, receipts};

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
        .on(housekeeping::replay_created_notifications)
        .on(aggregation::nightly_status)
        .on(aggregation::status)
        .on(aggregation::nightly_billing)
        .on(aggregation::billing)
        .on(aggregation::billing_by_its_old_name)
        .on(aggregation::despatch_billing)
        .on(aggregation::billing_of_today)
        .on(aggregation::annual_billing);
    tasks::reserved::ALL
        .iter()
        .fold(registry, |registry, (name, reason)| registry.reserve(name, reason))
}
