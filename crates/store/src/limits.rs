//! Limits that services share across all API processes: requests a minute, messages a day.
//!
//! They live in Redis, which may vanish at any time: then everything is allowed, counted in the
//! metric `limits_unavailable_total`, and logged at most once in ten seconds.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use domain::{Clock, KeyType, Service, rate::Bucket, redis_keys, service::DailyLimit};
use fred::{
    clients::Client,
    interfaces::{ClientLike, KeysInterface},
    types::{
        Builder,
        config::{Config, ReconnectPolicy},
        scripts::Script,
    },
};
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use tracing::warn;
use uuid::Uuid;

use crate::Error;

/// How long a request waits for Redis before it is allowed without it.
const COMMAND_TIMEOUT: Duration = Duration::from_millis(500);

/// Which Redis, and under which names.
#[derive(clap::Args, Clone, Debug)]
pub struct RedisConfig {
    /// Redis URL
    #[arg(
        long,
        env = "REDIS_URL",
        hide_env_values = true,
        default_value = "redis://localhost:6379/0"
    )]
    pub redis_url: SecretString,
    /// 0 switches Redis off: no limits are kept
    #[arg(long, env = "REDIS_ENABLED", default_value = "1")]
    pub redis_enabled: String,
    /// 0 switches the limit of requests a minute off
    #[arg(long, env = "API_RATE_LIMIT_ENABLED", default_value = "1")]
    pub api_rate_limit_enabled: String,
    /// Put before every key
    #[arg(long, env = "POSTROOM_REDIS_KEY_PREFIX", default_value = "")]
    pub redis_key_prefix: String,
}

/// The limits, kept in Redis. Cheap to share: one pipelined connection.
pub struct Limits {
    pub(crate) redis: Option<Client>,
    prefix: String,
    bucket: bool,
    take_token: Script,
    reserve: Script,
    release: Script,
    pub(crate) clock: Clock,
    last_warning: AtomicI64,
}

/// What became of a request for a token.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// False when the bucket was empty.
    pub taken: bool,
    /// How the bucket stands now; `None` where no limit is kept, and while Redis is away.
    pub bucket: Option<Bucket>,
}

/// Takes one token from a bucket, or none to see how it stands (public API contract §7.1).
///
/// KEYS: the bucket. ARGV: now (seconds), capacity, tokens added a second, tokens taken (0 or 1).
/// The value is the peer's: a little-endian f64 (when tokens were last added) and an i32 (tokens).
/// A clock that was ahead leaves a time to come, until which nothing would be added. It does not
/// count if it is further away than a bucket takes to fill; clocks of processes differ by less.
const TAKE_TOKEN: &str = "
local now, capacity, speed = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local filled_at, tokens = now, capacity
local packed = redis.call('GET', KEYS[1])
if packed and #packed == 12 then
  filled_at, tokens = struct.unpack('<di4', packed)
  if filled_at - now > capacity / speed then filled_at = now end
  local added = math.floor((now - filled_at) * speed)
  if added > 0 then
    tokens = math.min(capacity, tokens + added)
    filled_at = filled_at + added / speed
  end
end
local taken = tonumber(ARGV[4])
tokens = math.max(tokens - taken, 0)
if taken > 0 then redis.call('SET', KEYS[1], struct.pack('<di4', filled_at, tokens)) end
return tokens";

/// Counts more, unless that would be over the limit. KEYS: the counter. ARGV: the limit, how many.
const RESERVE: &str = "
local count = redis.call('INCRBY', KEYS[1], ARGV[2])
if count == tonumber(ARGV[2]) then redis.call('EXPIRE', KEYS[1], 86400) end
if count > tonumber(ARGV[1]) then
  redis.call('DECRBY', KEYS[1], ARGV[2])
  return 0
end
return 1";

/// Takes back a count, if the counter is still there. KEYS: the counter. ARGV: how many.
const RELEASE: &str = "
local count = tonumber(redis.call('GET', KEYS[1]) or '0')
if count <= 0 then return 0 end
return redis.call('DECRBY', KEYS[1], math.min(count, tonumber(ARGV[1])))";

