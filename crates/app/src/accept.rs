//! Accepting messages: the rules of public API contract §3, in their order.

mod letter;

use std::sync::Arc;

use content::{
    Personalisation,
    email::EmailTemplate,
    email_address::EmailAddress,
    file::is_file,
    fill::{Lists, filled_bytes},
    missing_personalisation,
    phone::{Allowed, PhoneNumber},
    recipient,
    sanitise::Sanitised,
    sms::SmsTemplate,
};
use domain::{
    KeyType, NotificationId, NotificationStatus, NotificationType, Permission, ReplyToId,
    ServiceId, SmsSenderId, Template, TemplateId, service::DailyLimit,
};
use queue::{Envelope, Trace};
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use store::notifications::NewNotification;
use tasks::{DeliverEmail, DeliverSms, GetPdfForTemplatedLetter, queues};
use time::OffsetDateTime;

use crate::{
    App, Caller, Error,
    accounts::over_limit,
    caches::get_or_load,
    counted::Counted,
    once::{Answered, Kept},
};

pub use letter::{AcceptedLetter, AcceptedPdf, LetterRequest, PrecompiledRequest};

/// The most that a message may come to before it is refused unrendered, in bytes: a value that
/// stands in many places of a template multiplies. Far above what either channel takes.
pub(crate) const LONGEST_RENDERED_BYTES: usize = 16 << 20;

/// Recipients that pass every check and are never stored or sent (public API contract §3.11).
const SIMULATED_NUMBERS: [&str; 3] = ["447700900000", "447700900111", "447700900222"];
const SIMULATED_ADDRESSES: [&str; 3] = [
    "simulate-delivered@notifications.service.gov.uk",
    "simulate-delivered-2@notifications.service.gov.uk",
    "simulate-delivered-3@notifications.service.gov.uk",
];

/// A text message to be accepted.
pub struct SmsRequest {
    /// The number as supplied.
    pub recipient: String,
    /// The same, parsed.
    pub phone: PhoneNumber,
    /// What to make it from.
    pub template_id: TemplateId,
    /// The values of the placeholders.
    pub personalisation: Map<String, Value>,
    /// The client's own reference.
    pub reference: Option<String>,
    /// The sender, unless it is the service's default.
    pub sms_sender_id: Option<SmsSenderId>,
    /// When to send it, if its service may choose.
    pub scheduled_for: Option<OffsetDateTime>,
}

/// An email to be accepted.
pub struct EmailRequest {
    /// The recipient.
    pub address: EmailAddress,
    /// What to make it from.
    pub template_id: TemplateId,
    /// The values of the placeholders.
    pub personalisation: Map<String, Value>,
    /// The client's own reference.
    pub reference: Option<String>,
    /// The reply-to address, unless it is the service's default.
    pub email_reply_to_id: Option<ReplyToId>,
    /// Where mail programs can unsubscribe the recipient.
    pub one_click_unsubscribe_url: Option<String>,
    /// Values in which links and Markdown are made harmless.
    pub sanitise_content_for: Vec<String>,
    /// When to send it, if its service may choose.
    pub scheduled_for: Option<OffsetDateTime>,
}

/// An accepted text message.
pub struct AcceptedSms {
    /// Its id.
    pub id: NotificationId,
    /// The client's own reference.
    pub reference: Option<String>,
    /// Its text, without the service's name in front.
    pub body: String,
    /// Its sender.
    pub from_number: String,
    /// When it is sent, if not at once.
    pub scheduled_for: Option<OffsetDateTime>,
    /// Whose message it is.
    pub service_id: ServiceId,
    /// What it was made from.
    pub template_id: TemplateId,
    /// And in which version.
    pub template_version: i32,
}

