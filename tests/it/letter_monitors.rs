//! Letters that wait too long.

use domain::{KeyType, NotificationStatus as Status};
use providers::objects::{Bucket, Metadata};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, macros::datetime};

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

/// A system whose clock shows this, with letters for monitors to look at.
struct Monitored {
    t: TestApp,
    service: testkit::TestService,
    template: domain::TemplateId,
}

impl Monitored {
    async fn at(now: OffsetDateTime) -> Self {
        let t = TestApp::start().await;
        t.advance(now - t.app.clock().now());
        let db = t.db().await;
        let service = testkit::service(&db).live().create().await;
        let template = testkit::template(&db, &service).letter("Dear", "Hello").create().await;
        Self { t, service, template }
    }

    async fn letter(
        &self,
        change: impl FnOnce(testkit::LetterBuilder<'_>) -> testkit::LetterBuilder<'_>,
    ) -> domain::NotificationId {
        let db = self.t.db().await;
        change(testkit::letter(&db, &self.service, self.template)).create().await
    }
}

#[tokio::test]
async fn letters_that_yesterdays_run_should_have_taken_are_reported() {
    let m = Monitored::at(datetime!(2026-07-15 06:00 UTC)).await;
    m.letter(|l| l.created_at(datetime!(2026-07-14 16:29:59 UTC))).await;
    m.letter(|l| l.created_at(datetime!(2026-07-10 12:00 UTC)).key_type(KeyType::Test)).await;
    m.letter(|l| l.created_at(datetime!(2026-07-14 16:30 UTC))).await;
    m.letter(|l| l.created_at(datetime!(2026-07-10 12:00 UTC)).status(Status::Sending)).await;
    assert_eq!(m.t.app.check_unprinted_letters("test").await.unwrap(), 2);
    m.t.fire("check-if-letters-still-in-created").await;
    assert_eq!(m.t.drain().await, 1);
    m.t.end().await;
}

#[tokio::test]
async fn half_past_five_is_londons_also_when_the_clocks_change() {
    for (morning, deadline) in [
        (datetime!(2026-03-30 06:00 UTC), datetime!(2026-03-29 16:30 UTC)),
        (datetime!(2026-10-26 07:00 UTC), datetime!(2026-10-25 17:30 UTC)),
    ] {
        let m = Monitored::at(morning).await;
        m.letter(|l| l.created_at(deadline - Duration::SECOND)).await;
        m.letter(|l| l.created_at(deadline)).await;
        assert_eq!(m.t.app.check_unprinted_letters("test").await.unwrap(), 1, "{deadline}");
        m.t.end().await;
    }
}

#[tokio::test]
async fn letters_that_failed_within_three_days_are_reported() {
    let m = Monitored::at(datetime!(2026-07-15 06:00 UTC)).await;
    for created_at in [datetime!(2026-07-12 06:00:01 UTC), datetime!(2026-07-12 05:59:59 UTC)] {
        m.letter(|l| l.created_at(created_at).status(Status::TechnicalFailure)).await;
    }
    assert_eq!(m.t.app.check_failed_letters("test").await.unwrap(), 1);
    m.t.fire("check-if-letters-in-technical-failure").await;
    assert_eq!(m.t.drain().await, 1);
    m.t.end().await;
}

#[tokio::test]
async fn letters_that_the_printer_says_nothing_of_are_reported_by_working_days() {
    let m = Monitored::at(datetime!(2026-07-13 18:00 UTC)).await; // a Monday
    let (thursday, friday) = (datetime!(2026-07-09 22:59 UTC), datetime!(2026-07-10 17:00 UTC));
    for sent_at in [thursday, friday] {
        m.letter(|l| l.status(Status::Sending).sent_at(sent_at)).await;
        m.letter(|l| l.status(Status::Sending).sent_at(sent_at).key_type(KeyType::Test)).await;
        m.letter(|l| l.status(Status::Delivered).sent_at(sent_at)).await;
    }
    let reported = async || m.t.app.check_letters_at_the_printer("test").await.unwrap();
    assert_eq!(reported().await, 1, "Thursday's on Monday");
    m.t.advance(Duration::DAY);
    assert_eq!(reported().await, 2, "Friday's on Tuesday");
    m.t.advance(4 * Duration::DAY);
    assert_eq!(reported().await, 0, "nobody works on Saturday");
    m.t.fire("raise-alert-if-letter-notifications-still-sending").await;
    assert_eq!(m.t.drain().await, 1);
    m.t.end().await;
}

#[tokio::test]
async fn bank_holidays_are_no_working_days_of_the_printer() {
    let m = Monitored::at(datetime!(2026-12-29 19:00 UTC)).await; // Christmas was on a Friday
    for sent_at in [datetime!(2026-12-23 18:00 UTC), datetime!(2026-12-24 18:00 UTC)] {
        m.letter(|l| l.status(Status::Sending).sent_at(sent_at)).await;
    }
    let expected = domain::working_day::Calendar::Printer
        .offset(time::macros::date!(2026 - 12 - 29), -2)
        .unwrap();
    assert_eq!(expected, time::macros::date!(2026 - 12 - 23));
    assert_eq!(m.t.app.check_letters_at_the_printer("test").await.unwrap(), 1);
    m.t.end().await;
}

#[tokio::test]
async fn the_pdf_that_a_letter_waits_for_is_asked_for_again() {
    let m = Monitored::at(datetime!(2026-07-15 06:00 UTC)).await;
    let hour = |hours| datetime!(2026-07-15 06:00 UTC) - Duration::hours(hours);
    let signed = m.t.signer.sign(&json!({})).unwrap();
    let waits = m.letter(|l| l.created_at(hour(2)).personalisation(&signed)).await;
    m.letter(|l| l.created_at(hour(2)).sheets(1)).await;
    let changed = m.letter(|l| l.created_at(hour(2))).await;
    let sql = "UPDATE notifications SET updated_at = created_at WHERE id = $1";
    m.t.db().await.execute(sql, &[&changed]).await.unwrap();
    m.letter(|l| l.created_at(hour(2)).key_type(KeyType::Test)).await;
    m.letter(|l| l.created_at(hour(2)).status(Status::PendingVirusCheck)).await;
    m.letter(|l| l.created_at(hour(0))).await;
    m.letter(|l| l.created_at(hour(24 * 8))).await;
    for expected in [1, 0] {
        assert_eq!(m.t.app.replay_created(&queue::Trace::default()).await.unwrap(), expected);
    }
    let asked = m.t.queues.take_tasks("create-letters-pdf-tasks").await;
    assert_eq!(asked, [("get-pdf-for-templated-letter".to_owned(), json!([[waits], {}]))]);
    m.t.end().await;
}
