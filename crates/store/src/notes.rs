//! Small things that Redis remembers for the pages of the admin app. Losing them is harmless: then
//! a page does not show when its figures were made, or makes them anew.

use domain::{ServiceId, redis_keys};
use fred::interfaces::KeysInterface;
use time::{OffsetDateTime, UtcOffset, macros::format_description};
use uuid::Uuid;

use crate::Limits;

impl Limits {
    /// Notes when today's bill was last made.
    pub async fn note_billing_updated(&self, at: OffsetDateTime) {
        let Some(redis) = &self.redis else { return };
        let format = format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]"
        );
        // Every time can be written so.
        let Ok(text) = at.to_offset(UtcOffset::UTC).format(format) else { return };
        let key = self.key(redis_keys::BILLING_UPDATED);
        let done: Result<(), _> = redis.set(key, text, None, None, false).await;
        self.or_allow(done, |()| true);
    }

    /// When today's bill was last made: UTC, ISO 8601, without a zone. `None` when nobody knows.
    pub async fn billing_updated(&self) -> Option<String> {
        let redis = self.redis.as_ref()?;
        let found: Result<Option<String>, _> =
            redis.get(self.key(redis_keys::BILLING_UPDATED)).await;
        found.ok().flatten()
    }

    /// Has the admin app ask anew who a user is.
    pub async fn forget_user(&self, user: Uuid) {
        let Some(redis) = &self.redis else { return };
        let done: Result<i64, _> = redis.del(self.key(&redis_keys::user(user))).await;
        self.or_allow(done, |_| true);
    }

    /// Has the admin app ask anew what a service's unsubscribe requests are.
    pub async fn forget_unsubscribe_requests(&self, service: ServiceId) {
        let Some(redis) = &self.redis else { return };
        let keys = redis_keys::unsubscribe_requests(service).map(|name| self.key(&name));
        let done: Result<i64, _> = redis.del(keys.to_vec()).await;
        self.or_allow(done, |_| true);
    }
}
