//! beat as processes that are killed, paused and left without a database: no slot is missed, and
//! none is doubled. Tests move the database's clock from slot to slot.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use testkit::{
    Database, Postgres,
    process::{self, signal},
};
use time::{OffsetDateTime, PrimitiveDateTime, macros::datetime};
use tokio::process::Child;

const ENTRY: &str = "replay-created-notifications"; // every quarter of an hour

/// How soon a slot must be taken. It is a second or two, but this machine may be busy.
const SOON: Duration = Duration::from_secs(15);

/// A slot of the entry, counted from one that has nothing special.
fn slot(number: i32) -> OffsetDateTime {
    datetime!(2026-11-24 12:00 UTC) + number * time::Duration::minutes(15)
}

fn start(url: &str) -> Child {
    let mut command = process::command(env!("CARGO_BIN_EXE_postroom"));
    command.arg("beat").env("SQLALCHEMY_DATABASE_URI", url).spawn().unwrap()
}

async fn kill(beat: &mut Child) {
    signal(beat, "KILL").await;
    beat.wait().await.unwrap();
}

/// Waits until this slot is taken.
async fn until_taken(pool: &store::Pool, slot: OffsetDateTime) {
    let started = Instant::now();
    while !taken(pool).await.contains(&slot) {
        assert!(started.elapsed() < SOON, "{slot} is not taken: {:?}", taken(pool).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The slots that were taken.
async fn taken(pool: &store::Pool) -> Vec<OffsetDateTime> {
    let sql = "SELECT slot FROM beat_slots WHERE entry = $1 ORDER BY slot";
    let rows = pool.get().await.unwrap().query(sql, &[&ENTRY]).await.unwrap();
    rows.iter().map(|row| row.get::<_, PrimitiveDateTime>("slot").assume_utc()).collect()
}

/// The slots with these numbers were taken and no other, and each has one message; except the first,
/// which only notes where the entry begins.
async fn check(pool: &store::Pool, numbers: impl IntoIterator<Item = i32>) {
    let slots = taken(pool).await;
    assert_eq!(slots, numbers.into_iter().map(slot).collect::<Vec<_>>());
    let sql = "SELECT message->>'id' AS id FROM outbox WHERE task = $1";
    let rows = pool.get().await.unwrap().query(sql, &[&ENTRY]).await.unwrap();
    let ids: HashSet<String> = rows.iter().map(|row| row.get("id")).collect();
    assert_eq!((rows.len(), ids.len()), (slots.len() - 1, slots.len() - 1));
}

#[tokio::test]
async fn when_beats_are_killed_the_others_go_on_at_once() {
    let database = Database::create().await;
    database.set_clock(slot(0)).await;
    let mut beats = vec![start(database.url()), start(database.url()), start(database.url())];
    until_taken(database.pool(), slot(0)).await;
    for number in 1..=6 {
        database.set_clock(slot(number)).await;
        // Perhaps while it takes the slot.
        tokio::time::sleep(Duration::from_millis(200) * number.unsigned_abs()).await;
        kill(&mut beats.remove(0)).await;
        until_taken(database.pool(), slot(number)).await;
        beats.push(start(database.url()));
    }
    check(database.pool(), 0..=6).await;
    database.close().await;
}

#[tokio::test]
async fn a_beat_that_was_paused_doubles_nothing_and_goes_on() {
    let database = Database::create().await;
    database.set_clock(slot(0)).await;
    let (paused, mut other) = (start(database.url()), start(database.url()));
    until_taken(database.pool(), slot(0)).await;
    let until = tokio::time::Instant::now() + Duration::from_secs(30);
    database.set_clock(slot(1)).await;
    signal(&paused, "STOP").await; // perhaps while it takes the slot
    for number in 1..=3 {
        database.set_clock(slot(number)).await;
        until_taken(database.pool(), slot(number)).await;
    }
    tokio::time::sleep_until(until).await;
    signal(&paused, "CONT").await;
    for number in 4..=5 {
        database.set_clock(slot(number)).await;
        until_taken(database.pool(), slot(number)).await;
    }
    kill(&mut other).await;
    database.set_clock(slot(6)).await;
    until_taken(database.pool(), slot(6)).await;
    check(database.pool(), 0..=6).await;
    database.close().await;
}

#[tokio::test]
async fn what_passed_while_no_beat_ran_is_made_up_for_once() {
    let database = Database::create().await;
    database.set_clock(slot(0)).await;
    let mut first = start(database.url());
    until_taken(database.pool(), slot(0)).await;
    signal(&first, "TERM").await;
    assert!(first.wait().await.unwrap().success());

    database.set_clock(slot(20)).await;
    let _beats = [start(database.url()), start(database.url())];
    until_taken(database.pool(), slot(20)).await;
    database.set_clock(slot(21)).await;
    until_taken(database.pool(), slot(21)).await;
    check(database.pool(), [0, 20, 21]).await;
    database.close().await;
}

#[tokio::test]
async fn a_database_that_crashes_or_restarts_loses_no_slot() {
    let mut server = Postgres::start().await;
    server.set_clock(slot(0)).await;
    let _beats = [start(&server.url()), start(&server.url())];
    until_taken(server.pool(), slot(0)).await;
    for (number, how) in (1..).zip(["QUIT", "INT", "QUIT", "INT"]) {
        server.set_clock(slot(number)).await;
        // Perhaps while the slot is taken.
        tokio::time::sleep(Duration::from_millis(300) * number.unsigned_abs()).await;
        server.restart(how).await;
        until_taken(server.pool(), slot(number)).await;
    }
    server.set_clock(slot(5)).await;
    until_taken(server.pool(), slot(5)).await;
    check(server.pool(), 0..=5).await;
}