impl Limits {
    /// Prepares the connection, which comes up by itself and stays up. Redis may be away.
    ///
    /// # Errors
    /// [`Error::Config`] when the URL cannot be understood.
    pub fn connect(config: &RedisConfig, clock: Clock) -> Result<Self, Error> {
        let redis = if config.redis_enabled == "0" { None } else { Some(connect(config)?) };
        Ok(Self {
            redis,
            prefix: config.redis_key_prefix.clone(),
            bucket: config.api_rate_limit_enabled == "1",
            take_token: Script::from_lua(TAKE_TOKEN),
            reserve: Script::from_lua(RESERVE),
            release: Script::from_lua(RELEASE),
            clock,
            last_warning: AtomicI64::new(i64::MIN),
        })
    }

    /// Takes a token for one request.
    pub async fn take_token(&self, service: &Service, key_type: KeyType) -> Token {
        match self.tokens_after(service, key_type, 1).await {
            Some(left) => {
                Token { taken: left >= 1, bucket: Some(Bucket::holding(service.rate_limit, left)) }
            }
            None => Token { taken: true, bucket: None },
        }
    }

    /// How the bucket stands; `None` where no limit is kept, and while Redis is away. Counts nothing.
    pub async fn bucket(&self, service: &Service, key_type: KeyType) -> Option<Bucket> {
        let left = self.tokens_after(service, key_type, 0).await?;
        Some(Bucket::holding(service.rate_limit, left))
    }

    async fn tokens_after(&self, service: &Service, key_type: KeyType, taken: u8) -> Option<u32> {
        let redis = self.redis.as_ref().filter(|_| self.bucket)?;
        let key = self.key(&redis_keys::rate_limit(service.id, key_type));
        let rate = service.rate_limit;
        let capacity = Bucket::capacity(rate);
        let arguments = vec![
            seconds(self.clock.now()),
            f64::from(capacity).to_string(),
            (f64::from(rate) / 60.0).to_string(),
            taken.to_string(),
        ];
        let left: Result<u32, _> =
            self.take_token.evalsha_with_reload(redis, vec![key], arguments).await;
        self.or_else(left.map(Some), None)
    }

    /// True when one more message of this kind may be sent today. Counts nothing.
    pub async fn has_room(&self, service: &Service, key_type: KeyType, limit: DailyLimit) -> bool {
        self.has_room_for(service, key_type, limit, 1).await
    }

    /// Counts so many messages of today. False, and none is counted, when that would be over the
    /// limit: however many ask at once, no more than the limit are counted. Test keys never are.
    pub async fn reserve(
        &self,
        service: &Service,
        key_type: KeyType,
        limit: DailyLimit,
        messages: i64,
    ) -> bool {
        let max = service.daily_limit(limit, key_type);
        let key = self.daily_key(service, key_type, limit);
        key_type == KeyType::Test || self.reserve_at(key, max, messages).await
    }

    /// True when so many more messages of this kind may be sent today. Counts nothing.
    pub async fn has_room_for(
        &self,
        service: &Service,
        key_type: KeyType,
        limit: DailyLimit,
        messages: i64,
    ) -> bool {
        let Some(redis) = &self.redis else { return true };
        let key = self.daily_key(service, key_type, limit);
        let count: Result<Option<i64>, _> = redis.get(key).await;
        let max = service.daily_limit(limit, key_type);
        self.or_allow(count, |count| count.unwrap_or_default().saturating_add(messages) <= max)
    }

    /// Counts one message of today, whatever the limit: what was found to have room is not stopped
    /// half way. Test keys are never counted.
    pub async fn count(&self, service: &Service, key_type: KeyType, limit: DailyLimit) {
        if key_type != KeyType::Test {
            self.reserve_at(self.daily_key(service, key_type, limit), i64::MAX, 1).await;
        }
    }

