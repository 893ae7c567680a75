//! A notification as its service sees it (public API contract §2.6).

use std::sync::Arc;

use content::Personalisation;
use domain::{
    NotificationId, NotificationStatus, NotificationType, ServiceId, Template, TemplateId,
    letter::{LetterTimings, Postage},
};
use serde_json::{Map, Value};
use store::notifications::{Notification, list::Filter};
use time::{OffsetDateTime, Time};

use crate::{Account, App, Caller, Cost, Error, caches::get_or_load, templates::rendered};

/// Notifications on one page of a list.
const PAGE_SIZE: i64 = 250;

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
    /// When it is to be sent, while it waits for that.
    pub scheduled_for: Option<OffsetDateTime>,
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
    /// More, if it is a letter.
    pub letter: Option<LetterView>,
}

/// What a letter has that other messages have not.
#[derive(Debug, Default)]
pub struct LetterView {
    /// Lines 1 to 6 of the address, as supplied.
    pub lines: [Option<Value>; 6],
    /// The postcode, as supplied.
    pub postcode: Option<Value>,
    /// When it should have arrived.
    pub estimated_delivery: Option<OffsetDateTime>,
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
        self.view(service, found).await
    }

    /// A page of the service's notifications that came in with the caller's type of key.
    ///
    /// # Errors
    /// [`Error::Internal`] only.
    pub async fn notifications(
        &self,
        caller: &Caller,
        filter: &Filter<'_>,
    ) -> Result<Vec<NotificationView>, Error> {
        let service = caller.service().id;
        let db = self.db().await?;
        let found = store::notifications::list::list(&db, service, filter, PAGE_SIZE).await?;
        drop(db);
        let mut views = Vec::with_capacity(found.len());
        for notification in found {
            views.push(self.view(service, notification).await?);
        }
        Ok(views)
    }

    async fn view(
        &self,
        service: ServiceId,
        found: Notification,
    ) -> Result<NotificationView, Error> {
        let template =
            self.template_version(service, found.template_id, found.template_version).await?;
        let values = self.personalisation(found.signed_personalisation.as_deref())?;
        let values = Personalisation::from(values);
        let (body, subject) = rendered(&template, &values);
        let letter = (found.notification_type == NotificationType::Letter)
            .then(|| letter_view(&found, &values));
        let unsubscribe_link = found.unsubscribe_link.clone().or_else(|| {
            template.has_unsubscribe_link.then(|| self.unsubscribe_link(found.id, &found.to))
        });
        Ok(NotificationView {
            cost: self.cost(&found).await?,
            id: found.id,
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
            scheduled_for: found.scheduled_for,
            sent_at: found.sent_at,
            completed_at: found.updated_at.filter(|_| found.status.is_completed()),
            postage: found.postage,
            one_click_unsubscribe_url: unsubscribe_link,
            letter,
        })
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

/// The address of a letter as its client gave it, and when to expect it.
fn letter_view(found: &Notification, values: &Personalisation) -> LetterView {
    let line = |number: usize| values.get(&format!("address_line_{number}")).cloned();
    let postage: Option<Postage> = found.postage.as_deref().and_then(|text| text.parse().ok());
    let timings = postage.and_then(|postage| LetterTimings::new(found.created_at, postage));
    let to_the_hour = |at: OffsetDateTime| {
        at.replace_time(Time::from_hms(at.hour(), 0, 0).unwrap_or(Time::MIDNIGHT))
    };
    LetterView {
        lines: std::array::from_fn(|index| line(index + 1)),
        postcode: values.get("postcode").cloned(),
        estimated_delivery: timings.map(|timings| to_the_hour(timings.latest_delivery)),
    }
}
