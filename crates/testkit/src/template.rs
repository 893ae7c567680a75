//! Templates to test with.

use domain::{NotificationType, TemplateId};
use tokio_postgres::Client;
use uuid::Uuid;

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

/// Makes a file that the emails of a template link to, version 1, for the template's version 1; kept a
/// week, given to whoever has the link. [`TemplateFileBuilder`] says what else it may be.
pub fn template_file<'a>(
    db: &'a Client,
    service: &'a TestService,
    template: TemplateId,
    filename: &'a str,
) -> TemplateFileBuilder<'a> {
    TemplateFileBuilder {
        db,
        service,
        template,
        filename,
        link_text: None,
        weeks: 1,
        confirm_email: false,
        archived: false,
        pending: false,
    }
}

/// See [`template_file`].
#[must_use = "nothing is made before `create`"]
pub struct TemplateFileBuilder<'a> {
    db: &'a Client,
    service: &'a TestService,
    template: TemplateId,
    filename: &'a str,
    link_text: Option<&'a str>,
    weeks: i32,
    confirm_email: bool,
    archived: bool,
    pending: bool,
}

impl<'a> TemplateFileBuilder<'a> {
    /// What the link is called.
    pub fn link_text(self, text: &'a str) -> Self {
        Self { link_text: Some(text), ..self }
    }

    /// How many weeks recipients can have it.
    pub fn weeks(self, weeks: i32) -> Self {
        Self { weeks, ..self }
    }

    /// Recipients have to name their address.
    pub fn confirm_email(self) -> Self {
        Self { confirm_email: true, ..self }
    }

    /// Its team has taken it out.
    pub fn archived(self) -> Self {
        Self { archived: true, ..self }
    }

    /// It is uploaded, and not yet part of the template.
    pub fn pending(self) -> Self {
        Self { pending: true, ..self }
    }

    /// Writes its row and its history; the object is the caller's to put.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn create(self) -> Uuid {
        let id = new_id();
        execute(
            self.db,
            "INSERT INTO template_email_files
                (id, filename, link_text, retention_period, validate_users_email, created_at,
                 archived_at, version, template_id, template_version, created_by_id, pending)
            VALUES ($1, $2, $3, $4, $5, now() AT TIME ZONE 'UTC',
                    CASE WHEN $6 THEN now() AT TIME ZONE 'UTC' END, 1, $7, 1, $8, $9)",
            &[
                &id,
                &self.filename,
                &self.link_text,
                &self.weeks,
                &self.confirm_email,
                &self.archived,
                &self.template,
                &self.service.user_id,
                &self.pending,
            ],
        )
        .await;
        execute(
            self.db,
            "INSERT INTO template_email_files_history
             SELECT * FROM template_email_files WHERE id = $1",
            &[&id],
        )
        .await;
        id
    }
}
