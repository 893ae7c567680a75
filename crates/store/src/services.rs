//! Services, as the sending path sees them.

use deadpool_postgres::GenericClient;
use domain::{Service, ServiceId, service::EmailBranding};
use tokio_postgres::Row;

use crate::Error;

/// The service with its permissions and default senders; `None` when there is none.
///
/// # Errors
/// Database errors only.
pub async fn find(db: &impl GenericClient, id: ServiceId) -> Result<Option<Service>, Error> {
    let sql = db
        .prepare_cached(
            "-- services.find
        SELECT s.id, s.name, s.active, s.restricted, s.prefix_sms, s.rate_limit,
               s.email_message_limit, s.sms_message_limit, s.letter_message_limit,
               s.international_sms_message_limit, s.contact_link, s.email_sender_local_part,
               s.custom_email_sender_name,
               ARRAY(SELECT p.permission FROM service_permissions p WHERE p.service_id = s.id)
                   AS permissions,
               (SELECT x.sms_sender FROM service_sms_senders x
                 WHERE x.service_id = s.id AND x.is_default AND NOT x.archived LIMIT 1)
                   AS default_sms_sender,
               (SELECT r.email_address FROM service_email_reply_to r
                 WHERE r.service_id = s.id AND r.is_default AND NOT r.archived LIMIT 1)
                   AS default_reply_to,
               b.brand_type, b.colour, b.logo, b.text AS brand_text, b.alt_text
          FROM services s
          LEFT JOIN service_email_branding sb ON sb.service_id = s.id
          LEFT JOIN email_branding b ON b.id = sb.email_branding_id
         WHERE s.id = $1",
        )
        .await?;
    let Some(row) = db.query_opt(&sql, &[&id]).await? else { return Ok(None) };
    let permissions: Vec<&str> = row.try_get("permissions")?;
    Ok(Some(Service {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        active: row.try_get("active")?,
        restricted: row.try_get("restricted")?,
        prefix_sms: row.try_get("prefix_sms")?,
        rate_limit: u32::try_from(row.try_get::<_, i32>("rate_limit")?).unwrap_or_default(),
        email_limit: row.try_get("email_message_limit")?,
        sms_limit: row.try_get("sms_message_limit")?,
        letter_limit: row.try_get("letter_message_limit")?,
        international_sms_limit: row.try_get("international_sms_message_limit")?,
        permissions: permissions.iter().filter_map(|text| text.parse().ok()).collect(),
        contact_link: row.try_get("contact_link")?,
        email_sender_local_part: row.try_get("email_sender_local_part")?,
        custom_email_sender_name: row.try_get("custom_email_sender_name")?,
        default_sms_sender: row.try_get("default_sms_sender")?,
        default_reply_to: row.try_get("default_reply_to")?,
        email_branding: email_branding(&row)?,
    }))
}

/// The branding, if the service has one of a kind that we know.
fn email_branding(row: &Row) -> Result<Option<EmailBranding>, Error> {
    let kind: Option<&str> = row.try_get("brand_type")?;
    let Some(kind) = kind.and_then(|kind| kind.parse().ok()) else { return Ok(None) };
    Ok(Some(EmailBranding {
        kind,
        colour: row.try_get("colour")?,
        logo: row.try_get("logo")?,
        text: row.try_get("brand_text")?,
        alt_text: row.try_get("alt_text")?,
    }))
}

/// Everyone a team key or a service in trial mode may send to: the mobile numbers and addresses of
/// its team, and its guest list, as entered.
///
/// # Errors
/// Database errors only.
pub async fn safelist(db: &impl GenericClient, id: ServiceId) -> Result<Vec<String>, Error> {
    let sql = db
        .prepare_cached(
            "-- services.safelist
        SELECT u.email_address AS recipient FROM users u
          JOIN user_to_service m ON m.user_id = u.id WHERE m.service_id = $1 AND u.state = 'active'
        UNION
        SELECT u.mobile_number FROM users u
          JOIN user_to_service m ON m.user_id = u.id
         WHERE m.service_id = $1 AND u.state = 'active' AND u.mobile_number IS NOT NULL
        UNION
        SELECT g.recipient FROM service_whitelist g WHERE g.service_id = $1",
        )
        .await?;
    let rows = db.query(&sql, &[&id]).await?;
    rows.iter().map(|row| Ok(row.try_get("recipient")?)).collect()
}

/// How many live services there are, and how many organisations they belong to.
///
/// # Errors
/// Database errors only.
pub async fn count_live(db: &impl GenericClient) -> Result<(i64, i64), Error> {
    let sql = db
        .prepare_cached(
            "-- services.count_live
        SELECT count(*) AS services, count(DISTINCT organisation_id) AS organisations
          FROM services WHERE active AND NOT restricted AND count_as_live",
        )
        .await?;
    let row = db.query_one(&sql, &[]).await?;
    Ok((row.try_get("services")?, row.try_get("organisations")?))
}
