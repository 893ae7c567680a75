//! `store::limits` on a real Redis.

use std::sync::{Arc, Mutex};

use domain::{Clock, KeyType, Service, ServiceId, service::DailyLimit};
use fred::interfaces::{ClientLike, KeysInterface};
use store::{Limits, RedisConfig};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::notifications::NOW;

/// Keys of a test's own.
fn config(url: &str) -> RedisConfig {
    RedisConfig {
        redis_url: url.to_owned().into(),
        redis_enabled: "1".to_owned(),
        api_rate_limit_enabled: "1".to_owned(),
        redis_key_prefix: testkit::unique("test-"),
    }
}

/// Limits under keys of their own, on a clock that the test moves.
fn limits(url: &str) -> (Limits, Arc<Mutex<OffsetDateTime>>) {
    let now = Arc::new(Mutex::new(NOW));
    let hand = Arc::clone(&now);
    let clock = Clock::from_fn(move || *hand.lock().unwrap());
    (Limits::connect(&config(url), clock).unwrap(), now)
}

fn redis_url() -> String {
    std::env::var("POSTROOM_TEST_REDIS_URL")
        .expect("POSTROOM_TEST_REDIS_URL is not set: run `make test`")
}

fn service(rate_limit: u32, sms_limit: i64) -> Service {
    Service {
        id: ServiceId(Uuid::from_u128(1)),
        name: "Pigeons".to_owned(),
        active: true,
        restricted: false,
        prefix_sms: true,
        rate_limit,
        email_limit: 10,
        sms_limit,
        letter_limit: 10,
        international_sms_limit: 10,
        permissions: std::collections::HashSet::new(),
        contact_link: None,
        email_sender_local_part: "pigeons".to_owned(),
        custom_email_sender_name: None,
        default_sms_sender: None,
        default_reply_to: None,
        email_branding: None,
    }
}

async fn taken(limits: &Limits, service: &Service, requests: usize) -> usize {
    let mut allowed = 0;
    for _ in 0..requests {
        allowed += usize::from(limits.take_token(service, KeyType::Normal).await.taken);
    }
    allowed
}

#[tokio::test]
async fn a_clock_that_was_ahead_stops_nobody_after_it_is_put_right() {
    let (limits, now) = limits(&redis_url());
    let service = service(60, 0);
    *now.lock().unwrap() += Duration::hours(1);
    assert_eq!(taken(&limits, &service, 1).await, 1);
    *now.lock().unwrap() -= Duration::hours(1);
    assert_eq!(taken(&limits, &service, 40).await, 19, "what was left");
    *now.lock().unwrap() += Duration::seconds(2);
    assert_eq!(taken(&limits, &service, 40).await, 1, "two are added, of which one stays");
    // A clock that is a little behind the others gains nothing by it.
    *now.lock().unwrap() -= Duration::seconds(1);
    assert_eq!(taken(&limits, &service, 1).await, 0);
    *now.lock().unwrap() += Duration::seconds(1);
    assert_eq!(taken(&limits, &service, 40).await, 0);
}

#[tokio::test]
async fn a_full_bucket_serves_a_third_of_the_rate_at_once_and_refills_by_the_second() {
    let (limits, now) = limits(&redis_url());
    let service = service(60, 0);
    assert_eq!(taken(&limits, &service, 40).await, 20, "ceil(60 / 3) + 1, of which one stays");
    assert!(limits.take_token(&service, KeyType::Team).await.taken, "each type of key has its own");
    *now.lock().unwrap() += Duration::milliseconds(500);
    assert_eq!(taken(&limits, &service, 3).await, 0, "only whole tokens are added");
    let left = async || limits.bucket(&service, KeyType::Normal).await.map(|bucket| bucket.left);
    assert_eq!((left().await, left().await), (Some(0), Some(0)));
    *now.lock().unwrap() += Duration::milliseconds(3500);
    assert_eq!((left().await, left().await), (Some(3), Some(3)), "looking takes none");
    assert_eq!(taken(&limits, &service, 9).await, 3, "4 added, of which one stays");
}

#[tokio::test]
async fn the_daily_limit_is_exact_however_many_ask_at_once() {
    let (limits, now) = limits(&redis_url());
    let (limits, service) = (Arc::new(limits), service(0, 25));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (limits, service) = (Arc::clone(&limits), service.clone());
        clients.spawn(async move {
            limits.reserve(&service, KeyType::Normal, DailyLimit::Sms, 1).await
        });
    }
    let allowed = clients.join_all().await.into_iter().filter(|allowed| *allowed).count();
    assert_eq!(allowed, 25);
    assert!(!limits.has_room(&service, KeyType::Team, DailyLimit::Sms).await, "one for both keys");
    assert!(limits.has_room(&service, KeyType::Test, DailyLimit::Sms).await);
    assert!(limits.reserve(&service, KeyType::Test, DailyLimit::Sms, 1).await, "never counted");

    limits.release(&service, KeyType::Normal, DailyLimit::Sms, 1).await;
    assert!(limits.reserve(&service, KeyType::Normal, DailyLimit::Sms, 1).await);
    *now.lock().unwrap() += Duration::days(1);
    assert!(limits.has_room(&service, KeyType::Normal, DailyLimit::Sms).await, "a new day");
}

