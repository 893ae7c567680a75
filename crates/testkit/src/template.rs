//! Templates to test with.

use domain::{NotificationType, TemplateId};
use tokio_postgres::Client;

use crate::{TestService, new_id, rows::execute};

/// Makes a template of the service: [`TemplateBuilder::sms`] or [`TemplateBuilder::email`] says which.
pub fn template<'a>(db: &'a Client, service: &'a TestService) -> TemplateBuilder<'a> {
    TemplateBuilder {
        db,
        service,
        channel: NotificationType::Sms,
        subject: None,
        content: "Hello ((name))".to_owned(),
        archived: false,
        hidden: false,
        has_unsubscribe_link: false,
    }
}

/// See [`template`].
#[must_use = "nothing is made before `create`"]
pub struct TemplateBuilder<'a> {
    db: &'a Client,
    service: &'a TestService,
    channel: NotificationType,
    subject: Option<String>,
    content: String,
    archived: bool,
    hidden: bool,
    has_unsubscribe_link: bool,
}

impl TemplateBuilder<'_> {
    /// For text messages.
    pub fn sms(self, content: &str) -> Self {
        let channel = NotificationType::Sms;
        Self { channel, subject: None, content: content.to_owned(), ..self }
    }

    /// For emails.
    pub fn email(self, subject: &str, content: &str) -> Self {
        let (subject, content) = (Some(subject.to_owned()), content.to_owned());
        Self { channel: NotificationType::Email, subject, content, ..self }
    }

    /// For letters, second class, in English.
    pub fn letter(self, subject: &str, content: &str) -> Self {
        let (subject, content) = (Some(subject.to_owned()), content.to_owned());
        Self { channel: NotificationType::Letter, subject, content, ..self }
    }

    /// Deleted by its team.
    pub fn archived(self) -> Self {
        Self { archived: true, ..self }
    }

    /// Not shown to its team.
    pub fn hidden(self) -> Self {
        Self { hidden: true, ..self }
    }

    /// Every email of it carries an unsubscribe link.
    pub fn with_unsubscribe_link(self) -> Self {
        Self { has_unsubscribe_link: true, ..self }
    }

    /// Writes its version 1.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn create(self) -> TemplateId {
        let id = TemplateId(new_id());
        let channel: &str = self.channel.into();
        execute(
            self.db,
            "INSERT INTO templates
                (id, name, template_type, subject, content, service_id, created_by_id, archived,
                 hidden, has_unsubscribe_link, version, created_at, postage, letter_languages)
            VALUES ($1, 'Test template', $2::text::template_type, $3, $4, $5, $6, $7, $8, $9, 1,
                    now() AT TIME ZONE 'UTC',
                    CASE $2 WHEN 'letter' THEN 'second' END,
                    CASE $2 WHEN 'letter' THEN 'english'::letter_language_options END)",
            &[
                &id,
                &channel,
                &self.subject,
                &self.content,
                &self.service.id,
                &self.service.user_id,
                &self.archived,
                &self.hidden,
                &self.has_unsubscribe_link,
            ],
        )
        .await;
        execute(
            self.db,
            "INSERT INTO templates_history SELECT * FROM templates WHERE id = $1",
            &[&id],
        )
        .await;
        execute(
            self.db,
            "INSERT INTO template_redacted
                (template_id, redact_personalisation, updated_by_id, updated_at)
            VALUES ($1, false, $2, now() AT TIME ZONE 'UTC')",
            &[&id, &self.service.user_id],
        )
        .await;
        id
    }
}
