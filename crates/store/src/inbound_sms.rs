//! Text messages that services received, and the numbers they are received at.

use deadpool_postgres::GenericClient;
use domain::{InboundSmsId, ServiceId};
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::{Error, sql_time};

/// A received text message.
#[derive(Clone)]
pub struct InboundSms {
    /// Its id.
    pub id: InboundSmsId,
    /// Whose it is.
    pub service_id: ServiceId,
    /// The text, signed.
    pub signed_content: String,
    /// The service's number.
    pub notify_number: String,
    /// The sender's.
    pub user_number: String,
    /// When it reached us.
    pub created_at: OffsetDateTime,
    /// When it reached the provider; the peer's rows may lack it.
    pub provider_date: Option<OffsetDateTime>,
    /// The provider's id of it.
    pub provider_reference: Option<String>,
    /// The provider.
    pub provider: String,
}

/// The service that receives at this number, if the number is active.
///
/// # Errors
/// Database errors only.
pub async fn find_service(
    db: &impl GenericClient,
    number: &str,
) -> Result<Option<ServiceId>, Error> {
    let sql = db
        .prepare_cached(
            "-- inbound_sms.find_service
        SELECT service_id FROM inbound_numbers
         WHERE number = $1 AND active AND service_id IS NOT NULL",
        )
        .await?;
    let row = db.query_opt(&sql, &[&number]).await?;
    row.map(|row| Ok(row.try_get("service_id")?)).transpose()
}

/// How many active numbers no service has yet.
///
/// # Errors
/// Database errors only.
pub async fn count_free_numbers(db: &impl GenericClient) -> Result<i64, Error> {
    let sql = db
        .prepare_cached(
            "-- inbound_sms.count_free_numbers
        SELECT count(*) FROM inbound_numbers WHERE active AND service_id IS NULL",
        )
        .await?;
    Ok(db.query_one(&sql, &[]).await?.try_get(0)?)
}

/// Keeps a message.
///
/// # Errors
/// Database errors only.
pub async fn insert(db: &impl GenericClient, sms: &InboundSms) -> Result<(), Error> {
    let sql = db
        .prepare_cached(
            "-- inbound_sms.insert
        INSERT INTO inbound_sms (id, service_id, content, notify_number, user_number, created_at,
                                 provider_date, provider_reference, provider)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .await?;
    db.execute(
        &sql,
        &[
            &sms.id,
            &sms.service_id,
            &sms.signed_content,
            &sms.notify_number,
            &sms.user_number,
            &sql_time::to_column(sms.created_at),
            &sms.provider_date.map(sql_time::to_column),
            &sms.provider_reference,
            &sms.provider,
        ],
    )
    .await?;
    Ok(())
}

/// The message, if it is the service's.
///
/// # Errors
/// [`Error::NotFound`] when there is no such row for this service.
pub async fn get(
    db: &impl GenericClient,
    service: ServiceId,
    id: InboundSmsId,
) -> Result<InboundSms, Error> {
    let sql = db
        .prepare_cached(
            "-- inbound_sms.get
        SELECT id, service_id, content, notify_number, user_number, created_at, provider_date,
               provider_reference, provider
          FROM inbound_sms WHERE service_id = $1 AND id = $2",
        )
        .await?;
    let row = db.query_opt(&sql, &[&service, &id]).await?;
    let row = row.ok_or(Error::NotFound("received text message"))?;
    let provider_date: Option<PrimitiveDateTime> = row.try_get("provider_date")?;
    Ok(InboundSms {
        id: row.try_get("id")?,
        service_id: row.try_get("service_id")?,
        signed_content: row.try_get("content")?,
        notify_number: row.try_get("notify_number")?,
        user_number: row.try_get("user_number")?,
        created_at: sql_time::from_column(row.try_get("created_at")?),
        provider_date: provider_date.map(sql_time::from_column),
        provider_reference: row.try_get("provider_reference")?,
        provider: row.try_get("provider")?,
    })
}
