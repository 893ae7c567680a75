//! Who calls: services and their keys.

use std::sync::Arc;

use domain::{
    ApiKey, ApiKeyId, KeyType, NotificationType, Service, ServiceId, rate::Bucket,
    service::DailyLimit,
};
use secrecy::SecretString;
use tracing::error;

use crate::{App, Error, caches::get_or_load};

/// A service with the keys that may sign its tokens.
#[derive(Clone, Debug)]
pub struct Account {
    /// The service.
    pub service: Service,
    /// Its keys: those in force, and those revoked within the last 7 days.
    pub keys: Vec<ApiKey>,
}

/// A service that has proved who it is, and with which key.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The service and its keys.
    pub account: Arc<Account>,
    /// The key that signed the token.
    pub key_id: ApiKeyId,
    /// What that key may do.
    pub key_type: KeyType,
}

impl Caller {
    /// The service that calls.
    #[must_use]
    pub fn service(&self) -> &Service {
        &self.account.service
    }
}

impl App {
    /// The service of this id and its keys, at most 2 s old; `None` when there is none.
    ///
    /// # Errors
    /// [`Error::Internal`] only.
    pub async fn account(&self, id: ServiceId) -> Result<Option<Arc<Account>>, Error> {
        get_or_load(&self.0.caches.accounts, id, async {
            let db = self.db().await?;
            let Some(service) = store::services::find(&db, id).await? else { return Ok(None) };
            let stored = store::api_keys::list(&db, id, self.clock().now()).await?;
            let keys = stored.into_iter().filter_map(|key| self.readable_key(key)).collect();
            Ok(Some(Arc::new(Account { service, keys })))
        })
        .await
    }

    /// The key, unless its secret cannot be read: then the others still work.
    fn readable_key(&self, key: store::api_keys::StoredKey) -> Option<ApiKey> {
        match self.signer().unsign::<String>(&key.signed_secret) {
            Ok(secret) => Some(ApiKey {
                id: key.id,
                key_type: key.key_type,
                secret: SecretString::from(secret),
                expiry_date: key.expiry_date,
            }),
            Err(error) => {
                error!(api_key.id = %key.id, %error, "an API key cannot be read");
                None
            }
        }
    }

    /// Counts one request against the rate limit, then looks whether the day has room for one more
    /// message of a channel (public API contract §3.1). Gives how the bucket of requests stands, too;
    /// `None` where no limit is kept.
    ///
    /// # Errors
    /// [`Error::RateLimited`], [`Error::DailyLimit`].
    pub async fn throttle(
        &self,
        caller: &Caller,
        channel: Option<NotificationType>,
    ) -> (Option<Bucket>, Result<(), Error>) {
        let (service, key_type) = (caller.service(), caller.key_type);
        let limits = &self.0.limits;
        let limit = channel.map(DailyLimit::from);
        let has_room = async {
            match limit {
                Some(limit) => limits.has_room(service, key_type, limit).await,
                None => true,
            }
        };
        let (token, room) = tokio::join!(limits.take_token(service, key_type), has_room);
        let outcome = if !token.taken {
            Err(Error::RateLimited { key_type, per_minute: service.rate_limit })
        } else if let Some(limit) = limit.filter(|_| !room) {
            Err(over_limit(service, key_type, limit))
        } else {
            Ok(())
        };
        (token.bucket, outcome)
    }

    /// How the caller's bucket of requests stands; `None` where no limit is kept. Counts nothing.
    pub async fn bucket(&self, caller: &Caller) -> Option<Bucket> {
        self.0.limits.bucket(caller.service(), caller.key_type).await
    }
}

pub(crate) fn over_limit(service: &Service, key_type: KeyType, limit: DailyLimit) -> Error {
    Error::DailyLimit { limit, max: service.daily_limit(limit, key_type) }
}
