//! Every task with its handler.

use queue::Registry;

use crate::{
    Context, aggregation, callbacks, delivery, housekeeping, jobs, letter_monitors, letters,
    monitoring, printing, receipts,
};

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
        .on(letters::get_pdf)
        .on_exhausted(letters::give_up_pdf)
        .on(letters::billable_units)
        .on(letters::validation_failed)
        .on(letters::sanitise)
        .on_exhausted(letters::give_up_sanitise)
        .on(letters::sanitised)
        .on_exhausted(letters::give_up_sanitised)
        .on(letters::virus_found)
        .on(letters::scan_failed)
        .on(letters::resanitise)
        .on(letters::resanitise_attachment)
        .on(letters::printer_word)
        .on(letters::play_printer)
        .on(letters::returned)
        .on(letter_monitors::pending_virus_check)
        .on(letter_monitors::pending_virus_check_nightly)
        .on(jobs::process)
        .on(jobs::shatter)
        .on(jobs::resume)
        .on(jobs::save_sms)
        .on(jobs::save_email)
        .on(jobs::save_letter)
        .on(jobs::run_scheduled)
        .on(jobs::check_status)
        .on(jobs::missing_rows)
        .on(jobs::complete)
        .on(jobs::remove_sms_email)
        .on(jobs::remove_letter)
        .on(printing::check_time)
        .on(printing::collate)
        .on(printing::shatter)
        .on(printing::deliver)
        .on_exhausted(printing::give_up)
        .on(letter_monitors::still_created)
        .on(letter_monitors::in_technical_failure)
        .on(letter_monitors::still_sending)
        .on(callbacks::complaint)
        .on(callbacks::inbound_sms)
        .on(callbacks::returned_letter)
        .on(housekeeping::timeout_sending_notifications)
        .on(monitoring::switch_on_slow_delivery)
        .on(monitoring::tend_providers)
        .on(monitoring::sms_delivery_stats)
        .on(monitoring::still_in_created)
        .on(monitoring::failure_rates)
        .on(monitoring::inbound_numbers)
        .on(aggregation::nightly_status)
        .on(aggregation::status);
    tasks::reserved::ALL
        .iter()
        .fold(registry, |registry, (name, reason)| registry.reserve(name, reason))
}
