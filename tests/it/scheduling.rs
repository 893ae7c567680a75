//! beat: every slot fires once, however many beats run.

use std::time::Duration;

use domain::Clock;
use testkit::Database;
use time::{OffsetDateTime, macros::datetime};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const ENTRY: &str = "replay-created-notifications"; // every quarter of an hour

/// Runs so many beats over one database, each for as long as `until` needs to come true.
async fn beats(database: &Database, count: usize, clock: &Clock, fired: i64) {
    let stop = CancellationToken::new();
    let mut running = JoinSet::new();
    for _ in 0..count {
        let (pool, clock, stop) = (database.pool().clone(), clock.clone(), stop.clone());
        running.spawn(async move { beat::run(pool, clock, stop).await.unwrap() });
    }
    let db = database.client().await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while slots(&db).await < fired {
        assert!(tokio::time::Instant::now() < deadline, "{} slots", slots(&db).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
    running.join_all().await;
}

async fn slots(db: &store::pool::Client) -> i64 {
    let sql = "SELECT count(*) FROM beat_slots WHERE entry = $1";
    db.query_one(sql, &[&ENTRY]).await.unwrap().get(0)
}

async fn messages(database: &Database) -> Vec<serde_json::Value> {
    let db = database.client().await;
    let now = datetime!(2027-01-01 0:00 UTC);
    let claimed = store::outbox::claim(&db, 100, now, now).await.unwrap();
    let ids: Vec<_> = claimed.iter().map(|(id, _)| *id).collect();
    store::outbox::delete(&db, &ids).await.unwrap();
    claimed.into_iter().map(|(_, message)| message).collect()
}

fn at(time: OffsetDateTime) -> Clock {
    Clock::fixed(time)
}

#[tokio::test]
async fn many_beats_fire_a_slot_once_and_make_up_for_a_long_absence_once() {
    let database = Database::create().await;
    let first = datetime!(2026-11-24 12:07 UTC);
    beats(&database, 3, &at(first), 1).await;
    assert!(messages(&database).await.is_empty(), "the first look only notes where it begins");

    let next = datetime!(2026-11-24 12:15 UTC);
    beats(&database, 3, &at(next), 2).await;
    let fired = messages(&database).await;
    assert_eq!(fired.len(), 1, "{fired:?}");
    assert_eq!((&fired[0]["task"], &fired[0]["queue"]), (&ENTRY.into(), &"periodic-tasks".into()));
    let expires = fired[0]["expires"].as_str().unwrap();
    assert!(expires.starts_with("2026-11-24T12:30:00"), "{expires}");
    assert_eq!(fired[0]["headers"]["celery_beat_task"], true);

    // Nobody was there for five hours: one catch-up, not twenty.
    let late = datetime!(2026-11-24 17:20 UTC);
    beats(&database, 3, &at(late), 3).await;
    assert_eq!(messages(&database).await.len(), 1);

    // A beat whose clock is behind fires nothing again.
    let behind = beat_once(&database, at(next)).await;
    assert_eq!(behind, 0);
    database.close().await;
}

/// One look of one beat; how many messages it wrote.
async fn beat_once(database: &Database, clock: Clock) -> usize {
    let stop = CancellationToken::new();
    stop.cancel();
    beat::run(database.pool().clone(), clock, stop).await.unwrap();
    messages(database).await.len()
}

#[tokio::test]
async fn a_slot_keeps_its_task_id_and_an_entry_can_be_fired_by_hand() {
    let (one, two) = (Database::create().await, Database::create().await);
    let mut ids = Vec::new();
    for database in [&one, &two] {
        beat_once(database, at(datetime!(2026-11-24 12:07 UTC))).await;
        beats(database, 1, &at(datetime!(2026-11-24 12:16 UTC)), 2).await;
        ids.push(messages(database).await[0]["id"].clone());
    }
    assert_eq!(ids[0], ids[1]);

    let clock = at(datetime!(2026-11-24 12:17 UTC));
    beat::fire_now(one.pool(), &clock, ENTRY).await.unwrap();
    assert_eq!(messages(&one).await.len(), 1);
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
