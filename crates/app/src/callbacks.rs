//! Telling services what became of their messages (tasks contract §3.9).

use std::sync::Arc;

use domain::NotificationStatus;
use queue::{Envelope, Trace};
use store::receipts::Receivable;
use tasks::{SendDeliveryStatus, callbacks::DeliveryStatus};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};
use tracing::error;

use crate::{App, Error, caches::get_or_load};

/// `%Y-%m-%dT%H:%M:%S.%fZ`: six digits of fraction, always (public API contract §0.1).
pub const DATETIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

impl App {
    /// The message that tells a service the new status of its notification; `None` when the
    /// service has no callback for that now.
    ///
    /// This is the one place where such messages are made, for receipts and for time-outs.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn delivery_status_callback(
        &self,
        notification: &Receivable,
        status: NotificationStatus,
        at: OffsetDateTime,
        trace: &Trace,
    ) -> Result<Option<Envelope>, Error> {
        let service = notification.service_id;
        let callback = get_or_load(&self.0.caches.callbacks, service, async {
            let db = self.db().await?;
            let found = store::service_callbacks::find_delivery_status(&db, service).await?;
            Ok(found.map(Arc::new))
        })
        .await?;
        // An archived notification has lost its recipient, and with it what to tell.
        let (Some(callback), Some(to)) = (callback, &notification.to) else { return Ok(None) };
        // What becomes of the message must not depend on how its service wants to hear of it.
        let token: String = match self.signer().unsign(&callback.signed_bearer_token) {
            Ok(token) => token,
            Err(error) => {
                error!(service.id = %service, %error, "the callback's token cannot be read");
                return Ok(None);
            }
        };
        let update = DeliveryStatus {
            notification_id: notification.id.to_string(),
            notification_client_reference: notification.client_reference.clone(),
            notification_to: to.clone(),
            notification_status: status.to_string(),
            notification_created_at: text(notification.created_at)?,
            notification_updated_at: Some(text(at)?),
            notification_sent_at: Some(text(notification.sent_at.unwrap_or(at))?),
            notification_type: notification.notification_type.to_string(),
            service_callback_api_url: callback.url.clone(),
            service_callback_api_bearer_token: token,
            template_id: notification.template_id.to_string(),
            template_version: notification.template_version,
        };
        let task = SendDeliveryStatus {
            notification_id: notification.id,
            signed_status_update: self.signer().sign(&update).map_err(anyhow::Error::from)?,
            receipt_iso_timestamp: None,
        };
        let id = self.clock().new_id();
        Ok(Some(Envelope::new(&task, id, trace).map_err(anyhow::Error::from)?))
    }
}

fn text(at: OffsetDateTime) -> Result<String, Error> {
    Ok(at.format(DATETIME).map_err(anyhow::Error::from)?)
}
