//! `postroom beat schedule` and `postroom beat run`.

use std::process::Output;

use testkit::{Database, process};
use time::{Duration, OffsetDateTime, PrimitiveDateTime, macros::format_description};

const POSTROOM: &str = env!("CARGO_BIN_EXE_postroom");
const ENTRY: &str = "replay-created-notifications"; // every quarter of an hour

async fn beat(arguments: &[&str]) -> Output {
    process::command(POSTROOM).arg("beat").args(arguments).output().await.unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn schedule_prints_each_entry_with_its_next_five_times() {
    let output = beat(&["schedule"]).await;
    assert!(output.status.success(), "{output:?}");
    let lines: Vec<&str> = text(&output.stdout).lines().collect();
    assert_eq!(lines.len() % 6, 0, "{lines:?}");
    let entry = lines.chunks(6).find(|lines| lines[0] == ENTRY).unwrap();
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]");
    let times: Vec<OffsetDateTime> = entry[1..]
        .iter()
        .map(|line| {
            let (utc, london) = line.trim().split_once(" UTC    ").unwrap();
            let utc = PrimitiveDateTime::parse(utc, &format).unwrap();
            let london = london.strip_suffix(" London").unwrap();
            let ahead = PrimitiveDateTime::parse(london, &format).unwrap() - utc;
            assert!([Duration::ZERO, Duration::HOUR].contains(&ahead), "{line}");
            utc.assume_utc()
        })
        .collect();
    #[expect(clippy::disallowed_methods, reason = "the program goes by the real time")]
    let now = OffsetDateTime::now_utc();
    assert!((times[0] - now).abs() <= 16 * Duration::MINUTE, "{times:?}");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 15 * Duration::MINUTE), "{times:?}");
}

#[tokio::test]
async fn run_fires_an_entry_of_the_schedule_and_nothing_else() {
    let database = Database::create().await;
    let url = ["--database-url", database.url()];
    let unknown = beat(&["run", url[0], url[1], "nonsense"]).await;
    assert_eq!(unknown.status.code(), Some(1));
    assert_eq!(text(&unknown.stderr), "Error: there is no entry \"nonsense\" in the schedule\n");

    let known = beat(&["run", url[0], url[1], ENTRY]).await;
    assert!(known.status.success(), "{known:?}");
    let sql = "SELECT task, queue, message FROM outbox";
    let rows = database.client().await.query(sql, &[]).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].get("task"), rows[0].get("queue")), (ENTRY, "periodic-tasks"));
    let message: serde_json::Value = rows[0].get("message");
    assert_eq!(message["headers"]["celery_beat_task"], true);
    database.close().await;
}
