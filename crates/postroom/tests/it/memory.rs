//! What the night takes of a worker (tasks contract §7, lesson 7).

use std::time::Duration;

use domain::{Clock, NotificationId, london::Day};
use testkit::{Database, process};
use tokio::time::Instant;

use crate::{broker, operators::command};

/// How much more memory a night of a thousand times as many messages may take: each of them would only
/// have to be a few hundred bytes to take more.
const MORE_KIB: u64 = 16 * 1024;

/// A day of a service that is past its retention, and the worker that works on it.
struct Night {
    database: Database,
    day: Day,
    prefix: String,
    worker: tokio::process::Child,
}

impl Night {
    async fn start() -> (Self, NotificationId) {
        let database = Database::create().await;
        let db = database.client().await;
        let service = testkit::service(&db).live().create().await;
        let template = testkit::template(&db, &service).create().await;
        let day = Day::ago(Clock::system().now(), 20).unwrap();
        let message = testkit::message(&service, template, day.start).archived(&db).await;
        let prefix = testkit::unique("memory-");
        let mut worker = command(&database, &["worker", "--role", "reporting"]);
        let worker = worker.env("NOTIFICATION_QUEUE_PREFIX", &prefix).spawn().unwrap();
        drop(db);
        (Self { database, day, prefix, worker }, message)
    }

    /// Has so many more messages like this one counted, billed and archived; the most memory that the
    /// worker has had so far.
    async fn run(&self, message: NotificationId, messages: i32) -> u64 {
        let db = self.database.client().await;
        let columns = "service_id, template_id, template_version, created_at, notification_type,
                       key_type, notification_status, sent_by, sent_at, billable_units,
                       rate_multiplier, international, reference";
        let copy = format!(
            r#"INSERT INTO notifications (id, "to", _personalisation, {columns})
               SELECT gen_random_uuid(), 'recipient', repeat('x', 200), {columns}
                 FROM notification_history, generate_series(1, $2) WHERE id = $1"#
        );
        db.execute(&copy, &[&message, &messages]).await.unwrap();
        let day = self.day.date.to_string();
        let facts = "SELECT (SELECT coalesce(sum(notification_count), 0)::bigint FROM ft_notification_status),
                            (SELECT coalesce(sum(notifications_sent), 0)::bigint FROM ft_billing),
                            (SELECT count(*) FROM notification_history)";
        let counted = "SELECT count(*) FROM notifications_all_time_view";
        let all: i64 = db.query_one(counted, &[]).await.unwrap().get(0);
        self.says(&["create-nightly-notification-status", "--day", &day]).await;
        self.says(&["create-nightly-billing", "--day", &day]).await;
        self.says(&["delete-notifications-older-than-retention"]).await;
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let row = db.query_one(facts, &[]).await.unwrap();
            let done: [i64; 3] = [row.get(0), row.get(1), row.get(2)];
            if done == [all; 3] {
                break;
            }
            assert!(Instant::now() < deadline, "{done:?} of {all} are counted, billed, archived");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.peak_kib()
    }

    async fn says(&self, arguments: &[&str]) {
        let mut command = command(&self.database, &[&["night", "run"], arguments].concat());
        let output = command.env("NOTIFICATION_QUEUE_PREFIX", &self.prefix).output().await.unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }

    fn peak_kib(&self) -> u64 {
        let status = format!("/proc/{}/status", self.worker.id().unwrap());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    async fn end(mut self) {
        process::signal(&self.worker, "TERM").await;
        self.worker.wait().await.unwrap();
        let names = vec!["reporting-tasks", "dead-letters"];
        testkit::Queues::new(&broker::url(), &self.prefix, names).delete().await;
        self.database.close().await;
    }
}

#[tokio::test]
async fn a_night_of_many_messages_takes_no_more_memory_than_one_of_few() {
    let (night, message) = Night::start().await;
    let few = night.run(message, 100).await;
    let many = night.run(message, 100_000).await;
    assert!(many < few + MORE_KIB, "{few} KiB for a few, {many} KiB for many");
    night.end().await;
}