#[tokio::test]
async fn many_messages_are_counted_all_or_none() {
    let (limits, _) = limits(&redis_url());
    let service = service(0, 10);
    let reserve =
        async |messages| limits.reserve(&service, KeyType::Normal, DailyLimit::Sms, messages).await;
    assert!(!reserve(11).await);
    assert!(reserve(6).await);
    assert!(!reserve(5).await, "each would fit alone");
    assert!(reserve(4).await);
    assert!(!reserve(1).await);
    limits.release(&service, KeyType::Normal, DailyLimit::Sms, 4).await;
    assert!(reserve(4).await && !reserve(1).await);
    // More than was counted leaves no debt.
    limits.release(&service, KeyType::Normal, DailyLimit::Sms, 20).await;
    assert!(!reserve(11).await && reserve(10).await);
}

#[tokio::test]
async fn without_redis_everything_is_allowed() {
    // Port 1 is nobody's.
    let (limits, _) = limits("redis://127.0.0.1:1/0");
    let service = service(0, 0);
    assert!(limits.take_token(&service, KeyType::Normal).await.taken);
    assert!(limits.has_room(&service, KeyType::Normal, DailyLimit::Sms).await);
    assert!(limits.reserve(&service, KeyType::Normal, DailyLimit::Sms, 1).await);
    limits.close().await;
}

#[tokio::test]
async fn errors_are_counted_in_a_window_that_slides() {
    let (limits, now) = limits(&redis_url());
    let minute = Duration::minutes(1);
    for expected in 1..=3 {
        assert_eq!(limits.count_provider_error("mmg", minute).await, expected);
        *now.lock().unwrap() += Duration::seconds(25);
    }
    assert_eq!(limits.count_provider_error("firetext", minute).await, 1);
    assert_eq!(limits.count_provider_error("mmg", minute).await, 3, "the first is 75 seconds old");
}

#[tokio::test]
async fn slow_minutes_are_counted_in_a_row_and_each_once() {
    let (limits, now) = limits(&redis_url());
    for expected in 1..=3 {
        assert_eq!(limits.count_slow_minute(true).await, expected);
        assert_eq!(limits.count_slow_minute(true).await, 0, "the same minute");
        *now.lock().unwrap() += Duration::minutes(1);
    }
    assert_eq!(limits.count_slow_minute(false).await, 0);
    *now.lock().unwrap() += Duration::minutes(1);
    assert_eq!(limits.count_slow_minute(true).await, 1, "begins anew");
}

#[tokio::test]
async fn only_one_is_first() {
    let (limits, _) = limits(&redis_url());
    assert!(limits.is_first("ticket", Duration::HOUR).await);
    assert!(!limits.is_first("ticket", Duration::HOUR).await);
    assert!(limits.is_first("another", Duration::HOUR).await);
    limits.forget_first("ticket").await;
    assert!(limits.is_first("ticket", Duration::HOUR).await);
}

#[tokio::test]
async fn every_key_goes_by_itself_but_the_buckets_and_the_time_of_the_last_bill() {
    let config = config(&redis_url());
    let limits = Limits::connect(&config, Clock::from_fn(|| NOW)).unwrap();
    let service = service(60, 10);
    for key_type in [KeyType::Normal, KeyType::Team, KeyType::Test] {
        limits.take_token(&service, key_type).await;
        limits.reserve(&service, key_type, DailyLimit::Sms, 1).await;
        limits.count(&service, key_type, DailyLimit::Email).await;
        limits.release(&service, key_type, DailyLimit::Letter, 1).await;
    }
    limits.count_provider_error("mmg", Duration::MINUTE).await;
    limits.count_slow_minute(true).await;
    limits.is_first("ticket", Duration::HOUR).await;
    limits.note_billing_updated(NOW).await;

    let redis = fred::clients::Client::new(
        fred::types::config::Config::from_url(&redis_url()).unwrap(),
        None,
        None,
        None,
    );
    redis.init().await.unwrap();
    let all = format!("{}*", config.redis_key_prefix);
    let keys: Vec<String> = redis.custom(fred::cmd!("KEYS"), vec![all]).await.unwrap();
    assert_eq!(keys.len(), 3 + 2 + 4, "{keys:?}");
    for key in keys {
        let seconds: i64 = redis.ttl(&key).await.unwrap();
        // The contract has these stay; no more than a few for each service.
        let stays = key.ends_with(domain::redis_keys::BILLING_UPDATED) || key.contains("-tokens-");
        assert_eq!(seconds > 0, !stays, "{key}: {seconds}");
    }
}
