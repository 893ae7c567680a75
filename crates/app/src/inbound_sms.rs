//! Receiving text messages for services (tasks contract §3.10, public API contract §5.4).

use content::phone::PhoneNumber;
use domain::{InboundSmsId, Permission, ServiceId};
use queue::{Envelope, Trace};
use serde_json::{Value, json};
use store::service_callbacks::CallbackType;
use tasks::SendInboundSms;
use time::OffsetDateTime;
use tracing::{info, warn};

use crate::{App, Error, callbacks::text};

/// A text message, as a provider brings it.
#[derive(Clone, Copy)]
pub struct InboundSms<'a> {
    /// The provider's identifier.
    pub provider: &'static str,
    /// Where it was received: in national form, or with the country code 44.
    pub number: &'a str,
    /// The number it came from, as the provider writes it.
    pub sender: &'a str,
    /// The text.
    pub content: &'a str,
    /// The provider's id of it.
    pub reference: Option<&'a str>,
    /// When the provider received it.
    pub at: OffsetDateTime,
}

/// A call to a service: where, with which token, and what to tell.
pub struct ServiceCall {
    /// Where to post.
    pub url: String,
    /// The bearer token that the service expects.
    pub token: String,
    /// What to post.
    pub body: Value,
}

impl App {
    /// Keeps a text message and queues the message that tells its service. False when no service
    /// receives text messages at that number.
    ///
    /// A provider that brings a message twice has it kept twice: its ids are not known to be unique.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn receive_sms(&self, sms: &InboundSms<'_>, trace: &Trace) -> Result<bool, Error> {
        let national = sms.number.strip_prefix("44").map(|rest| format!("0{rest}"));
        let number = national.as_deref().unwrap_or(sms.number);
        let Some(service) = self.receiver(number).await? else {
            warn!(provider.name = sms.provider, "a text message to a number that no service has");
            metrics::counter!("inbound_sms_total", "outcome" => "refused").increment(1);
            return Ok(false);
        };
        let id = InboundSmsId(self.clock().new_id());
        let sender = PhoneNumber::recognise(sms.sender);
        let row = store::inbound_sms::InboundSms {
            id,
            service_id: service,
            signed_content: self.signer().sign(&sms.content).map_err(anyhow::Error::from)?,
            notify_number: number.to_owned(),
            user_number: sender.map_or(sms.sender.to_owned(), |it| it.normalised().to_owned()),
            created_at: self.clock().now(),
            provider_date: Some(sms.at),
            provider_reference: sms.reference.map(str::to_owned),
            provider: sms.provider.to_owned(),
        };
        let task = SendInboundSms { inbound_sms_id: id, service_id: service };
        let envelope = Envelope::new(&task, self.clock().new_id(), trace);
        let envelope = envelope.map_err(anyhow::Error::from)?;
        let written = self.written(&envelope)?;
        let mut db = self.db().await?;
        let tx = db.transaction().await.map_err(store::Error::from)?;
        store::inbound_sms::insert(&tx, &row).await?;
        store::outbox::insert(&tx, std::slice::from_ref(&written)).await?;
        tx.commit().await.map_err(store::Error::from)?;
        drop(db);
        self.publish_written(written.id, &envelope).await;
        metrics::counter!("inbound_sms_total", "outcome" => "received").increment(1);
        info!(service.id = %service, inbound_sms.id = %id, "a text message was received");
        Ok(true)
    }

    /// The service that receives text messages at this number, and may.
    async fn receiver(&self, number: &str) -> Result<Option<ServiceId>, Error> {
        let found = store::inbound_sms::find_service(&self.db().await?, number).await?;
        let Some(service) = found else { return Ok(None) };
        let account = self.account(service).await?;
        let may = account.is_some_and(|account| account.service.may(Permission::InboundSms));
        Ok(may.then_some(service))
    }

    /// How to tell a service of a text message; `None` when it does not want to be told now.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the service has no such message; database errors.
    pub async fn inbound_sms_call(
        &self,
        service: ServiceId,
        id: InboundSmsId,
    ) -> Result<Option<ServiceCall>, Error> {
        let sms = store::inbound_sms::get(&self.db().await?, service, id).await?;
        let Some((url, token)) = self.callback(service, CallbackType::InboundSms).await? else {
            return Ok(None);
        };
        let content: String =
            self.signer().unsign(&sms.signed_content).map_err(anyhow::Error::from)?;
        let body = json!({
            "id": sms.id,
            "source_number": sms.user_number,
            "destination_number": sms.notify_number,
            "message": content,
            "date_received": text(sms.provider_date.unwrap_or(sms.created_at))?,
        });
        Ok(Some(ServiceCall { url, token, body }))
    }
}