/// An accepted email.
pub struct AcceptedEmail {
    /// Its id.
    pub id: NotificationId,
    /// The client's own reference.
    pub reference: Option<String>,
    /// Its subject.
    pub subject: String,
    /// Its body, as Markdown.
    pub body: String,
    /// Its From address.
    pub from_email: String,
    /// When it is sent, if not at once.
    pub scheduled_for: Option<OffsetDateTime>,
    /// The unsubscribe address that the client gave.
    pub one_click_unsubscribe_url: Option<String>,
    /// The values that were changed because the client asked for it.
    pub sanitised: Vec<Sanitised>,
    /// Whose message it is.
    pub service_id: ServiceId,
    /// What it was made from.
    pub template_id: TemplateId,
    /// And in which version.
    pub template_version: i32,
}

/// A message that has passed the checks on its content and is about to be stored.
struct Checked<'a> {
    caller: &'a Caller,
    template: &'a Template,
    to: String,
    normalised_to: String,
    personalisation: &'a Map<String, Value>,
    reference: Option<&'a str>,
    reply_to_text: Option<String>,
    unsubscribe_link: Option<String>,
    documents: Option<i32>,
    phone: Option<&'a PhoneNumber>,
    due: Option<OffsetDateTime>,
}

impl App {
    /// Accepts one text message: checks it, stores it, queues it. The caller has been throttled.
    ///
    /// # Errors
    /// The refusals of public API contract §2.5, the first one in the order of §3.
    pub async fn accept_sms(
        &self,
        caller: &Caller,
        request: SmsRequest,
        once: Option<Answered<'_, AcceptedSms>>,
        trace: &Trace,
    ) -> Result<AcceptedSms, Error> {
        let service = caller.service();
        let template =
            self.usable_template(caller, request.template_id, NotificationType::Sms).await?;
        let personalisation = Personalisation::from(&request.personalisation);
        let size = filled_bytes(&template.content, &personalisation, Lists::Inline);
        if size > LONGEST_RENDERED_BYTES {
            return Err(Error::SmsTooLong { characters: size });
        }
        // Without the prefix: that is what is shown, and what the limit counts.
        let sms = SmsTemplate::new(&template.content, None, &personalisation);
        check_placeholders([template.content.as_str()], &personalisation)?;
        if sms.is_empty() {
            return Err(Error::EmptyMessage);
        }
        if request.personalisation.values().any(is_file) {
            return Err(Error::FileNotByEmail);
        }
        let sender = self.sms_sender(caller, request.sms_sender_id).await?;
        self.check_recipient(caller, request.phone.normalised()).await?;
        check_permissions(caller, &request.phone)?;
        let abroad = request.phone.needs_international_permission();
        if abroad
            && !self.0.limits.has_room(service, caller.key_type, DailyLimit::InternationalSms).await
        {
            return Err(over_limit(service, caller.key_type, DailyLimit::InternationalSms));
        }
        if sms.is_too_long() {
            return Err(Error::SmsTooLong { characters: sms.character_count() });
        }
        let accepted = AcceptedSms {
            id: NotificationId(self.clock().new_id()),
            reference: request.reference,
            body: sms.body(),
            from_number: sender,
            scheduled_for: due(caller, request.scheduled_for),
            service_id: service.id,
            template_id: template.id,
            template_version: template.version,
        };
        let kept = once.map(|once| once.kept(service.id, &accepted));
        if SIMULATED_NUMBERS.contains(&request.phone.normalised()) {
            self.keep(kept).await?;
            return Ok(accepted);
        }
        let checked = Checked {
            caller,
            template: &template,
            to: content::whitespace::strip_obscure(request.recipient.trim()).into_owned(),
            normalised_to: request.phone.normalised().to_owned(),
            personalisation: &request.personalisation,
            reference: accepted.reference.as_deref(),
            reply_to_text: Some(accepted.from_number.clone()),
            unsubscribe_link: None,
            documents: None,
            phone: Some(&request.phone),
            due: accepted.scheduled_for,
        };
        self.store_and_queue(&checked, accepted.id, kept, trace).await?;
        Ok(accepted)
    }

