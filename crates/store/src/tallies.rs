//! Counts that all processes share and that may be lost, as the limits may: in Redis.

use domain::redis_keys;
use fred::{
    interfaces::KeysInterface,
    types::{Expiration, SetOptions, scripts::Script},
};
use time::Duration;

use crate::{Limits, limits::seconds};

/// Counts an event in a window that slides. KEYS: the window. ARGV: now and the length of the window
/// in seconds, a name that no other event has.
const COUNT: &str = "
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', tonumber(ARGV[1]) - tonumber(ARGV[2]))
redis.call('EXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1])";

/// Counts minutes in a row. KEYS: the count. ARGV: the minute, 1 to count it and 0 to begin anew.
/// A minute that was counted before gives 0.
const COUNT_MINUTE: &str = "
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
  return 0
end
if redis.call('HGET', KEYS[1], 'minute') == ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'minute', ARGV[1])
redis.call('EXPIRE', KEYS[1], 300)
return redis.call('HINCRBY', KEYS[1], 'count', 1)";

impl Limits {
    /// Counts an error of a provider; gives how many there were within `window`. 0 without Redis.
    pub async fn count_provider_error(&self, provider: &str, window: Duration) -> i64 {
        let Some(redis) = &self.redis else { return 0 };
        let key = self.key(&redis_keys::provider_errors(provider));
        let arguments = vec![
            seconds(self.clock.now()),
            window.whole_seconds().to_string(),
            self.clock.new_id().to_string(),
        ];
        let count: Result<i64, _> =
            Script::from_lua(COUNT).evalsha_with_reload(redis, vec![key], arguments).await;
        self.or_else(count, 0)
    }

    /// Counts this minute as one of slow deliveries, or begins anew; gives how many there were in a
    /// row. 0 without Redis, and when this minute was counted before.
    pub async fn count_slow_minute(&self, is_slow: bool) -> i64 {
        let Some(redis) = &self.redis else { return 0 };
        let key = self.key(redis_keys::SLOW_MINUTES);
        let minute = self.clock.now().unix_timestamp() / 60;
        let arguments = vec![minute.to_string(), i32::from(is_slow).to_string()];
        let count: Result<i64, _> =
            Script::from_lua(COUNT_MINUTE).evalsha_with_reload(redis, vec![key], arguments).await;
        self.or_else(count, 0)
    }

    /// True for whoever asks first for this name within `keep`; and for all without Redis.
    pub async fn is_first(&self, name: &str, keep: Duration) -> bool {
        let Some(redis) = &self.redis else { return true };
        let key = self.key(&redis_keys::first(name));
        let keep = Some(Expiration::EX(keep.whole_seconds()));
        let set: Result<Option<String>, _> =
            redis.set(key, "1", keep, Some(SetOptions::NX), false).await;
        self.or_else(set.map(|set| set.is_some()), true)
    }

    /// Lets the next one be first again.
    pub async fn forget_first(&self, name: &str) {
        let Some(redis) = &self.redis else { return };
        let deleted: Result<i64, _> = redis.del(self.key(&redis_keys::first(name))).await;
        self.or_else(deleted, 0);
    }
}
