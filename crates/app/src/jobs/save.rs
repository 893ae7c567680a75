//! A row of a file becomes a notification.

use std::borrow::Cow;

use content::{
    Personalisation,
    country::Zone,
    email_address::EmailAddress,
    phone::{Allowed, PhoneNumber},
    postal_address::PostalAddress,
};
use domain::{
    KeyType, NotificationId, NotificationStatus, NotificationType, Permission, Service, ServiceId,
    letter::Postage, service::DailyLimit,
};
use queue::{Envelope, Trace};
use rand::RngExt;
use rust_decimal::Decimal;
use store::notifications::{JobRow as Origin, NewLetter, NewNotification};
use tasks::jobs::JobRow;
use tracing::{info, warn};

use crate::{App, Error, accept::deliver, caches::get_or_load};

/// What letters' references are made of.
const REFERENCE_CHARACTERS: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/// One row of a job is one notification.
const ONE_PER_ROW: &str = "uq_notifications_job_row_number";

/// A row to be saved.
pub struct RowToSave<'a> {
    /// Whose it is.
    pub service: ServiceId,
    /// The id that its notification gets.
    pub id: NotificationId,
    /// The row.
    pub row: &'a JobRow,
    /// What it becomes.
    pub channel: NotificationType,
    /// The sender, unless it is the service's default.
    pub sender: Option<&'a str>,
}

/// Where a message goes.
struct Recipient {
    to: String,
    normalised_to: String,
    phone: Option<PhoneNumber>,
    letter: Option<NewLetter>,
    /// False when it is known already that it cannot be sent there.
    is_valid: bool,
}

impl App {
    /// Makes a row a notification, and has it sent. A row that is one already is left as it is; if it
    /// has not been sent yet, it is queued again, which changes nothing when it is queued still. A row
    /// whose recipient its service may not send to is dropped.
    ///
    /// # Errors
    /// [`Error::NotFound`] when service, job or template are not there; [`Error::FileRefused`] for one
    /// of the template's files; database, object store and document store errors.
    pub async fn save_row(&self, saved: &RowToSave<'_>, trace: &Trace) -> Result<(), Error> {
        let account = self.account(saved.service).await?.ok_or(Error::NotFound)?;
        let service = &account.service;
        let recipient = self.recipient(service, saved).await?;
        if service.restricted
            && saved.channel != NotificationType::Letter
            && !self.is_on_safelist(service.id, &recipient.normalised_to).await?
        {
            warn!(row = saved.row.row_number, "a recipient outside the team; the row is dropped");
            return Ok(());
        }
        let row = self.new_row(service, saved, recipient, trace).await?;
        let sent = row.status == NotificationStatus::Created;
        let abroad = row.phone_prefix.as_deref().is_some_and(|prefix| prefix != "44");
        let nudge = if sent { Some(self.nudge(saved.id, saved.channel, trace)?) } else { None };
        let job = saved.row.job;
        let is_counted = get_or_load(&self.0.caches.counted_jobs, job, async {
            Ok(store::jobs::is_counted(&self.db().await?, job).await?)
        });
        let is_counted = is_counted.await?;
        match self.0.inserts.insert(row, nudge).await {
            Ok(true) if is_counted => Ok(()),
            Ok(true) => {
                let limits = &self.0.limits;
                limits.count(service, KeyType::Normal, saved.channel.into()).await;
                if abroad {
                    limits.count(service, KeyType::Normal, DailyLimit::InternationalSms).await;
                }
                Ok(())
            }
            Ok(false) => {
                info!(notification.id = %saved.id, "the row is a notification already");
                Ok(())
            }
            // Another producer has queued the row under another id.
            Err(Error::Internal(source)) if is_saved(&source) => {
                self.nudge_again(saved, trace).await
            }
            Err(error) => Err(error),
        }
    }

    async fn nudge_again(&self, saved: &RowToSave<'_>, trace: &Trace) -> Result<(), Error> {
        let (job, row) = (saved.row.job, saved.row.row_number);
        let found = store::jobs::notification_of_row(&self.db().await?, job, row).await?;
        info!(row, "the row is a notification already");
        match found {
            Some((id, NotificationStatus::Created)) => {
                self.enqueue(self.nudge(id, saved.channel, trace)?).await
            }
            _ => Ok(()),
        }
    }

    /// The message that gets a notification on its way.
    fn nudge(
        &self,
        id: NotificationId,
        channel: NotificationType,
        trace: &Trace,
    ) -> Result<Envelope, Error> {
        deliver(id, channel, KeyType::Normal, self.clock().new_id(), trace)
    }

    async fn new_row(
        &self,
        service: &Service,
        saved: &RowToSave<'_>,
        recipient: Recipient,
        trace: &Trace,
    ) -> Result<NewNotification, Error> {
        let row = saved.row;
        let mut values = Cow::Borrowed(&row.personalisation);
        if saved.channel == NotificationType::Email && recipient.is_valid {
            let template =
                self.template_version(service.id, row.template, row.template_version).await?;
            if !template.files.is_empty() {
                let to = Some(recipient.to.as_str());
                self.attach_files(service, &template, to, values.to_mut(), trace).await?;
            }
        }
        let phone = recipient.phone.as_ref();
        let personalisation = self.signer().sign(&values);
        let abroad = recipient.letter.as_ref().is_some_and(|l| l.postage.is_international());
        Ok(NewNotification {
            id: saved.id,
            to: recipient.to,
            normalised_to: recipient.normalised_to,
            service_id: service.id,
            template_id: row.template,
            template_version: row.template_version,
            api_key_id: None,
            key_type: KeyType::Normal,
            notification_type: saved.channel,
            created_at: self.clock().now(),
            signed_personalisation: personalisation.map_err(anyhow::Error::from)?,
            client_reference: row.client_reference.clone(),
            reply_to_text: self.sender_of(service, saved).await?,
            international: abroad || phone.is_some_and(PhoneNumber::is_international),
            phone_prefix: phone.map(|phone| phone.country_prefix().to_owned()),
            rate_multiplier: phone.map(|phone| Decimal::from(phone.rate_multiplier())),
            unsubscribe_link: None,
            document_download_count: None,
            status: if recipient.is_valid {
                NotificationStatus::Created
            } else {
                NotificationStatus::ValidationFailed
            },
            job_row: Some(Origin { job: row.job, number: row.row_number }),
            letter: recipient.letter,
        })
    }