    /// Takes back what [`Limits::reserve`] counted for messages that were not stored after all.
    pub async fn release(
        &self,
        service: &Service,
        key_type: KeyType,
        limit: DailyLimit,
        messages: i64,
    ) {
        if key_type != KeyType::Test {
            self.release_at(self.daily_key(service, key_type, limit), messages).await;
        }
    }

    /// Counts one try at naming the recipient of a document. False, and not counted, when there were
    /// `most` within a day.
    pub async fn reserve_try(&self, document: Uuid, most: i64) -> bool {
        self.reserve_at(self.key(&redis_keys::document_tries(document)), most, 1).await
    }

    /// Takes back a try that was right.
    pub async fn release_try(&self, document: Uuid) {
        self.release_at(self.key(&redis_keys::document_tries(document)), 1).await;
    }

    async fn reserve_at(&self, key: String, max: i64, count: i64) -> bool {
        let Some(redis) = &self.redis else { return true };
        let arguments = vec![max.to_string(), count.to_string()];
        let reserved: Result<i64, _> =
            self.reserve.evalsha_with_reload(redis, vec![key], arguments).await;
        self.or_allow(reserved, |reserved| reserved == 1)
    }

    async fn release_at(&self, key: String, count: i64) {
        let Some(redis) = &self.redis else { return };
        let released: Result<i64, _> =
            self.release.evalsha_with_reload(redis, vec![key], vec![count.to_string()]).await;
        self.or_allow(released, |_| true);
    }

    /// Closes the connection.
    pub async fn close(&self) {
        if let Some(redis) = &self.redis {
            // Nothing is kept here that a failed goodbye could lose.
            let _ = redis.quit().await;
        }
    }

    fn daily_key(&self, service: &Service, key_type: KeyType, limit: DailyLimit) -> String {
        self.key(&redis_keys::daily_count(service.id, key_type, limit, self.clock.now().date()))
    }

    pub(crate) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub(crate) fn or_allow<T>(
        &self,
        answer: Result<T, fred::error::Error>,
        judge: impl Fn(T) -> bool,
    ) -> bool {
        self.or_else(answer.map(judge), true)
    }

    /// The answer of Redis, or what stands for it while Redis is away.
    pub(crate) fn or_else<T>(&self, answer: Result<T, fred::error::Error>, instead: T) -> T {
        answer.unwrap_or_else(|error| {
            metrics::counter!("limits_unavailable_total").increment(1);
            let now = self.clock.now().unix_timestamp();
            let last = self.last_warning.load(Ordering::Relaxed);
            if now >= last.saturating_add(10) {
                self.last_warning.store(now, Ordering::Relaxed);
                warn!(%error, "Redis does not answer; requests are allowed without limits");
            }
            instead
        })
    }
}

fn connect(config: &RedisConfig) -> Result<Client, Error> {
    let invalid = |error: fred::error::Error| Error::Config {
        setting: "REDIS_URL",
        reason: error.details().to_owned(),
    };
    let mut redis = Config::from_url(config.redis_url.expose_secret()).map_err(invalid)?;
    redis.fail_fast = true;
    let client = Builder::from_config(redis)
        .with_performance_config(|performance| {
            performance.default_command_timeout = COMMAND_TIMEOUT;
        })
        .with_connection_config(|connection| {
            connection.connection_timeout = COMMAND_TIMEOUT * 4;
            // The end of a batch would wait 40 ms for Redis to acknowledge its beginning.
            connection.tcp.nodelay = Some(true);
        })
        .set_policy(ReconnectPolicy::new_exponential(0, 100, 5_000, 2))
        .build()
        .map_err(invalid)?;
    // Connects in the background and again after every loss.
    client.connect();
    Ok(client)
}

/// Seconds since 1970 as decimal text, to the microsecond.
pub(crate) fn seconds(at: OffsetDateTime) -> String {
    format!("{}.{:06}", at.unix_timestamp(), at.microsecond())
}
