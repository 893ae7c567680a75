//! Letters that wait too long.

use domain::NotificationStatus as Status;
use providers::objects::{Bucket, Metadata};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::app::TestApp;

const RESCAN: &str = "check-if-letters-still-pending-virus-check";

/// A letter in `pending-virus-check` of this age, and whether its file is in the scan bucket.
struct Waiting {
    minutes: i64,
    has_file: bool,
}

/// A system with such letters; the names of their files.
async fn with_letters(letters: &[Waiting]) -> (TestApp, Vec<String>) {
    let t = TestApp::start().await;
    let db = t.db().await;
    let service = testkit::service(&db).live().create().await;
    let template = testkit::template(&db, &service).letter("Dear", "Hello").create().await;
    let mut files = Vec::new();
    for (number, letter) in letters.iter().enumerate() {
        let created_at = t.app.clock().now() - Duration::minutes(letter.minutes);
        let reference = format!("FOO123456789012{number}");
        let row = testkit::letter(&db, &service, template).status(Status::PendingVirusCheck);
        row.reference(&reference).created_at(created_at).create().await;
        files.push(file(&reference, created_at));
        if letter.has_file {
            let place = Bucket::LettersScan.at(files.last().unwrap());
            t.app.objects().put(&place, "pdf", &Metadata::new()).await.unwrap();
        }
    }
    (t, files)
}

fn file(reference: &str, created_at: OffsetDateTime) -> String {
    let postage = domain::letter::Postage::Second;
    domain::letter::file::name(reference, postage, created_at).unwrap()
}

/// The files that the scanner is asked for.
async fn asked(t: &TestApp) -> Vec<Value> {
    let asked = t.queues.take_tasks("antivirus-tasks").await;
    assert!(asked.iter().all(|(task, _)| task == "scan-file"), "{asked:?}");
    asked.into_iter().map(|(_, arguments)| arguments[1]["filename"].clone()).collect()
}

#[tokio::test]
async fn letters_are_scanned_again_when_their_file_still_waits() {
    let (t, files) = with_letters(&[
        Waiting { minutes: 5, has_file: true },
        Waiting { minutes: 11, has_file: true },
        Waiting { minutes: 20, has_file: false },
        Waiting { minutes: 119, has_file: true },
        Waiting { minutes: 121, has_file: true },
    ])
    .await;
    // The queue is made by whoever is first.
    t.fire(RESCAN).await;
    t.drain().await;
    assert_eq!(asked(&t).await, [json!(files[3]), json!(files[1])]);
    let bare = json!([]);
    t.told("periodic-tasks", RESCAN, bare, json!({})).await;
    assert_eq!(asked(&t).await, [json!(files[1])], "half an hour, when nothing else is said");
    let (hours, trace) = (Duration::hours(2), queue::Trace::default());
    assert_eq!(t.app.rescan("test", hours, hours, &trace).await.unwrap(), 1, "its file is gone");
    asked(&t).await;
    t.end().await;
}

#[tokio::test]
async fn the_night_scans_letters_of_three_days_and_reports_older_ones() {
    let day = 24 * 60;
    let (t, files) = with_letters(&[
        Waiting { minutes: 3 * day - 1, has_file: true },
        Waiting { minutes: 3 * day + 1, has_file: true },
        Waiting { minutes: 6 * day, has_file: true },
    ])
    .await;
    t.fire("check-if-letters-still-pending-virus-check-nightly").await;
    t.drain().await;
    assert_eq!(asked(&t).await, [json!(files[0])]);
    let (rescan, report) = (Duration::days(3), Duration::days(5));
    let trace = queue::Trace::default();
    let reported = t.app.rescan("test", rescan, report, &trace).await.unwrap();
    assert_eq!(reported, 1, "not the one that was reported for two nights already");
    assert_eq!(asked(&t).await.len(), 1);
    let wrong = json!({ "max_minutes_ago_to_check_only": 5,
                        "max_minutes_ago_to_check_and_rescan": 4320 });
    let name = "check-if-letters-still-pending-virus-check-nightly";
    t.told("periodic-tasks", name, json!([]), wrong).await;
    assert!(asked(&t).await.is_empty(), "the wrong way round");
    t.end().await;
}
