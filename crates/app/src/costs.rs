//! What notifications cost (public API contract §2.6).

use std::sync::Arc;

use domain::{NotificationStatus, NotificationType};
use rust_decimal::Decimal;
use store::notifications::Notification;

use crate::{App, Error, caches::get_or_load};

/// What a notification costs, in pounds.
#[derive(Clone, Debug, PartialEq)]
pub enum Cost {
    /// Emails cost nothing.
    Email,
    /// A text message.
    Sms {
        /// Parts that it is billed as.
        fragments: i32,
        /// How many times the rate a part costs there.
        multiplier: Decimal,
        /// The rate when it was accepted.
        rate: Decimal,
        /// All of it.
        total: Decimal,
    },
    /// A letter.
    Letter {
        /// Sheets of paper.
        sheets: i32,
        /// How it is posted.
        postage: Option<String>,
        /// The rate when it was accepted.
        total: Decimal,
    },
}

impl App {
    /// What a notification costs; `None` while that is not known.
    pub(crate) async fn cost(&self, found: &Notification) -> Result<Option<Cost>, Error> {
        let is_counted = found.status != NotificationStatus::Created || found.billable_units != 0;
        match found.notification_type {
            NotificationType::Email => Ok(Some(Cost::Email)),
            NotificationType::Sms if is_counted => self.sms_cost(found).await,
            NotificationType::Letter
                if is_counted && found.status != NotificationStatus::PendingVirusCheck =>
            {
                Ok(Some(self.letter_cost(found).await?))
            }
            NotificationType::Sms | NotificationType::Letter => Ok(None),
        }
    }

    async fn sms_cost(&self, found: &Notification) -> Result<Option<Cost>, Error> {
        let rates = get_or_load(&self.0.caches.sms_rates, (), async {
            Ok(Arc::new(store::rates::list_sms(&self.db().await?).await?))
        })
        .await?;
        let in_force = rates.iter().find(|rate| rate.valid_from <= found.created_at);
        let Some(rate) = in_force.map(|rate| rate.rate) else { return Ok(None) };
        let multiplier = found.rate_multiplier.unwrap_or(Decimal::ONE);
        let fragments = found.billable_units;
        let total = Decimal::from(fragments) * multiplier * rate;
        Ok(Some(Cost::Sms { fragments, multiplier, rate, total }))
    }

    async fn letter_cost(&self, found: &Notification) -> Result<Cost, Error> {
        let postage = found.postage.clone();
        // Nothing was printed of these, whatever they would have come to.
        let sheets = if was_never_sent(found.status) { 0 } else { found.billable_units };
        if sheets == 0 {
            return Ok(Cost::Letter { sheets, postage, total: Decimal::ZERO });
        }
        let rates = get_or_load(&self.0.caches.letter_rates, (), async {
            Ok(Arc::new(store::rates::list_letter(&self.db().await?).await?))
        })
        .await?;
        let in_force = rates.iter().find(|rate| {
            rate.sheets == sheets
                && postage.as_deref() == Some(rate.postage.as_str())
                && rate.start <= found.created_at
                && rate.end.is_none_or(|end| end > found.created_at)
        });
        let total = in_force.map_or(Decimal::ZERO, |rate| rate.rate);
        Ok(Cost::Letter { sheets, postage, total })
    }
}

fn was_never_sent(status: NotificationStatus) -> bool {
    use NotificationStatus::{Cancelled, TechnicalFailure, ValidationFailed, VirusScanFailed};
    matches!(status, Cancelled | TechnicalFailure | ValidationFailed | VirusScanFailed)
}
