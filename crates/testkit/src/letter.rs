//! Letters to test with.

use domain::{KeyType, NotificationId, NotificationStatus, TemplateId, letter::Postage};
use time::OffsetDateTime;
use tokio_postgres::Client;

use crate::{TestService, new_id, rows::execute};

/// Makes a letter of the service, `created` now; [`LetterBuilder`] says what else it may be.
pub fn letter<'a>(
    db: &'a Client,
    service: &'a TestService,
    template: TemplateId,
) -> LetterBuilder<'a> {
    let reference = new_id().simple().to_string().to_uppercase();
    LetterBuilder {
        db,
        service,
        template,
        reference: reference[..16].to_owned(),
        status: NotificationStatus::Created,
        key_type: KeyType::Normal,
        postage: Postage::Second,
        billable_units: 0,
        created_at: None,
        sent_at: None,
        personalisation: None,
    }
}

/// See [`letter`].
#[must_use = "nothing is made before `create`"]
pub struct LetterBuilder<'a> {
    db: &'a Client,
    service: &'a TestService,
    template: TemplateId,
    reference: String,
    status: NotificationStatus,
    key_type: KeyType,
    postage: Postage,
    billable_units: i32,
    created_at: Option<OffsetDateTime>,
    sent_at: Option<OffsetDateTime>,
    personalisation: Option<String>,
}

impl LetterBuilder<'_> {
    /// The sixteen characters that name its files; random otherwise.
    pub fn reference(self, reference: &str) -> Self {
        Self { reference: reference.to_owned(), ..self }
    }

    /// Where it is in its life.
    pub fn status(self, status: NotificationStatus) -> Self {
        Self { status, ..self }
    }

    /// The type of the key it came in with.
    pub fn key_type(self, key_type: KeyType) -> Self {
        Self { key_type, ..self }
    }

    /// How it is posted, second class otherwise.
    pub fn postage(self, postage: Postage) -> Self {
        Self { postage, ..self }
    }

    /// Its sheets of paper; not known otherwise.
    pub fn sheets(self, billable_units: i32) -> Self {
        Self { billable_units, ..self }
    }

    /// When it was accepted, now otherwise.
    pub fn created_at(self, at: OffsetDateTime) -> Self {
        Self { created_at: Some(at), ..self }
    }

    /// When the printer took it.
    pub fn sent_at(self, at: OffsetDateTime) -> Self {
        Self { sent_at: Some(at), ..self }
    }

    /// The values of its placeholders, signed.
    pub fn personalisation(self, signed: &str) -> Self {
        Self { personalisation: Some(signed.to_owned()), ..self }
    }

    /// Writes it.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn create(self) -> NotificationId {
        let id = NotificationId(new_id());
        execute(
            self.db,
            r#"INSERT INTO notifications
                (id, "to", normalised_to, service_id, template_id, template_version, key_type,
                 notification_type, created_at, sent_at, notification_status, billable_units,
                 reference, postage, reply_to_text, _personalisation, client_reference)
            VALUES ($1, 'A. Person', 'a.person', $2, $3, 1, $4, 'letter',
                    coalesce($5, now() AT TIME ZONE 'UTC'), $6, $7, $8, $9, $10, 'A Department', $11,
                    'client reference')"#,
            &[
                &id,
                &self.service.id,
                &self.template,
                &<&str>::from(self.key_type),
                &self.created_at.map(store::sql_time::to_column),
                &self.sent_at.map(store::sql_time::to_column),
                &<&str>::from(self.status),
                &self.billable_units,
                &self.reference,
                &<&str>::from(self.postage),
                &self.personalisation,
            ],
        )
        .await;
        id
    }
}
