//! Accepting letters (public API contract §2.3, §2.4, §3; letters contract §2.1, §2.2).
//!
//! A letter's row and the messages that send it on are written in one transaction. The PDF that came
//! with a letter is stored before its row: a row that waits for a scan always has its file, and a
//! file without a row harms nobody.

mod base64;

use anyhow::Context;
use content::{
    Personalisation,
    country::Zone,
    email,
    file::is_file,
    fill::{Lists, filled_bytes},
    letter::LetterTemplate,
    postal_address::PostalAddress,
};
use domain::{
    KeyType, NotificationId, NotificationStatus, NotificationType, Permission, ServiceId,
    TemplateId,
    letter::{Postage, file},
    service::DailyLimit,
};
use providers::objects::{Bucket, Metadata, Place};
use queue::{Envelope, Trace};
use serde_json::{Map, Value, json};
use store::notifications::{NewLetter, NewNotification};
use tasks::letters::{CreateFakeLetterCallback, SanitiseLetter, ScanFile};
use tracing::warn;

use super::{LONGEST_RENDERED_BYTES, check_channel, check_placeholders, deliver};
use crate::{
    App, Caller, Error,
    counted::Counted,
    jobs::new_reference,
    once::{Answered, Kept},
};

/// What stands for the address of a letter whose PDF has not been read.
const PROVIDED_AS_PDF: &str = "Provided as PDF";
/// Where a request may give an address, and under no other names.
const ADDRESS_KEYS: [&str; 8] = [
    "address_line_1",
    "address_line_2",
    "address_line_3",
    "address_line_4",
    "address_line_5",
    "address_line_6",
    "address_line_7",
    "postcode",
];

/// A letter to be made from a template.
pub struct LetterRequest {
    /// What to make it from.
    pub template_id: TemplateId,
    /// The values of the placeholders, the address among them.
    pub personalisation: Map<String, Value>,
    /// The client's own reference.
    pub reference: Option<String>,
}

/// A letter that comes as a PDF.
pub struct PrecompiledRequest {
    /// The client's own reference.
    pub reference: String,
    /// The PDF in base64, as it came.
    pub content: String,
    /// How to post it.
    pub postage: Option<Postage>,
}

/// An accepted letter.
pub struct AcceptedLetter {
    /// Its id.
    pub id: NotificationId,
    /// The client's own reference.
    pub reference: Option<String>,
    /// Its heading, as HTML.
    pub subject: String,
    /// Its body, as Markdown.
    pub body: String,
    /// Whose letter it is.
    pub service_id: ServiceId,
    /// What it was made from.
    pub template_id: TemplateId,
    /// And in which version.
    pub template_version: i32,
}

/// An accepted letter that came as a PDF.
pub struct AcceptedPdf {
    /// Its id.
    pub id: NotificationId,
    /// The client's own reference.
    pub reference: String,
    /// How it is posted.
    pub postage: Postage,
}

/// What the rows of letters differ in.
struct LetterRow {
    to: String,
    template: (TemplateId, i32),
    personalisation: Map<String, Value>,
    client_reference: Option<String>,
    contact_block: Option<String>,
    postage: Postage,
    status: NotificationStatus,
}