    /// Accepts one email: checks it, stores it, queues it. The caller has been throttled.
    ///
    /// # Errors
    /// The refusals of public API contract §2.5, the first one in the order of §3.
    pub async fn accept_email(
        &self,
        caller: &Caller,
        mut request: EmailRequest,
        once: Option<Answered<'_, AcceptedEmail>>,
        trace: &Trace,
    ) -> Result<AcceptedEmail, Error> {
        let service = caller.service();
        check_channel(caller, NotificationType::Email)?;
        let sanitised = content::sanitise::sanitise_content_for(
            &mut request.personalisation,
            &request.sanitise_content_for,
        )
        .map_err(|_| Error::NotText)?;
        let template =
            self.usable_template(caller, request.template_id, NotificationType::Email).await?;
        let normalised_to = request.address.normalised();
        let is_simulated = SIMULATED_ADDRESSES.contains(&normalised_to.as_str());
        let to = (!is_simulated).then_some(request.address.as_str());
        let values = &mut request.personalisation;
        self.attach_files(service, &template, to, values, trace).await?;
        // Only now: what the client gave under the name of an attached file is not looked at.
        let files = self.take_files(service, values);
        let mut personalisation = Personalisation::from(&request.personalisation);
        let subject = template.subject.as_deref().unwrap_or_default();
        let size = filled_bytes(subject, &personalisation, Lists::Inline)
            .saturating_add(filled_bytes(&template.content, &personalisation, Lists::Markdown));
        if size > LONGEST_RENDERED_BYTES {
            return Err(Error::EmailTooLong { bytes: size });
        }
        let mut email = EmailTemplate::new(subject, &template.content, &personalisation);
        check_placeholders([subject, template.content.as_str()], &personalisation)?;
        if email.is_empty() {
            return Err(Error::EmptyMessage);
        }
        let reply_to = self.reply_to(caller, request.email_reply_to_id).await?;
        self.check_recipient(caller, &normalised_to).await?;
        let files = self.check_files(service, files)?;
        let documents = i32::try_from(files.len()).ok().filter(|files| *files > 0);
        if documents.is_some() && !is_simulated {
            let (to, values) = (request.address.as_str(), &mut request.personalisation);
            self.upload_files(service, to, files, values, trace).await?;
            personalisation = Personalisation::from(&*values);
            email = EmailTemplate::new(subject, &template.content, &personalisation);
        }
        if email.is_too_long() {
            return Err(Error::EmailTooLong { bytes: email.size_bytes() });
        }
        let accepted = AcceptedEmail {
            id: NotificationId(self.clock().new_id()),
            reference: request.reference,
            subject: email.subject().to_owned(),
            body: email.body().to_owned(),
            from_email: self.sender_address(service),
            scheduled_for: due(caller, request.scheduled_for),
            one_click_unsubscribe_url: request.one_click_unsubscribe_url,
            sanitised,
            service_id: service.id,
            template_id: template.id,
            template_version: template.version,
        };
        let kept = once.map(|once| once.kept(service.id, &accepted));
        if is_simulated {
            self.keep(kept).await?;
            return Ok(accepted);
        }
        let checked = Checked {
            caller,
            template: &template,
            to: request.address.as_str().to_owned(),
            normalised_to,
            personalisation: &request.personalisation,
            reference: accepted.reference.as_deref(),
            reply_to_text: reply_to,
            unsubscribe_link: accepted.one_click_unsubscribe_url.clone(),
            documents,
            phone: None,
            due: accepted.scheduled_for,
        };
        self.store_and_queue(&checked, accepted.id, kept, trace).await?;
        Ok(accepted)
    }

    /// The From address of a service's emails.
    #[must_use]
    pub(crate) fn sender_address(&self, service: &domain::Service) -> String {
        format!("{}@{}", service.email_sender_local_part, self.0.email_domain)
    }

