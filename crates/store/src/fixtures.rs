//! Rows of a service that is ready to send: for the demo, for trying things out, for measuring.
//! Everything is written once; a second run finds it and changes nothing.

use deadpool_postgres::GenericClient;
use domain::{ApiKeyId, KeyType, NotificationType, ServiceId, TemplateId};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, sql_time};

mod contacts;

pub use contacts::{Contacts, insert_contacts, insert_received_text};

/// A user who can be named as the maker of things. Nobody can sign in as them.
///
/// # Errors
/// Database errors only.
pub async fn insert_user(
    db: &impl GenericClient,
    id: Uuid,
    email_address: &str,
    mobile_number: &str,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let sql = db
        .prepare_cached(
            "-- fixtures.insert_user
        INSERT INTO users (id, name, email_address, created_at, _password, mobile_number,
                           password_changed_at, failed_login_count, state, platform_admin,
                           auth_type, email_access_validated_at)
        VALUES ($1, 'Demo user', $2, $3, 'no password', $4, $3, 0, 'active', false, 'sms_auth', $3)
        ON CONFLICT (id) DO NOTHING",
        )
        .await?;
    let now = sql_time::to_column(now);
    db.execute(&sql, &[&id, &email_address, &now, &mobile_number]).await?;
    Ok(())
}

/// A service with every permission for email, text messages and letters, its first version, its
/// member `user`, and a default sender id. One that is not live is in trial mode: it sends to its team
/// only, 50 messages a day of each kind.
///
/// # Errors
/// Database errors only.
pub async fn insert_service(
    db: &impl GenericClient,
    id: ServiceId,
    name: &str,
    sms_sender: &str,
    user: Uuid,
    live: bool,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let now = sql_time::to_column(now);
    let local_part: String = name.to_lowercase().split_whitespace().collect::<Vec<_>>().join(".");
    let normalised: String = name.to_lowercase().split_whitespace().collect();
    let inserted = db
        .execute(
            "-- fixtures.insert_service
        INSERT INTO services (id, name, created_at, active, restricted, created_by_id, version,
                              organisation_type, prefix_sms, rate_limit, letter_message_limit,
                              sms_message_limit, email_message_limit, has_active_go_live_request,
                              normalised_service_name, email_sender_local_part)
        SELECT $1, $2, $3, true, NOT $7, $4, 1, 'central', true, 3000, daily, daily, daily, false,
               $5, $6
          FROM (SELECT CASE WHEN $7 THEN 999999999 ELSE 50 END AS daily) limits
        ON CONFLICT (id) DO NOTHING",
            &[&id, &name, &now, &user, &normalised, &local_part, &live],
        )
        .await?;
    if inserted == 0 {
        return Ok(());
    }
    db.execute(
        "-- fixtures.insert_service: its first version
        INSERT INTO services_history (id, name, created_at, active, restricted, created_by_id,
                              version, organisation_type, prefix_sms, rate_limit,
                              letter_message_limit, sms_message_limit, email_message_limit,
                              international_sms_message_limit, has_active_go_live_request,
                              normalised_service_name, email_sender_local_part)
        SELECT id, name, created_at, active, restricted, created_by_id, version,
               organisation_type, prefix_sms, rate_limit, letter_message_limit, sms_message_limit,
               email_message_limit, international_sms_message_limit, has_active_go_live_request,
               normalised_service_name, email_sender_local_part
          FROM services WHERE id = $1",
        &[&id],
    )
    .await?;
    db.execute(
        "-- fixtures.insert_service: its permissions
        INSERT INTO service_permissions (service_id, permission, created_at)
        SELECT $1, name, $2 FROM service_permission_types
         WHERE name IN ('sms', 'email', 'letter', 'international_sms')",
        &[&id, &now],
    )
    .await?;
    db.execute(
        "-- fixtures.insert_service: its team
        INSERT INTO user_to_service (user_id, service_id) VALUES ($1, $2)",
        &[&user, &id],
    )
    .await?;
    db.execute(
        "-- fixtures.insert_service: its sender id
        INSERT INTO service_sms_senders (id, sms_sender, service_id, is_default, created_at)
        VALUES (gen_random_uuid(), $2, $1, true, $3)",
        &[&id, &sms_sender, &now],
    )
    .await?;
    Ok(())
}

/// Lifts the limit of requests per minute, for measuring.
///
/// # Errors
/// Database errors only.
pub async fn set_rate_limit(
    db: &impl GenericClient,
    service: ServiceId,
    per_minute: i32,
) -> Result<(), Error> {
    db.execute(
        "-- fixtures.set_rate_limit\nUPDATE services SET rate_limit = $2 WHERE id = $1",
        &[&service, &per_minute],
    )
    .await?;
    Ok(())
}

