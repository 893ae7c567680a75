//! Where services want to be called.

use deadpool_postgres::GenericClient;
use domain::ServiceId;
use strum::VariantArray;

use crate::Error;

/// A service's callback.
#[derive(Clone)]
pub struct ServiceCallback {
    /// Where to post.
    pub url: String,
    /// The bearer token, signed.
    pub signed_bearer_token: String,
}

/// What a service can be called back for. The column uses the snake-case names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, VariantArray)]
pub enum CallbackType {
    /// The final status of a message.
    DeliveryStatus,
    /// A text message was received.
    InboundSms,
    /// A recipient complained about an email.
    Complaint,
    /// A letter came back.
    ReturnedLetter,
}

impl CallbackType {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DeliveryStatus => "delivery_status",
            Self::InboundSms => "inbound_sms",
            Self::Complaint => "complaint",
            Self::ReturnedLetter => "returned_letter",
        }
    }
}

/// The service's callback of this type, if it has one.
///
/// # Errors
/// Database errors only.
pub async fn find(
    db: &impl GenericClient,
    service: ServiceId,
    callback_type: CallbackType,
) -> Result<Option<ServiceCallback>, Error> {
    let sql = db
        .prepare_cached(
            "-- service_callbacks.find
        SELECT url, bearer_token FROM service_callback_api
         WHERE service_id = $1 AND callback_type = $2",
        )
        .await?;
    let row = db.query_opt(&sql, &[&service, &callback_type.name()]).await?;
    row.map(|row| {
        Ok(ServiceCallback {
            url: row.try_get("url")?,
            signed_bearer_token: row.try_get("bearer_token")?,
        })
    })
    .transpose()
}