impl App {
    /// Accepts one letter that is made from a template: checks it, stores it, has its PDF made. The
    /// caller has been throttled.
    ///
    /// # Errors
    /// The refusals of public API contract §2.5 and §3.10, the first one in the order of §3.
    pub async fn accept_letter(
        &self,
        caller: &Caller,
        request: LetterRequest,
        once: Option<Answered<'_, AcceptedLetter>>,
        trace: &Trace,
    ) -> Result<AcceptedLetter, Error> {
        let service = caller.service();
        let channel = NotificationType::Letter;
        let template = self.usable_template(caller, request.template_id, channel).await?;
        let (id, version) = (template.id, template.version);
        let details = store::letters::template(&self.db().await?, service.id, id, version).await?;
        let values = Personalisation::from(&request.personalisation);
        let subject = template.subject.as_deref().unwrap_or_default();
        let contact_block = details.contact_block.as_deref().unwrap_or_default();
        let size = filled_bytes(subject, &values, Lists::Inline).saturating_add(filled_bytes(
            &template.content,
            &values,
            Lists::Markdown,
        ));
        if size > LONGEST_RENDERED_BYTES {
            return Err(Error::LetterTooLong);
        }
        let content = template.content.as_str();
        let letter = LetterTemplate { subject, content, contact_block, ..Default::default() };
        letter.check_qr_codes(&values).map_err(Error::QrCodeTooLong)?;
        check_placeholders([contact_block, subject, content], &values)?;
        let text = email::EmailTemplate::new(subject, content, &values);
        if text.is_empty() {
            return Err(Error::EmptyMessage);
        }
        if request.personalisation.values().any(is_file) {
            return Err(Error::FileNotByEmail);
        }
        check_letters_allowed(caller)?;
        let address = address(&request.personalisation, service);
        address.check().map_err(Error::InvalidAddress)?;
        let postage = match address.zone() {
            Zone::UnitedKingdom => details.postage.unwrap_or(Postage::Second),
            Zone::Europe => Postage::Europe,
            Zone::RestOfWorld => Postage::RestOfWorld,
        };
        let accepted = AcceptedLetter {
            id: NotificationId(self.clock().new_id()),
            reference: request.reference,
            subject: letter.html_subject(&values),
            body: text.body().to_owned(),
            service_id: service.id,
            template_id: id,
            template_version: version,
        };
        let row = LetterRow {
            to: address.normalised_lines().join("\n"),
            template: (id, version),
            client_reference: accepted.reference.clone(),
            contact_block: details.contact_block.clone(),
            postage,
            status: self.first_status(caller.key_type),
            personalisation: request.personalisation,
        };
        let row = self.new_letter(caller, accepted.id, row)?;
        let messages = self.messages_for(&row, postage, trace)?;
        let kept = once.map(|once| once.kept(service.id, &accepted));
        self.store_letter(caller, row, &messages, kept).await?;
        Ok(accepted)
    }

    /// Accepts one letter that comes as a PDF: checks what can be checked without reading it, stores
    /// it, has it scanned. The caller has been throttled.
    ///
    /// # Errors
    /// The refusals of public API contract §2.5, the first one in the order of §3.
    pub async fn accept_precompiled(
        &self,
        caller: &Caller,
        request: PrecompiledRequest,
        once: Option<Answered<'_, AcceptedPdf>>,
        trace: &Trace,
    ) -> Result<AcceptedPdf, Error> {
        check_channel(caller, NotificationType::Letter)?;
        check_letters_allowed(caller)?;
        let pdf = base64::decode(&request.content).ok_or(Error::NotBase64)?;
        drop(request.content);
        let template = self.precompiled_template(caller.service().id).await?;
        let id = NotificationId(self.clock().new_id());
        let postage = request.postage.unwrap_or(Postage::Second);
        let personalisation = json!({ "address_line_1": PROVIDED_AS_PDF });
        let row = LetterRow {
            to: PROVIDED_AS_PDF.to_owned(),
            template,
            personalisation: personalisation.as_object().cloned().unwrap_or_default(),
            client_reference: Some(request.reference.clone()),
            contact_block: None,
            postage,
            status: NotificationStatus::PendingVirusCheck,
        };
        let row = self.new_letter(caller, id, row)?;
        let reference = row.letter.as_ref().map(|letter| letter.reference.as_str());
        let filename = file::name(reference.unwrap_or_default(), postage, row.created_at)
            .context("the letter's time cannot be written")?;
        let place = Bucket::LettersScan.at(&filename);
        let message = if self.0.scans_letters {
            self.message(&ScanFile { filename }, trace)?
        } else {
            self.message(&SanitiseLetter { filename }, trace)?
        };
        self.objects().put(&place, pdf, &Metadata::new()).await?;
        let accepted = AcceptedPdf { id, reference: request.reference, postage };
        let kept = once.map(|once| once.kept(caller.service().id, &accepted));
        if let Err(error) = self.store_letter(caller, row, &[message], kept).await {
            // It may have been stored all the same when the answer of the database was lost.
            if error.is_refusal() {
                self.forget(&place).await;
            }
            return Err(error);
        }
        Ok(accepted)
    }

