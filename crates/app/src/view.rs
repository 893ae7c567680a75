//! A notification as its service sees it (public API contract §2.6).

use std::sync::Arc;

use content::{Personalisation, email::EmailTemplate, sms::SmsTemplate};
use domain::{
    NotificationId, NotificationStatus, NotificationType, ServiceId, Template, TemplateId,
};
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use store::notifications::Notification;
use time::OffsetDateTime;

use crate::{Account, App, Error, caches::get_or_load};

/// Everything the answer to a look-up needs.
pub struct NotificationView {
    /// Its id.
    pub id: NotificationId,
    /// The client's own reference.
    pub reference: Option<String>,
    /// The channel.
    pub notification_type: NotificationType,
    /// Where it is in its life.
    pub status: NotificationStatus,
    /// The recipient as supplied.
    pub recipient: String,
    /// What it was made from.
    pub template_id: TemplateId,
    /// And in which version.
    pub template_version: i32,
    /// The body, rendered now from that version and the stored values.
    pub body: String,
    /// The subject; none for text messages.
    pub subject: Option<String>,
    /// When it was accepted.
    pub created_at: OffsetDateTime,
    /// Who sent it from the admin app.
    pub created_by_name: Option<String>,
    /// When a provider took it.
    pub sent_at: Option<OffsetDateTime>,
    /// When it reached its final status.
    pub completed_at: Option<OffsetDateTime>,
    /// Postage of a letter.
    pub postage: Option<String>,
    /// Where mail programs can unsubscribe the recipient.
    pub one_click_unsubscribe_url: Option<String>,
    /// What it costs; `None` while that is not known.
    pub cost: Option<Cost>,
}

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
}

impl App {
    /// The service's notification.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the service has none of this id, or it has been archived.
    pub async fn notification(
        &self,
        account: &Account,
        id: NotificationId,
    ) -> Result<NotificationView, Error> {
        let service = account.service.id;
        let found = store::notifications::get(&self.db().await?, service, id).await?;
        let template =
            self.template_version(service, found.template_id, found.template_version).await?;
        let values = self.personalisation(found.signed_personalisation.as_deref())?;
        let personalisation = Personalisation::from(&values);
        let (body, subject) = match found.notification_type {
            NotificationType::Sms => {
                (SmsTemplate::new(&template.content, None, &personalisation).body(), None)
            }
            NotificationType::Email | NotificationType::Letter => {
                let subject = template.subject.as_deref().unwrap_or_default();
                let email = EmailTemplate::new(subject, &template.content, &personalisation);
                (email.body().to_owned(), Some(email.subject().to_owned()))
            }
        };
        Ok(NotificationView {
            cost: self.cost(&found).await?,
            id,
            reference: found.client_reference,
            notification_type: found.notification_type,
            status: found.status,
            recipient: found.to,
            template_id: found.template_id,
            template_version: found.template_version,
            body,
            subject,
            created_at: found.created_at,
            created_by_name: found.created_by_name,
            sent_at: found.sent_at,
            completed_at: found.updated_at.filter(|_| found.status.is_completed()),
            postage: found.postage,
            one_click_unsubscribe_url: found.unsubscribe_link,
        })
    }

    async fn cost(&self, found: &Notification) -> Result<Option<Cost>, Error> {
        match found.notification_type {
            NotificationType::Email => Ok(Some(Cost::Email)),
            NotificationType::Sms
                if found.status == NotificationStatus::Created && found.billable_units == 0 =>
            {
                Ok(None)
            }
            NotificationType::Sms => {
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
            // Letters come with the letter API.
            NotificationType::Letter => Ok(None),
        }
    }

    /// One version of a service's template.
    pub(crate) async fn template_version(
        &self,
        service: ServiceId,
        id: TemplateId,
        version: i32,
    ) -> Result<Arc<Template>, Error> {
        get_or_load(&self.0.caches.template_versions, (service, id, version), async {
            let db = self.db().await?;
            Ok(Arc::new(store::templates::get_version(&db, service, id, version).await?))
        })
        .await
    }

    /// The stored values of a notification's placeholders.
    pub(crate) fn personalisation(
        &self,
        signed: Option<&str>,
    ) -> Result<Map<String, Value>, Error> {
        match signed {
            None => Ok(Map::new()),
            Some(signed) => Ok(self.signer().unsign(signed).map_err(anyhow::Error::from)?),
        }
    }
}