    async fn recipient(
        &self,
        service: &Service,
        saved: &RowToSave<'_>,
    ) -> Result<Recipient, Error> {
        let text = saved.row.to.as_str().unwrap_or_default().trim();
        let to = content::whitespace::strip_obscure(text).into_owned();
        Ok(match saved.channel {
            NotificationType::Sms => {
                let allowed = Allowed {
                    international: service.may(Permission::InternationalSms),
                    uk_landline: service.may(Permission::SmsToUkLandlines),
                };
                let phone = PhoneNumber::parse(&to).ok();
                let is_valid = phone.as_ref().is_some_and(|phone| phone.check(allowed).is_ok());
                let normalised = phone.as_ref().map(|phone| phone.normalised().to_owned());
                let normalised_to = normalised.unwrap_or_else(|| to.clone());
                Recipient { to, normalised_to, phone, letter: None, is_valid }
            }
            NotificationType::Email => {
                let address = EmailAddress::parse(&to).ok();
                let normalised = address.as_ref().map(EmailAddress::normalised);
                let is_valid = address.is_some();
                let normalised_to = normalised.unwrap_or_else(|| to.to_lowercase());
                Recipient { to, normalised_to, phone: None, letter: None, is_valid }
            }
            NotificationType::Letter => self.addressee(service, saved).await?,
        })
    }

    async fn addressee(
        &self,
        service: &Service,
        saved: &RowToSave<'_>,
    ) -> Result<Recipient, Error> {
        let row = saved.row;
        let values = Personalisation::from(&row.personalisation);
        let address = PostalAddress::from_personalisation(
            &values,
            service.may(Permission::InternationalLetters),
        );
        let postage = match address.zone() {
            Zone::Europe => Postage::Europe,
            Zone::RestOfWorld => Postage::RestOfWorld,
            Zone::UnitedKingdom => {
                let db = self.db().await?;
                let (id, version) = (row.template, row.template_version);
                let template = store::letters::template(&db, saved.service, id, version).await?;
                template.postage.unwrap_or(Postage::Second)
            }
        };
        let to = address.normalised_lines().join("\n");
        let normalised_to = to.split_whitespace().collect::<String>().to_lowercase();
        let letter = Some(NewLetter { reference: new_reference(), postage });
        Ok(Recipient { to, normalised_to, phone: None, letter, is_valid: true })
    }

    /// What stands as the sender: a name, a reply-to address, or the address on a letter.
    async fn sender_of(
        &self,
        service: &Service,
        saved: &RowToSave<'_>,
    ) -> Result<Option<String>, Error> {
        let db = self.db().await?;
        let chosen = match (saved.channel, saved.sender) {
            (NotificationType::Letter, _) => {
                let (id, version) = (saved.row.template, saved.row.template_version);
                let template = store::letters::template(&db, saved.service, id, version).await?;
                return Ok(template.contact_block);
            }
            (_, None) => None,
            (NotificationType::Sms, Some(id)) => match id.parse() {
                Ok(id) => Some(store::senders::get_sms_sender(&db, service.id, id).await),
                Err(_) => None,
            },
            (NotificationType::Email, Some(id)) => match id.parse() {
                Ok(id) => Some(store::senders::get_reply_to(&db, service.id, id).await),
                Err(_) => None,
            },
        };
        let chosen = match chosen {
            Some(Ok(sender)) => Some(sender),
            Some(Err(store::Error::NotFound(_))) => {
                warn!("the chosen sender is gone; the service's own is used");
                None
            }
            Some(Err(error)) => return Err(error.into()),
            None => None,
        };
        Ok(match saved.channel {
            NotificationType::Sms => {
                let own = service.default_sms_sender.as_ref().unwrap_or(&self.0.from_number);
                Some(content::phone::sender(chosen.as_ref().unwrap_or(own)))
            }
            _ => chosen.or_else(|| service.default_reply_to.clone()),
        })
    }

    /// Reads the payload of a row's task.
    ///
    /// # Errors
    /// [`Error::Internal`] when nobody of ours signed it, or it is no row.
    pub fn read_row(&self, signed: &str) -> Result<JobRow, Error> {
        Ok(self.signer().unsign(signed).map_err(anyhow::Error::from)?)
    }
}

/// Sixteen letters and digits at random.
pub(crate) fn new_reference() -> String {
    let mut random = rand::rng();
    let mut character =
        || char::from(REFERENCE_CHARACTERS[random.random_range(0..REFERENCE_CHARACTERS.len())]);
    (0..16).map(|_| character()).collect()
}

fn is_saved(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<store::Error>(),
        Some(store::Error::Conflict { constraint, .. }) if constraint == ONE_PER_ROW
    )
}