    /// Deletes the file of what was not stored.
    pub(crate) async fn forget(&self, place: &Place) {
        if let Err(error) = self.objects().delete(place).await {
            warn!(error = %runtime::chain(&error), %place, "the file of nothing stays");
        }
    }

    /// The hidden template of letters that come as PDFs, made when a service first needs it.
    async fn precompiled_template(&self, service: ServiceId) -> Result<(TemplateId, i32), Error> {
        let mut db = self.db().await?;
        if let Some(found) = store::letters::precompiled_template(&db, service).await? {
            return Ok(found);
        }
        let (id, now) = (TemplateId(self.clock().new_id()), self.clock().now());
        let tx = db.transaction().await.map_err(store::Error::from)?;
        let template = store::letters::make_precompiled_template(&tx, service, id, now).await?;
        tx.commit().await.map_err(store::Error::from)?;
        Ok(template)
    }

    /// Letters of test keys go to no printer: they begin where a printer would have them.
    fn first_status(&self, key_type: KeyType) -> NotificationStatus {
        match key_type {
            KeyType::Normal | KeyType::Team => NotificationStatus::Created,
            KeyType::Test if self.0.fakes_letter_delivery => NotificationStatus::Sending,
            KeyType::Test => NotificationStatus::Delivered,
        }
    }

    /// The messages that a letter made from a template is sent on by (public API contract §4.2).
    fn messages_for(
        &self,
        row: &NewNotification,
        postage: Postage,
        trace: &Trace,
    ) -> Result<Vec<Envelope>, Error> {
        let (channel, task_id) = (NotificationType::Letter, self.clock().new_id());
        let mut messages = vec![deliver(row.id, channel, row.key_type, task_id, trace)?];
        if row.status == NotificationStatus::Sending {
            let played = CreateFakeLetterCallback {
                notification_id: row.id,
                billable_units: 0,
                postage: postage.to_string(),
            };
            messages.push(self.message(&played, trace)?);
        }
        Ok(messages)
    }

    fn new_letter(
        &self,
        caller: &Caller,
        id: NotificationId,
        row: LetterRow,
    ) -> Result<NewNotification, Error> {
        let signed = self.signer().sign(&row.personalisation).map_err(anyhow::Error::from)?;
        Ok(NewNotification {
            id,
            normalised_to: row.to.split_whitespace().collect::<String>().to_lowercase(),
            to: row.to,
            service_id: caller.service().id,
            template_id: row.template.0,
            template_version: row.template.1,
            api_key_id: Some(caller.key_id),
            key_type: caller.key_type,
            notification_type: NotificationType::Letter,
            created_at: self.clock().now(),
            signed_personalisation: signed,
            client_reference: row.client_reference,
            reply_to_text: row.contact_block,
            international: row.postage.is_international(),
            phone_prefix: None,
            rate_multiplier: None,
            unsubscribe_link: None,
            document_download_count: None,
            status: row.status,
            job_row: None,
            letter: Some(NewLetter { reference: new_reference(), postage: row.postage }),
        })
    }

    /// Counts a letter against the day's limit, stores it with its messages, publishes those.
    async fn store_letter(
        &self,
        caller: &Caller,
        row: NewNotification,
        messages: &[Envelope],
        kept: Option<Kept>,
    ) -> Result<(), Error> {
        let counted = Counted::new(caller, [(DailyLimit::Letter, 1)]);
        self.store_with(row, messages, kept, None, &counted).await
    }
}

/// Whether this key may send letters at all; only test keys may in trial mode.
fn check_letters_allowed(caller: &Caller) -> Result<(), Error> {
    match caller.key_type {
        KeyType::Team => Err(Error::LetterWithTeamKey),
        KeyType::Normal if caller.service().restricted => Err(Error::LetterInTrialMode),
        KeyType::Normal | KeyType::Test => Ok(()),
    }
}

/// The address in a request's values, which are looked up by their exact names.
fn address(values: &Map<String, Value>, service: &domain::Service) -> PostalAddress {
    let given: Personalisation =
        ADDRESS_KEYS.iter().filter_map(|key| Some((*key, values.get(*key)?.clone()))).collect();
    PostalAddress::from_personalisation(&given, service.may(Permission::InternationalLetters))
}
