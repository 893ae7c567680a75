//! `store::beat`: a slot is taken once, with its message, and only while it is the latest.

use store::{beat, beat::Due, outbox::OutboxRow};
use testkit::Database;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::notifications::NOW;

const HOUR: Duration = Duration::HOUR;

/// A database whose clock stands at `NOW`, rounded down to a second.
async fn database() -> (Database, OffsetDateTime) {
    let database = Database::create().await;
    database.set_clock(NOW).await;
    (database, NOW.replace_nanosecond(0).unwrap())
}

/// The slot of an hourly entry, whose message has the id `message`.
fn due(entry: &str, slot: OffsetDateTime, message: u128) -> Due<'_> {
    let message = OutboxRow {
        id: Uuid::from_u128(message),
        created_at: slot,
        queue: "periodic-tasks".to_owned(),
        task: entry.to_owned(),
        message: serde_json::json!({ "id": message.to_string() }),
        claimed_until: None,
    };
    Due { entry, slot, next: slot + HOUR, message }
}

#[tokio::test]
async fn the_time_is_the_databases() {
    let (database, now) = database().await;
    assert_eq!(beat::now(&database.client().await).await.unwrap(), now);
}

#[tokio::test]
async fn a_slot_is_taken_once_with_its_message() {
    let (database, now) = database().await;
    let db = database.client().await;
    let first = beat::fire(&db, &[due("a", now, 1)]).await.unwrap();
    assert!(first.is_empty(), "the first slot of an entry only notes where it begins");
    assert!(beat::fire(&db, &[due("a", now, 2)]).await.unwrap().is_empty());

    database.set_clock(now + HOUR).await;
    let next = [due("b", now + HOUR, 3), due("a", now + HOUR, 4)];
    let id = Uuid::from_u128(4);
    assert_eq!(beat::fire(&db, &next).await.unwrap(), [id], "`b` begins here");
    assert!(beat::fire(&db, &next).await.unwrap().is_empty());
    let waiting = store::outbox::claim(&db, 10, now, now).await.unwrap();
    assert_eq!(waiting, [(id, serde_json::json!({ "id": "4" }))]);
}

#[tokio::test]
async fn a_slot_that_is_past_or_not_yet_due_is_not_taken() {
    let (database, now) = database().await;
    let db = database.client().await;
    beat::fire(&db, &[due("a", now, 1)]).await.unwrap();
    database.set_clock(now + 5 * HOUR).await;
    for slot in [now + 4 * HOUR, now + 6 * HOUR] {
        assert!(beat::fire(&db, &[due("a", slot, 2)]).await.unwrap().is_empty());
    }
    let late = due("a", now + 5 * HOUR, 3);
    assert_eq!(beat::fire(&db, &[late]).await.unwrap().len(), 1);
    database.set_clock(now + 6 * HOUR).await;
    let next = due("a", now + 6 * HOUR, 4);
    assert_eq!(beat::fire(&db, &[next]).await.unwrap().len(), 1, "it was not taken before");
}

#[tokio::test]
async fn slots_are_forgotten_when_they_are_old_and_many() {
    let (database, now) = database().await;
    let db = database.client().await;
    let insert = "INSERT INTO beat_slots (entry, slot, created_at)
        SELECT $1, slot, slot FROM generate_series($2::timestamp, $3, $4::text::interval) AS slot";
    let column = store::sql_time::to_column;
    for (entry, from, step) in [
        ("hourly", now - Duration::days(30), "1 hour"),
        ("daily", now - Duration::days(99), "1 day"),
    ] {
        let (from, until) = (column(from), column(now));
        db.execute(insert, &[&entry, &from, &until, &step]).await.unwrap();
    }
    let count = async |entry: &str| -> i64 {
        let sql = "SELECT count(*) FROM beat_slots WHERE entry = $1";
        db.query_one(sql, &[&entry]).await.unwrap().get(0)
    };
    beat::forget(&db, &["hourly", "daily"]).await.unwrap();
    assert_eq!(count("hourly").await, 7 * 24 + 1);
    assert_eq!(count("daily").await, 100);

    database.set_clock(now + Duration::days(1000)).await;
    let db = database.pool().get().await.unwrap();
    beat::forget(&db, &["hourly", "daily"]).await.unwrap();
    assert_eq!(count("hourly").await, 100, "a clock that is wrong leaves the latest");
}
