//! Rows that a service may have, one function each.

use domain::{ApiKeyId, KeyType};
use time::OffsetDateTime;
use tokio_postgres::{Client, types::ToSql};

use crate::{TestService, new_id, unique};

/// An API key of the service. Its secret comes as it is stored: signed.
///
/// # Panics
/// When the database refuses.
pub async fn api_key(
    db: &Client,
    service: &TestService,
    key_type: KeyType,
    signed_secret: &str,
) -> ApiKeyId {
    let id = ApiKeyId(new_id());
    let key_type: &str = key_type.into();
    execute(
        db,
        "INSERT INTO api_keys
            (id, name, secret, service_id, created_by_id, key_type, version, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, 1, now() AT TIME ZONE 'UTC')",
        &[&id, &unique("key "), &signed_secret, &service.id, &service.user_id, &key_type],
    )
    .await;
    execute(
        db,
        "INSERT INTO api_keys_history
            (id, name, secret, service_id, created_by_id, key_type, version, created_at)
        SELECT id, name, secret, service_id, created_by_id, key_type, version, created_at
          FROM api_keys WHERE id = $1",
        &[&id],
    )
    .await;
    id
}

/// Revokes an API key as of `at`.
///
/// # Panics
/// When the database refuses.
pub async fn revoke_api_key(db: &Client, id: ApiKeyId, at: OffsetDateTime) {
    let at = store::sql_time::to_column(at);
    execute(db, "UPDATE api_keys SET expiry_date = $2 WHERE id = $1", &[&id, &at]).await;
}

/// Where the service is told what becomes of its messages. The bearer token comes signed.
///
/// # Panics
/// When the database refuses.
pub async fn delivery_callback(
    db: &Client,
    service: &TestService,
    url: &str,
    signed_bearer_token: &str,
) {
    callback(db, service, "delivery_status", url, signed_bearer_token).await;
}

/// Where the service is told of something, such as an `inbound_sms`. The bearer token comes signed.
///
/// # Panics
/// When the database refuses.
pub async fn callback(
    db: &Client,
    service: &TestService,
    callback_type: &str,
    url: &str,
    signed_bearer_token: &str,
) {
    let id = new_id();
    execute(
        db,
        "INSERT INTO service_callback_api
            (id, service_id, url, bearer_token, callback_type, updated_by_id, version, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, 1, now() AT TIME ZONE 'UTC')",
        &[&id, &service.id, &url, &signed_bearer_token, &callback_type, &service.user_id],
    )
    .await;
    execute(
        db,
        "INSERT INTO service_callback_api_history
        SELECT * FROM service_callback_api WHERE id = $1",
        &[&id],
    )
    .await;
}

/// A number at which the service receives text messages; without a service, a free one.
///
/// # Panics
/// When the database refuses.
pub async fn inbound_number(db: &Client, service: Option<&TestService>, number: &str) {
    execute(
        db,
        "INSERT INTO inbound_numbers (id, number, provider, service_id, active, created_at)
        VALUES ($1, $2, 'mmg', $3, true, now() AT TIME ZONE 'UTC')",
        &[&new_id(), &number, &service.map(|service| service.id)],
    )
    .await;
}

/// Puts a mobile number or an email address on the service's guest list.
///
/// # Panics
/// When the database refuses.
pub async fn guest(db: &Client, service: &TestService, recipient: &str) {
    let kind = if recipient.contains('@') { "email" } else { "mobile" };
    execute(
        db,
        "INSERT INTO service_whitelist (id, service_id, recipient_type, recipient, created_at)
        VALUES ($1, $2, $3::text::recipient_type, $4, now() AT TIME ZONE 'UTC')",
        &[&new_id(), &service.id, &kind, &recipient],
    )
    .await;
}

/// Makes the service's emails look like an organisation's: with the logo `logo.png`, `text` beside it,
/// in red.
///
/// # Panics
/// When the database refuses.
pub async fn email_branding(db: &Client, service: &TestService, kind: &str, text: &str) {
    let id = new_id();
    execute(
        db,
        "INSERT INTO email_branding (id, name, brand_type, colour, logo, text)
        VALUES ($1, $4, $2, '#ff0000', 'logo.png', $3)",
        &[&id, &kind, &text, &id.to_string()],
    )
    .await;
    execute(
        db,
        "INSERT INTO service_email_branding (service_id, email_branding_id) VALUES ($1, $2)",
        &[&service.id, &id],
    )
    .await;
}

/// Runs one statement. Panics when the database refuses.
pub(crate) async fn execute(db: &Client, sql: &str, values: &[&(dyn ToSql + Sync)]) {
    db.execute(sql, values).await.unwrap_or_else(|error| panic!("{error:?} in {sql}"));
}