    /// The service's template, when its caller may use it for this channel.
    pub(crate) async fn usable_template(
        &self,
        caller: &Caller,
        id: TemplateId,
        channel: NotificationType,
    ) -> Result<Arc<Template>, Error> {
        check_channel(caller, channel)?;
        let service = caller.service().id;
        let template = self.latest_template(service, id).await?.ok_or(Error::TemplateNotFound)?;
        if template.template_type != channel {
            let (template, notification) = (template.template_type, channel);
            return Err(Error::WrongTemplateType { template, notification });
        }
        if template.archived {
            return Err(Error::TemplateArchived);
        }
        Ok(template)
    }

    /// The sender of a text message (public API contract §3.4).
    pub(crate) async fn sms_sender(
        &self,
        caller: &Caller,
        id: Option<SmsSenderId>,
    ) -> Result<String, Error> {
        let service = caller.service();
        let sender = match id {
            None => service.default_sms_sender.as_ref().unwrap_or(&self.0.from_number).clone(),
            Some(id) => store::senders::get_sms_sender(&self.db().await?, service.id, id)
                .await
                .map_err(|error| match error {
                    store::Error::NotFound(_) => {
                        Error::SmsSenderNotFound { id, service: service.id }
                    }
                    other => other.into(),
                })?,
        };
        Ok(content::phone::sender(&sender))
    }

    /// The reply-to address of an email (public API contract §3.4).
    pub(crate) async fn reply_to(
        &self,
        caller: &Caller,
        id: Option<ReplyToId>,
    ) -> Result<Option<String>, Error> {
        let service = caller.service();
        let Some(id) = id else { return Ok(service.default_reply_to.clone()) };
        match store::senders::get_reply_to(&self.db().await?, service.id, id).await {
            Ok(address) => Ok(Some(address)),
            Err(store::Error::NotFound(_)) => {
                Err(Error::ReplyToNotFound { id, service: service.id })
            }
            Err(other) => Err(other.into()),
        }
    }

    /// Whether this caller may send to this recipient at all (public API contract §3.2).
    async fn check_recipient(&self, caller: &Caller, normalised: &str) -> Result<(), Error> {
        let service = caller.service();
        let refusal = match caller.key_type {
            KeyType::Test => return Ok(()),
            KeyType::Normal if !service.restricted => return Ok(()),
            KeyType::Normal => Error::TrialModeRecipient,
            KeyType::Team => Error::TeamKeyRecipient,
        };
        if self.is_on_safelist(service.id, normalised).await? { Ok(()) } else { Err(refusal) }
    }

    /// Whether a recipient is of the service's team, or a guest of it.
    pub(crate) async fn is_on_safelist(
        &self,
        service: ServiceId,
        normalised: &str,
    ) -> Result<bool, Error> {
        let listed = get_or_load(&self.0.caches.safelists, service, async {
            let entered = store::services::safelist(&self.db().await?, service).await?;
            Ok(Arc::new(entered.iter().map(|text| recipient::normalise(text)).collect()))
        })
        .await?;
        Ok(listed.iter().any(|entry| entry == normalised))
    }

    /// Counts the message against the day's limits, stores it, queues it.
    async fn store_and_queue(
        &self,
        message: &Checked<'_>,
        id: NotificationId,
        kept: Option<Kept>,
        trace: &Trace,
    ) -> Result<(), Error> {
        let (channel, key_type) = (message.template.template_type, message.caller.key_type);
        let abroad = message.phone.is_some_and(|phone| phone.country_prefix() != "44");
        let limits = [(channel.into(), 1), (DailyLimit::InternationalSms, i64::from(abroad))];
        let counted = Counted::new(message.caller, limits);
        let row = self.new_notification(message, id)?;
        // These are few, and each in a transaction of its own.
        if message.due.is_some() {
            return self.store_with(row, &[], kept, message.due, &counted).await;
        }
        let nudge = deliver(id, channel, key_type, self.clock().new_id(), trace)?;
        if kept.is_some() {
            return self.store_with(row, &[nudge], kept, None, &counted).await;
        }
        self.reserve(&counted).await?;
        let stored = self.0.inserts.insert(row, Some(nudge)).await.map(drop);
        if let Err(error) = &stored {
            self.release_after(error, &counted).await;
        }
        stored
    }

