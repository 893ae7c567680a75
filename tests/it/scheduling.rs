//! beat: every slot fires once, however many beats run and whatever clocks do.

use domain::Clock;
use testkit::Database;
use time::{Duration, OffsetDateTime, macros::datetime};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const ENTRY: &str = "replay-created-notifications"; // every quarter of an hour
const NOON: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);
const QUARTER: Duration = Duration::minutes(15);

/// Lets several beats look at once, whose own clocks differ by years, when the database's clock
/// shows this time. Returns the messages that they wrote.
async fn look(database: &Database, now: OffsetDateTime) -> Vec<serde_json::Value> {
    database.set_clock(now).await;
    let mut beats = JoinSet::new();
    for number in 0..3 {
        let stop = CancellationToken::new();
        stop.cancel(); // after the first look
        let clock = Clock::fixed(NOON + number * Duration::weeks(100));
        beats.spawn(beat::run(database.pool().clone(), clock, stop));
    }
    for result in beats.join_all().await {
        result.unwrap();
    }
    let db = database.client().await;
    let claimed = store::outbox::claim(&db, 100, now, now).await.unwrap();
    let ids: Vec<_> = claimed.iter().map(|(id, _)| *id).collect();
    store::outbox::delete(&db, &ids).await.unwrap();
    let ours = |message: &serde_json::Value| message["task"] == ENTRY;
    claimed.into_iter().map(|(_, message)| message).filter(ours).collect()
}

#[tokio::test]
async fn many_beats_fire_a_slot_once() {
    let database = Database::create().await;
    let first = look(&database, NOON + Duration::minutes(7)).await;
    assert!(first.is_empty(), "the first look only notes where the entry begins: {first:?}");
    assert!(look(&database, NOON + QUARTER - Duration::SECOND).await.is_empty());

    let fired = look(&database, NOON + QUARTER).await;
    assert_eq!(fired.len(), 1, "{fired:?}");
    assert_eq!((&fired[0]["task"], &fired[0]["queue"]), (&ENTRY.into(), &"periodic-tasks".into()));
    let expires = fired[0]["expires"].as_str().unwrap();
    assert!(expires.starts_with("2026-11-24T12:30:00"), "{expires}");
    assert_eq!(fired[0]["headers"]["celery_beat_task"], true);
    assert!(look(&database, NOON + QUARTER + Duration::minutes(14)).await.is_empty());
    database.close().await;
}

#[tokio::test]
async fn a_long_absence_is_made_up_for_once() {
    let database = Database::create().await;
    look(&database, NOON).await;
    let late = NOON + 20 * QUARTER + Duration::minutes(5);
    assert_eq!(look(&database, late).await.len(), 1);
    assert!(look(&database, late + Duration::SECOND).await.is_empty());
    assert_eq!(look(&database, late + QUARTER).await.len(), 1);
    database.close().await;
}

#[tokio::test]
async fn a_clock_that_was_ahead_hides_no_slot_and_doubles_none() {
    let database = Database::create().await;
    look(&database, NOON).await;
    assert_eq!(look(&database, NOON + 3 * QUARTER).await.len(), 1, "the clock jumps ahead");
    assert_eq!(look(&database, NOON + 4 * QUARTER).await.len(), 1);
    for quarter in [1, 2] {
        assert_eq!(look(&database, NOON + quarter * QUARTER).await.len(), 1, "it was put back");
    }
    for quarter in [3, 4] {
        assert!(look(&database, NOON + quarter * QUARTER).await.is_empty(), "these have fired");
    }
    assert_eq!(look(&database, NOON + 5 * QUARTER).await.len(), 1);
    database.close().await;
}

#[tokio::test]
async fn a_clock_that_was_behind_doubles_nothing() {
    let database = Database::create().await;
    for quarter in 0..8 {
        look(&database, NOON + quarter * QUARTER).await;
    }
    for quarter in [2, 3, 4, 7] {
        assert!(look(&database, NOON + quarter * QUARTER).await.is_empty());
    }
    assert_eq!(look(&database, NOON + 8 * QUARTER).await.len(), 1);
    database.close().await;
}

#[tokio::test]
async fn years_ahead_and_back_again_double_nothing() {
    let database = Database::create().await;
    look(&database, NOON - QUARTER).await;
    assert_eq!(look(&database, NOON).await.len(), 1);
    for year in 1..5 {
        assert_eq!(look(&database, NOON + year * Duration::days(365)).await.len(), 1);
    }
    assert!(look(&database, NOON).await.is_empty());
    database.close().await;
}

#[tokio::test]
async fn a_slot_keeps_its_task_id_and_an_entry_can_be_fired_by_hand() {
    let (one, two) = (Database::create().await, Database::create().await);
    let mut ids = Vec::new();
    for database in [&one, &two] {
        look(database, NOON).await;
        ids.push(look(database, NOON + QUARTER).await[0]["id"].clone());
    }
    assert_eq!(ids[0], ids[1]);

    let clock = Clock::fixed(NOON + QUARTER);
    beat::fire_now(one.pool(), &clock, ENTRY).await.unwrap();
    let by_hand = look(&one, NOON + QUARTER).await;
    assert_eq!(by_hand.len(), 1);
    assert_ne!(by_hand[0]["id"], ids[0]);
    assert!(beat::fire_now(one.pool(), &clock, "nonsense").await.is_err());
    one.close().await;
    two.close().await;
}

#[tokio::test]
async fn every_task_has_its_handler() {
    let t = crate::app::TestApp::start().await;
    let mut registered = t.registered();
    registered.sort();
    let reserved = tasks::reserved::ALL.iter().map(|(name, _)| (*name).to_owned());
    let mut expected: Vec<String> =
        tasks::ALL.iter().map(|name| (*name).to_owned()).chain(reserved).collect();
    expected.sort();
    assert_eq!(registered, expected);
    t.end().await;
}

#[tokio::test]
async fn no_run_may_take_as_long_as_the_broker_waits_for_its_end() {
    // RabbitMQ's consumer_timeout: then it gives the message to another worker as well.
    const BROKER: Duration = Duration::minutes(30);
    let t = crate::app::TestApp::start().await;
    let registry = worker::registry::registry(t.context());
    let limits: Vec<_> = registry.time_limits().collect();
    assert_eq!(limits.len(), tasks::ALL.len());
    for (name, limit) in limits {
        assert!(limit <= BROKER - Duration::minutes(5), "{name}: {limit:?}");
    }
    t.end().await;
}
