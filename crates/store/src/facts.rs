//! What both kinds of daily facts, status and billing, have in common.
//!
//! Facts are replaced as a whole for one day, type and service, in one transaction: [`lock`], delete,
//! insert. So none is left behind, running twice changes nothing, and two at once wait for each other.

use deadpool_postgres::GenericClient;
use domain::{NotificationType, ServiceId, london::Day};

use crate::Error;

/// What is replaced together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portion {
    /// The London day on which the messages were accepted.
    pub day: Day,
    /// Their channel.
    pub channel: NotificationType,
    /// Their service.
    pub service_id: ServiceId,
}

/// The tables of facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Facts {
    /// `ft_notification_status`
    Status,
    /// `ft_billing`
    Billing,
    /// `ft_billing_letter_despatch`
    Despatch,
}

/// Makes this transaction the only one that replaces these facts, until it ends; and has it group
/// by hashing: a sort of many rows would go to the disk.
///
/// # Errors
/// Database errors only.
pub async fn lock(tx: &impl GenericClient, facts: Facts, portion: &Portion) -> Result<(), Error> {
    let Portion { day, channel, service_id } = portion;
    lock_name(tx, &format!("{facts:?} {} {channel} {service_id}", day.date)).await
}

/// The same for facts of a day that are not divided by service.
///
/// # Errors
/// Database errors only.
pub async fn lock_day(tx: &impl GenericClient, facts: Facts, day: Day) -> Result<(), Error> {
    lock_name(tx, &format!("{facts:?} {}", day.date)).await
}

async fn lock_name(tx: &impl GenericClient, name: &str) -> Result<(), Error> {
    let sql = tx
        .prepare_cached(
            "-- facts.lock
        SELECT pg_advisory_xact_lock(hashtextextended($1, 0)),
               set_config('enable_sort', 'off', true),
               set_config('plan_cache_mode', 'force_custom_plan', true)",
        )
        .await?;
    tx.execute(&sql, &[&name]).await?;
    Ok(())
}
