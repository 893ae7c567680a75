//! Messages that are there already, live or archived.

use domain::{KeyType, NotificationId, NotificationStatus, NotificationType, TemplateId};
use time::OffsetDateTime;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::{TestService, new_id, rows::execute};

/// A message of the service, accepted at `created_at`. What a test does not say is ordinary: a
/// delivered text message of one fragment, sent with a normal key.
pub fn message(
    service: &TestService,
    template: TemplateId,
    created_at: OffsetDateTime,
) -> MessageBuilder<'_> {
    MessageBuilder {
        service,
        template,
        created_at,
        channel: NotificationType::Sms,
        key_type: KeyType::Normal,
        status: NotificationStatus::Delivered,
        sent_by: Some("mmg".to_owned()),
        sent_at: Some(created_at + time::Duration::SECOND),
        units: 1,
        multiplier: Some(1),
        international: false,
        postage: None,
        api_key: None,
        job: None,
    }
}

/// See [`message`].
#[derive(Clone)]
#[must_use = "nothing is made before `live` or `archived`"]
pub struct MessageBuilder<'a> {
    service: &'a TestService,
    template: TemplateId,
    created_at: OffsetDateTime,
    channel: NotificationType,
    key_type: KeyType,
    status: NotificationStatus,
    sent_by: Option<String>,
    sent_at: Option<OffsetDateTime>,
    units: i32,
    multiplier: Option<i64>,
    international: bool,
    postage: Option<String>,
    api_key: Option<Uuid>,
    job: Option<Uuid>,
}

impl MessageBuilder<'_> {
    /// An email.
    pub fn email(self) -> Self {
        let (channel, sent_by) = (NotificationType::Email, Some("ses".to_owned()));
        Self { channel, sent_by, units: 0, multiplier: None, ..self }
    }

    /// A letter of so many sheets, in this class of post.
    pub fn letter(self, sheets: i32, postage: &str) -> Self {
        let (channel, sent_by) = (NotificationType::Letter, Some("dvla".to_owned()));
        let postage = Some(postage.to_owned());
        Self { channel, sent_by, postage, units: sheets, ..self }
    }

    /// Of this channel, however it is sent there by default.
    pub fn channel(self, channel: NotificationType) -> Self {
        match channel {
            NotificationType::Sms => self,
            NotificationType::Email => self.email(),
            NotificationType::Letter => self.letter(1, "second"),
        }
    }

    /// Sent with a key of this type.
    pub fn key_type(self, key_type: KeyType) -> Self {
        Self { key_type, ..self }
    }

    /// Sent with this key.
    pub fn api_key(self, id: Uuid) -> Self {
        Self { api_key: Some(id), ..self }
    }

    /// In this status.
    pub fn status(self, status: NotificationStatus) -> Self {
        Self { status, ..self }
    }

    /// Through this provider, or without a record of it.
    pub fn sent_by(self, provider: Option<&str>) -> Self {
        Self { sent_by: provider.map(str::to_owned), ..self }
    }

    /// Handed over then.
    pub fn sent_at(self, at: Option<OffsetDateTime>) -> Self {
        Self { sent_at: at, ..self }
    }

    /// Of so many fragments.
    pub fn units(self, units: i32) -> Self {
        Self { units, ..self }
    }

    /// Sent abroad, where a fragment costs so many times the rate.
    pub fn abroad(self, multiplier: i64) -> Self {
        Self { multiplier: Some(multiplier), international: true, ..self }
    }

    /// A row of this job.
    pub fn job(self, id: Uuid) -> Self {
        Self { job: Some(id), ..self }
    }

    /// Writes it to the live table.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn live(self, db: &Client) -> NotificationId {
        let id = NotificationId(new_id());
        self.write(
            db,
            id,
            r#"INSERT INTO notifications
                (id, service_id, template_id, template_version, created_at, notification_type,
                 key_type, notification_status, sent_by, sent_at, billable_units, rate_multiplier,
                 international, postage, api_key_id, job_id, reference, "to", _personalisation)
            VALUES ($1, $2, $3, 1, $4, $5::text::notification_type, $6, $7, $8, $9, $10, $11::int8, $12,
                    $13, $14, $15, $16, 'recipient', 'signed')"#,
        )
        .await;
        id
    }

    /// Writes it to the history.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn archived(self, db: &Client) -> NotificationId {
        let id = NotificationId(new_id());
        self.write(
            db,
            id,
            "INSERT INTO notification_history
                (id, service_id, template_id, template_version, created_at, notification_type,
                 key_type, notification_status, sent_by, sent_at, billable_units, rate_multiplier,
                 international, postage, api_key_id, job_id, reference)
            VALUES ($1, $2, $3, 1, $4, $5::text::notification_type, $6, $7, $8, $9, $10, $11::int8, $12,
                    $13, $14, $15, $16)",
        )
        .await;
        id
    }

    async fn write(self, db: &Client, id: NotificationId, sql: &str) {
        execute(
            db,
            sql,
            &[
                &id,
                &self.service.id,
                &self.template,
                &store::sql_time::to_column(self.created_at),
                &<&str>::from(self.channel),
                &<&str>::from(self.key_type),
                &<&str>::from(self.status),
                &self.sent_by,
                &self.sent_at.map(store::sql_time::to_column),
                &self.units,
                &self.multiplier,
                &self.international,
                &self.postage,
                &self.api_key,
                &self.job,
                &format!("REF{}", id.0.simple()),
            ],
        )
        .await;
    }
}
