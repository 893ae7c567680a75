//! Telling services what became of their messages (tasks contract §3.9).

use std::sync::Arc;

use domain::{NotificationStatus, ServiceId, webhooks::Secret};
use queue::{Envelope, Trace};
use store::{receipts::Receivable, service_callbacks::CallbackType};
use strum::VariantArray;
use tasks::{
    SendComplaint, SendDeliveryStatus,
    callbacks::{Complaint, DeliveryStatus, Signed},
};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};
use tracing::error;

use crate::{App, Caller, Error, caches::get_or_load};

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
        // An archived notification has lost its recipient, and with it what to tell.
        let Some(to) = &notification.to else { return Ok(None) };
        let service = notification.service_id;
        let Some((url, token)) = self.callback(service, CallbackType::DeliveryStatus).await? else {
            return Ok(None);
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
            service_callback_api_url: url,
            service_callback_api_bearer_token: token,
            template_id: notification.template_id.to_string(),
            template_version: notification.template_version,
        };
        let task = SendDeliveryStatus {
            notification_id: notification.id,
            signed_status_update: self.signer().sign(&update).map_err(anyhow::Error::from)?,
            receipt_iso_timestamp: None,
        };
        Ok(Some(self.message(&task, trace)?))
    }

    /// The message that tells a service of a complaint; `None` when the service has no callback for
    /// that now. `to` is the recipient as the email provider knows it.
    ///
    /// # Errors
    /// Database errors only.
    pub(crate) async fn complaint_callback(
        &self,
        notification: &Receivable,
        complaint: &store::complaints::Complaint,
        to: Option<&str>,
        trace: &Trace,
    ) -> Result<Option<Envelope>, Error> {
        let service = notification.service_id;
        let Some((url, token)) = self.callback(service, CallbackType::Complaint).await? else {
            return Ok(None);
        };
        let body = Complaint {
            notification_id: notification.id.to_string(),
            complaint_id: complaint.id.to_string(),
            reference: notification.client_reference.clone(),
            to: to.map(str::to_owned).or_else(|| notification.to.clone()),
            complaint_date: complaint.complaint_date.map(text).transpose()?,
        };
        let signed = Signed {
            body,
            service_callback_api_url: url,
            service_callback_api_bearer_token: token,
        };
        let complaint_data = self.signer().sign(&signed).map_err(anyhow::Error::from)?;
        Ok(Some(self.message(&SendComplaint { complaint_data }, trace)?))
    }

    /// What the service's callbacks are signed with, by their kinds.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn webhook_secrets(
        &self,
        caller: &Caller,
    ) -> Result<Vec<(&'static str, Secret)>, Error> {
        let mut secrets = Vec::new();
        for kind in CallbackType::VARIANTS {
            if let Some((url, token)) = self.callback(caller.service().id, *kind).await? {
                let newest = self.signer().webhook_secrets(&url, &token).into_iter().next();
                secrets.extend(newest.map(|secret| (kind.name(), secret)));
            }
        }
        Ok(secrets)
    }

    /// Where the service wants to be called back, and the token that it expects; `None` when it does
    /// not want to be. What becomes of a message must not depend on that, so an unreadable token
    /// counts as none.
    ///
    /// # Errors
    /// Database errors only.
    pub(crate) async fn callback(
        &self,
        service: ServiceId,
        callback_type: CallbackType,
    ) -> Result<Option<(String, String)>, Error> {
        let callback =
            get_or_load(&self.0.caches.callbacks, (service, callback_type), async move {
                let db = self.db().await?;
                let found = store::service_callbacks::find(&db, service, callback_type).await?;
                Ok(found.map(Arc::new))
            })
            .await?;
        let Some(callback) = callback else { return Ok(None) };
        match self.signer().unsign(&callback.signed_bearer_token) {
            Ok(token) => Ok(Some((callback.url.clone(), token))),
            Err(error) => {
                error!(service.id = %service, %error, "the callback's token cannot be read");
                Ok(None)
            }
        }
    }
}

pub(crate) fn text(at: OffsetDateTime) -> Result<String, Error> {
    Ok(at.format(DATETIME).map_err(anyhow::Error::from)?)
}
