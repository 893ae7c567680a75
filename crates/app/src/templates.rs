//! Templates as their service sees them, and what they come to with values (public API contract
//! §2.9 to §2.11).

use std::sync::Arc;

use content::{
    Personalisation,
    email::EmailTemplate,
    fill::{Lists, filled_bytes},
    letter::LetterTemplate,
    placeholder::placeholders_of,
    sms::SmsTemplate,
};
use domain::{NotificationType, ServiceId, Template, TemplateId};
use serde_json::{Map, Value};

use crate::{
    App, Error,
    accept::{LONGEST_RENDERED_BYTES, check_placeholders},
    caches::get_or_load,
};

/// A template filled with values, and not sent.
pub struct Preview {
    /// The template.
    pub template: Arc<Template>,
    /// The body: the text of a text message, the Markdown of anything else.
    pub body: String,
    /// The subject; none for text messages.
    pub subject: Option<String>,
    /// The body as HTML; for emails only.
    pub html: Option<String>,
}

impl App {
    /// The service's template, archived or not, in one version or the latest.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the service has none of this id, or it is hidden.
    pub async fn template(
        &self,
        service: ServiceId,
        id: TemplateId,
        version: Option<i32>,
    ) -> Result<Arc<Template>, Error> {
        let template = match version {
            Some(version) => Some(self.template_version(service, id, version).await?),
            None => self.latest_template(service, id).await?,
        };
        template.filter(|template| !template.hidden).ok_or(Error::NotFound)
    }

    /// The service's templates that are in use, by name.
    ///
    /// # Errors
    /// [`Error::Internal`] only.
    pub async fn templates(
        &self,
        service: ServiceId,
        channel: Option<NotificationType>,
    ) -> Result<Vec<Template>, Error> {
        Ok(store::templates::list(&self.db().await?, service, channel).await?)
    }

    /// Fills the service's template, archived or not.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::MissingPersonalisation`]; [`Error::EmailTooLong`] when it would
    /// come to more than anything that is sent.
    pub async fn preview(
        &self,
        service: ServiceId,
        id: TemplateId,
        values: &Map<String, Value>,
    ) -> Result<Preview, Error> {
        let template = self.template(service, id, None).await?;
        let values = Personalisation::from(values);
        check_size(&template, &values)?;
        check_placeholders(texts(&template), &values)?;
        let (body, subject) = rendered(&template, &values);
        let html = (template.template_type == NotificationType::Email)
            .then(|| EmailTemplate::new("", &template.content, &values).html_body());
        Ok(Preview { template, body, subject, html })
    }

    /// The service's template in its latest version, at most 2 s old; `None` when there is none, or
    /// it is hidden.
    pub(crate) async fn latest_template(
        &self,
        service: ServiceId,
        id: TemplateId,
    ) -> Result<Option<Arc<Template>>, Error> {
        get_or_load(&self.0.caches.templates, (service, id), async {
            match store::templates::get(&self.db().await?, service, id).await {
                Ok(template) => Ok(Some(Arc::new(template))),
                Err(store::Error::NotFound(_)) => Ok(None),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }
}

/// The names of a template's placeholders, those of its Welsh pages and of its sender's address
/// among them.
#[must_use]
pub fn placeholders(template: &Template) -> Vec<String> {
    placeholders_of([
        template.contact_block.as_deref().unwrap_or_default(),
        template.welsh_subject.as_deref().unwrap_or_default(),
        template.welsh_content.as_deref().unwrap_or_default(),
        template.subject.as_deref().unwrap_or_default(),
        &template.content,
    ])
}

/// The texts whose placeholders must have values; the Welsh pages are left out (public API contract
/// §3.3).
pub(crate) fn texts(template: &Template) -> [&str; 3] {
    [
        template.contact_block.as_deref().unwrap_or_default(),
        template.subject.as_deref().unwrap_or_default(),
        &template.content,
    ]
}

/// Body and subject as the API shows them.
pub(crate) fn rendered(template: &Template, values: &Personalisation) -> (String, Option<String>) {
    let subject = template.subject.as_deref().unwrap_or_default();
    match template.template_type {
        NotificationType::Sms => (SmsTemplate::new(&template.content, None, values).body(), None),
        NotificationType::Email => {
            let email = EmailTemplate::new(subject, &template.content, values);
            (email.body().to_owned(), Some(email.subject().to_owned()))
        }
        NotificationType::Letter => {
            let letter = LetterTemplate { subject, ..LetterTemplate::default() };
            let body = EmailTemplate::new("", &template.content, values).body().to_owned();
            (body, Some(letter.html_subject(values)))
        }
    }
}

/// Refuses what would come to far more than is ever sent, before it is rendered.
pub(crate) fn check_size(template: &Template, values: &Personalisation) -> Result<(), Error> {
    let size = texts(template)
        .iter()
        .map(|text| filled_bytes(text, values, Lists::Markdown))
        .fold(0, usize::saturating_add);
    if size > LONGEST_RENDERED_BYTES { Err(Error::EmailTooLong { bytes: size }) } else { Ok(()) }
}