/// A template to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewTemplate<'a> {
    /// Its id.
    pub id: TemplateId,
    /// Whose it is.
    pub service_id: ServiceId,
    /// The channel.
    pub template_type: NotificationType,
    /// The names of its versions, oldest first; all have the same content.
    pub names: &'a [&'a str],
    /// The subject of an email or a letter.
    pub subject: Option<&'a str>,
    /// The body.
    pub content: &'a str,
    /// The service's address on letters, from the last version on.
    pub contact_block: Option<Uuid>,
}

/// A template with all its versions. Letters are in English and go second class.
///
/// # Errors
/// Database errors only.
pub async fn insert_template(
    db: &impl GenericClient,
    template: &NewTemplate<'_>,
    user: Uuid,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let now = sql_time::to_column(now);
    let channel: &str = template.template_type.into();
    for (version, name) in (1i32..).zip(template.names) {
        let is_last = usize::try_from(version) == Ok(template.names.len());
        let contact_block = template.contact_block.filter(|_| is_last);
        db.execute(
            "-- fixtures.insert_template: a version
            INSERT INTO templates_history (id, name, template_type, created_at, content, service_id,
                                   subject, created_by_id, version, archived, hidden,
                                   has_unsubscribe_link, service_letter_contact_id, postage,
                                   letter_languages)
            VALUES ($1, $2, $3::text::template_type, $4, $5, $6, $7, $8, $9, false, false, false,
                    $10, CASE $3 WHEN 'letter' THEN 'second' END,
                    CASE $3 WHEN 'letter' THEN 'english'::letter_language_options END)
            ON CONFLICT (id, version) DO NOTHING",
            &[
                &template.id,
                name,
                &channel,
                &now,
                &template.content,
                &template.service_id,
                &template.subject,
                &user,
                &version,
                &contact_block,
            ],
        )
        .await?;
    }
    db.execute(
        "-- fixtures.insert_template: the current one
        INSERT INTO templates (id, name, template_type, created_at, content, service_id, subject,
                               created_by_id, version, archived, hidden, has_unsubscribe_link,
                               service_letter_contact_id, postage, letter_languages)
        SELECT id, name, template_type, created_at, content, service_id, subject, created_by_id,
               version, archived, hidden, has_unsubscribe_link, service_letter_contact_id, postage,
               letter_languages
          FROM templates_history WHERE id = $1 ORDER BY version DESC LIMIT 1
        ON CONFLICT (id) DO NOTHING",
        &[&template.id],
    )
    .await?;
    db.execute(
        "-- fixtures.insert_template: not redacted
        INSERT INTO template_redacted (template_id, redact_personalisation, updated_at, updated_by_id)
        VALUES ($1, false, $2, $3) ON CONFLICT (template_id) DO NOTHING",
        &[&template.id, &now, &user],
    )
    .await?;
    Ok(())
}

/// An API key, unless the service has one of this name in force. Returns the signed secret of the
/// one that is there afterwards.
///
/// # Errors
/// Database errors only.
pub async fn insert_api_key(
    db: &impl GenericClient,
    id: ApiKeyId,
    service: ServiceId,
    key_type: KeyType,
    signed_secret: &str,
    user: Uuid,
    now: OffsetDateTime,
) -> Result<String, Error> {
    let key_type: &str = key_type.into();
    let name = format!("demo {key_type}");
    db.execute(
        "-- fixtures.insert_api_key
        INSERT INTO api_keys (id, name, secret, service_id, created_at, created_by_id, version,
                              key_type)
        VALUES ($1, $2, $3, $4, $5, $6, 1, $7)
        ON CONFLICT (service_id, name) WHERE expiry_date IS NULL DO NOTHING",
        &[&id, &name, &signed_secret, &service, &sql_time::to_column(now), &user, &key_type],
    )
    .await?;
    let row = db
        .query_one(
            "-- fixtures.insert_api_key: the one in force
            SELECT secret FROM api_keys
             WHERE service_id = $1 AND name = $2 AND expiry_date IS NULL",
            &[&service, &name],
        )
        .await?;
    Ok(row.try_get("secret")?)
}

/// The service's callback for delivery statuses, written anew.
///
/// # Errors
/// Database errors only.
pub async fn set_delivery_status_callback(
    db: &impl GenericClient,
    service: ServiceId,
    url: &str,
    signed_bearer_token: &str,
    user: Uuid,
    now: OffsetDateTime,
) -> Result<(), Error> {
    db.execute(
        "-- fixtures.set_delivery_status_callback
        INSERT INTO service_callback_api (id, service_id, url, bearer_token, created_at,
                                          updated_by_id, version, callback_type)
        VALUES (gen_random_uuid(), $1, $2, $3, $4, $5, 1, 'delivery_status')
        ON CONFLICT (service_id, callback_type)
        DO UPDATE SET url = excluded.url, bearer_token = excluded.bearer_token,
                      updated_at = excluded.created_at",
        &[&service, &url, &signed_bearer_token, &sql_time::to_column(now), &user],
    )
    .await?;
    Ok(())
}
