//! Looking after providers, and for what should not be (tasks contract §3.8).

use queue::{Attempt, TaskResult};
use tasks::monitoring::{
    CheckForLowAvailableInboundSmsNumbers, CheckForServicesWithHighFailureRates,
    GenerateSmsDeliveryStats, RaiseAlertIfEmailSmsStillInCreated,
    SwitchCurrentSmsProviderOnSlowDelivery, TendProvidersBackToMiddle,
};
use tracing::info;

use crate::Context;

/// `switch-current-sms-provider-on-slow-delivery`: slow SMS providers give way.
pub async fn switch_on_slow_delivery(
    ctx: Context,
    _task: SwitchCurrentSmsProviderOnSlowDelivery,
    _: Attempt,
) -> TaskResult {
    let changed = ctx.app().switch_on_slow_delivery().await?;
    info!(changed, "the speed of SMS providers was compared");
    Ok(())
}

/// `tend-providers-back-to-middle`: SMS providers go back to where they rest.
pub async fn tend_providers(
    ctx: Context,
    _task: TendProvidersBackToMiddle,
    _: Attempt,
) -> TaskResult {
    let changed = ctx.app().tend_providers().await?;
    info!(changed, "SMS providers were tended");
    Ok(())
}

/// `generate-sms-delivery-stats`: measures how fast text messages arrive.
pub async fn sms_delivery_stats(
    ctx: Context,
    _task: GenerateSmsDeliveryStats,
    _: Attempt,
) -> TaskResult {
    Ok(ctx.app().measure_sms_delivery().await?)
}

/// `raise-alert-if-email-sms-still-in-created`: tells of messages that nobody sends.
pub async fn still_in_created(
    ctx: Context,
    _task: RaiseAlertIfEmailSmsStillInCreated,
    _: Attempt,
) -> TaskResult {
    Ok(ctx.app().check_still_created().await?)
}

/// `check-for-services-with-high-failure-rates-or-sending-to-tv-numbers`: tells of services
/// whose text messages fail or go to nobody.
pub async fn failure_rates(
    ctx: Context,
    _task: CheckForServicesWithHighFailureRates,
    _: Attempt,
) -> TaskResult {
    Ok(ctx.app().check_failure_rates().await?)
}

/// `check-for-low-available-inbound-sms-numbers`: tells when numbers run out.
pub async fn inbound_numbers(
    ctx: Context,
    _task: CheckForLowAvailableInboundSmsNumbers,
    _: Attempt,
) -> TaskResult {
    Ok(ctx.app().check_free_inbound_numbers().await?)
}