    fn new_notification(
        &self,
        message: &Checked<'_>,
        id: NotificationId,
    ) -> Result<NewNotification, Error> {
        Ok(NewNotification {
            id,
            to: message.to.clone(),
            normalised_to: message.normalised_to.clone(),
            service_id: message.caller.service().id,
            template_id: message.template.id,
            template_version: message.template.version,
            api_key_id: Some(message.caller.key_id),
            key_type: message.caller.key_type,
            notification_type: message.template.template_type,
            created_at: self.clock().now(),
            signed_personalisation: self
                .signer()
                .sign(message.personalisation)
                .map_err(anyhow::Error::from)?,
            client_reference: message.reference.map(str::to_owned),
            reply_to_text: message.reply_to_text.clone(),
            international: message.phone.is_some_and(PhoneNumber::is_international),
            phone_prefix: message.phone.map(|phone| phone.country_prefix().to_owned()),
            rate_multiplier: message.phone.map(|phone| Decimal::from(phone.rate_multiplier())),
            unsubscribe_link: message.unsubscribe_link.clone(),
            document_download_count: message.documents,
            status: NotificationStatus::Created,
            job_row: None,
            letter: None,
        })
    }
}

/// The task message that gets a notification sent, or a letter its PDF, on the queue that fits (public
/// API contract §4.2).
pub(crate) fn deliver(
    id: NotificationId,
    channel: NotificationType,
    key_type: KeyType,
    task_id: uuid::Uuid,
    trace: &Trace,
) -> Result<Envelope, Error> {
    let envelope = match channel {
        NotificationType::Sms => Envelope::new(&DeliverSms { notification_id: id }, task_id, trace),
        NotificationType::Email => {
            Envelope::new(&DeliverEmail { notification_id: id }, task_id, trace)
        }
        NotificationType::Letter => {
            Envelope::new(&GetPdfForTemplatedLetter { notification_id: id }, task_id, trace)
        }
    }
    .map_err(anyhow::Error::from)?;
    Ok(match key_type {
        KeyType::Test => envelope.on(queues::RESEARCH_MODE),
        KeyType::Normal | KeyType::Team => envelope,
    })
}

/// When to send what was asked to be sent at a time, if the service may choose.
fn due(caller: &Caller, asked: Option<OffsetDateTime>) -> Option<OffsetDateTime> {
    asked.filter(|_| caller.service().may(Permission::ScheduleNotifications))
}

fn check_channel(caller: &Caller, channel: NotificationType) -> Result<(), Error> {
    if caller.service().may(channel.into()) {
        Ok(())
    } else {
        Err(Error::ChannelNotAllowed(channel))
    }
}

/// What the service may do with this number (public API contract §3.6, "service stage").
fn check_permissions(caller: &Caller, phone: &PhoneNumber) -> Result<(), Error> {
    let service = caller.service();
    if phone.needs_international_permission() && !service.may(Permission::InternationalSms) {
        return Err(Error::InternationalNotAllowed);
    }
    let allowed = Allowed {
        international: true, // the line above has seen to it, with a refusal of its own
        uk_landline: service.may(Permission::SmsToUkLandlines),
    };
    phone.check(allowed).map_err(Error::InvalidPhone)
}

pub(crate) fn check_placeholders<const N: usize>(
    texts: [&str; N],
    personalisation: &Personalisation,
) -> Result<(), Error> {
    let missing =
        missing_personalisation(&content::placeholder::placeholders_of(texts), personalisation);
    if missing.is_empty() { Ok(()) } else { Err(Error::MissingPersonalisation(missing)) }
}
