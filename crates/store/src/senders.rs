//! Sender names of text messages and reply-to addresses of emails.

use deadpool_postgres::GenericClient;
use domain::{ReplyToId, ServiceId, SmsSenderId};

use crate::Error;

/// The sender name or number, as entered.
///
/// # Errors
/// [`Error::NotFound`] when it is archived or not the service's.
pub async fn get_sms_sender(
    db: &impl GenericClient,
    service: ServiceId,
    id: SmsSenderId,
) -> Result<String, Error> {
    let sql = db
        .prepare_cached(
            "-- senders.get_sms_sender
        SELECT sms_sender FROM service_sms_senders
         WHERE id = $2 AND service_id = $1 AND NOT archived",
        )
        .await?;
    let row = db.query_opt(&sql, &[&service, &id]).await?;
    Ok(row.ok_or(Error::NotFound("SMS sender"))?.try_get("sms_sender")?)
}

/// The reply-to address.
///
/// # Errors
/// [`Error::NotFound`] when it is archived or not the service's.
pub async fn get_reply_to(
    db: &impl GenericClient,
    service: ServiceId,
    id: ReplyToId,
) -> Result<String, Error> {
    let sql = db
        .prepare_cached(
            "-- senders.get_reply_to
        SELECT email_address FROM service_email_reply_to
         WHERE id = $2 AND service_id = $1 AND NOT archived",
        )
        .await?;
    let row = db.query_opt(&sql, &[&service, &id]).await?;
    Ok(row.ok_or(Error::NotFound("reply-to address"))?.try_get("email_address")?)
}
