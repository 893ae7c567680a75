//! Reports that people ask for in the admin app (tasks contract §3.12, §3.7, §3.17).

use domain::{
    KeyType, NotificationId, NotificationStatus as S, NotificationType, ReportRequestId,
    report::{ReportStatus, Reported},
};
use providers::objects::{Bucket, Metadata, Place};
use serde_json::json;
use strum::VariantArray;
use tasks::{ProcessReportRequest, queues};
use time::{Duration, OffsetDateTime, macros::datetime};

use crate::night::Night;

const NOW: OffsetDateTime = datetime!(2026-07-24 12:00 UTC);
const HEADER: &str =
    "Recipient,Reference,Template,Type,Sent by,Sent by email,Job,Status,Time,API key name\r\n";

impl Night {
    /// A report that was asked for just now.
    async fn ask(&self, channel: &str, status: &str) -> ReportRequestId {
        let id = ReportRequestId(self.t.app.clock().new_id());
        let sql = "INSERT INTO report_requests
                   (id, user_id, service_id, report_type, status, parameter, created_at)
            VALUES ($1, $2, $3, 'notifications', 'pending',
                    jsonb_build_object('notification_type', $4::text, 'notification_status', $5::text),
                    $6)";
        let now = store::sql_time::to_column(self.t.app.clock().now());
        let (user, service) = (&self.service.user_id, &self.service.id);
        let db = self.t.db().await;
        db.execute(sql, &[&id, user, service, &channel, &status, &now]).await.unwrap();
        id
    }

    fn task(&self, id: ReportRequestId) -> ProcessReportRequest {
        ProcessReportRequest { service_id: self.service.id, report_request_id: id }
    }

    /// Sets a report's status, since so long ago.
    async fn leave(&self, id: ReportRequestId, status: &str, age: Duration) {
        let sql = "UPDATE report_requests
                      SET status = $2::text::report_request_status_type, updated_at = $3 WHERE id = $1";
        let at = store::sql_time::to_column(self.t.app.clock().now() - age);
        self.t.db().await.execute(sql, &[&id, &status, &at]).await.unwrap();
    }

    async fn report_status(&self, id: ReportRequestId) -> ReportStatus {
        let sql = "SELECT status::text FROM report_requests WHERE id = $1";
        let row = self.t.db().await.query_one(sql, &[&id]).await.unwrap();
        row.get::<_, &str>(0).parse().unwrap()
    }

    async fn csv(&self, id: ReportRequestId) -> Option<String> {
        let object = self.t.app.objects().get(&csv_of(id)).await.unwrap()?;
        Some(String::from_utf8(object.body.to_vec()).unwrap())
    }

    /// The recipients in a new report, in order.
    async fn recipients(&self, channel: &str, status: &str) -> Vec<String> {
        let id = self.ask(channel, status).await;
        self.t.publish(&self.task(id)).await;
        assert_eq!(self.t.drain().await, 1);
        assert_eq!(self.report_status(id).await, ReportStatus::Stored);
        let csv = self.csv(id).await.unwrap();
        let rows = csv.strip_prefix(HEADER).unwrap().lines();
        rows.map(|row| row.split(',').next().unwrap().to_owned()).collect()
    }

    async fn address(&self, id: NotificationId, recipient: &str) {
        let sql = r#"UPDATE notifications SET "to" = $2 WHERE id = $1"#;
        self.t.db().await.execute(sql, &[&id, &recipient]).await.unwrap();
    }
}

fn csv_of(id: ReportRequestId) -> Place {
    Bucket::ReportRequests.at(format!("notifications_report/{id}.csv"))
}

#[tokio::test]
async fn a_report_says_whom_what_by_whom_and_when_in_london_the_newest_first() {
    let night = Night::at(NOW).await;
    let db = night.t.db().await;
    let key = testkit::api_key(&db, &night.service, KeyType::Normal, "signed").await;
    let job = testkit::job(&db, &night.service, night.template, 1).create().await;
    let by_key = night.message(NOW - Duration::HOUR).email().api_key(key.0).live(&db).await;
    let by_file = night.message(NOW - Duration::MINUTE).email().status(S::TemporaryFailure);
    let by_file = by_file.job(job.0).live(&db).await;
    night.address(by_key, "ada@example.com").await;
    night.address(by_file, " \"bob, the second\"@example.com").await;
    db.batch_execute(&format!(
        "UPDATE api_keys SET name = 'my, key';
         UPDATE users SET name = 'Grace', email_address = 'grace@example.gov.uk'
          WHERE id = '{user}';
         UPDATE templates_history SET name = 'As it was' WHERE id = '{template}';
         UPDATE templates SET name = 'As it is' WHERE id = '{template}';
         UPDATE notifications SET client_reference = 'their ref' WHERE id = '{by_key}';
         UPDATE notifications SET created_by_id = '{user}' WHERE id = '{by_file}'",
        user = night.service.user_id,
        template = night.template,
    ))
    .await
    .unwrap();
    let id = night.ask("email", "all").await;
    // As a peer sends it.
    let service =
        json!({ "__type__": "uuid", "__value__": { "hex": night.service.id.0.simple() } });
    let arguments = json!({ "service_id": service, "report_request_id": id });
    night.t.told(queues::REPORT_REQUESTS, "process-report-request", json!([]), arguments).await;
    let rows = "\"\"\"bob, the second\"\"@example.com\",,As it was,email,Grace,grace@example.gov.uk,\
                people.csv,Inbox not accepting messages right now,2026-07-24 12:59:00,\r\n\
                ada@example.com,their ref,As it was,email,,,,Delivered,2026-07-24 12:00:00,\
                \"my, key\"\r\n";
    assert_eq!(night.csv(id).await.unwrap(), format!("{HEADER}{rows}"));
    assert_eq!(night.report_status(id).await, ReportStatus::Stored);
    drop(db);
    night.t.end().await;
}

#[tokio::test]
async fn a_report_has_the_services_messages_of_its_channel_within_their_retention() {
    let night = Night::at(NOW).await;
    let db = night.t.db().await;
    let other = testkit::service(&db).live().create().await;
    // Kept since this midnight in London, which was 23:00 of the day before in UTC.
    let midnight = datetime!(2026-07-16 23:00 UTC);
    for (message, recipient) in [
        (night.message(midnight), "oldest"),
        (night.message(midnight - Duration::MICROSECOND), "too old"),
        (night.message(NOW).key_type(KeyType::Team), "team"),
        (night.message(NOW).key_type(KeyType::Test), "test"),
        (night.message(NOW).channel(NotificationType::Letter), "letter"),
        (testkit::message(&other, night.template, NOW), "another service's"),
    ] {
        let id = message.live(&db).await;
        night.address(id, recipient).await;
    }
    assert_eq!(night.recipients("sms", "all").await, ["team", "oldest"]);
    assert_eq!(night.recipients("letter", "all").await, ["letter"]);
    assert_eq!(night.recipients("email", "all").await, [""; 0]);
    let sql = "INSERT INTO service_data_retention
               (id, service_id, notification_type, days_of_retention, created_at)
        VALUES (gen_random_uuid(), $1, 'sms', 8, now()), (gen_random_uuid(), $1, 'email', 3, now())";
    db.execute(sql, &[&night.service.id]).await.unwrap();
    assert_eq!(night.recipients("sms", "all").await, ["team", "oldest", "too old"]);
    drop(db);
    night.t.end().await;
}

#[tokio::test]
async fn a_report_is_of_the_statuses_that_were_asked_for() {
    let night = Night::at(NOW).await;
    let db = night.t.db().await;
    for status in S::VARIANTS {
        let id = night.message(NOW).channel(NotificationType::Letter).status(*status);
        let id = id.live(&db).await;
        night.address(id, &status.to_string()).await;
    }
    for reported in Reported::VARIANTS {
        let mut found = night.recipients("letter", &reported.to_string()).await;
        let mut expected: Vec<_> = reported.statuses().iter().map(S::to_string).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{reported}");
    }
    drop(db);
    night.t.end().await;
}

#[tokio::test]
async fn a_report_of_many_pages_has_every_message_once() {
    let night = Night::at(NOW).await;
    let db = night.t.db().await;
    let id = night.message(NOW - Duration::HOUR).live(&db).await;
    night.t.copy(id, 5999).await; // all of one instant
    let sql = r#"UPDATE notifications SET "to" = id::text"#;
    db.execute(sql, &[]).await.unwrap();
    let mut recipients = night.recipients("sms", "delivered").await;
    recipients.sort();
    recipients.dedup();
    assert_eq!(recipients.len(), 6000);
    drop(db);
    night.t.end().await;
}

#[tokio::test]
async fn a_report_that_is_not_pending_is_left_alone() {
    let night = Night::at(NOW).await;
    for status in ["stored", "failed", "deleted"] {
        let id = night.ask("sms", "all").await;
        night.leave(id, status, Duration::HOUR).await;
        night.t.publish(&night.task(id)).await;
        assert_eq!(night.t.drain().await, 1);
        assert_eq!(night.report_status(id).await.to_string(), status);
        assert_eq!(night.csv(id).await, None, "{status}");
    }
    // Nor is one written twice.
    let id = night.ask("sms", "all").await;
    night.t.publish(&night.task(id)).await;
    night.t.publish(&night.task(id)).await;
    assert_eq!(night.t.drain().await, 2);
    assert_eq!(night.report_status(id).await, ReportStatus::Stored);
    night.t.end().await;
}

#[tokio::test]
async fn a_report_whose_worker_has_died_is_written_when_its_lease_is_over() {
    let night = Night::at(NOW).await;
    let id = night.ask("sms", "all").await;
    night.leave(id, "in progress", Duration::minutes(4)).await;
    let error = worker::reports::write(night.t.context(), night.task(id), attempt(&night, id))
        .await
        .unwrap_err();
    let queue::TaskError::Postpone { after, .. } = error else { panic!("{error:?}") };
    assert!((55..=61).contains(&after.as_secs()), "{after:?}");
    assert_eq!(night.report_status(id).await, ReportStatus::InProgress);

    night.t.advance(Duration::seconds(61));
    night.t.publish(&night.task(id)).await;
    assert_eq!(night.t.drain().await, 1);
    assert_eq!(night.report_status(id).await, ReportStatus::Stored);
    assert_eq!(night.csv(id).await.unwrap(), HEADER);
    night.t.end().await;
}

fn attempt(night: &Night, id: ReportRequestId) -> queue::Attempt {
    let trace = queue::Trace::default();
    let id_of_task = night.t.app.clock().new_id();
    let envelope = queue::Envelope::new(&night.task(id), id_of_task, &trace).unwrap();
    queue::Attempt::of::<ProcessReportRequest>(&envelope, 0).after_redelivery()
}

#[tokio::test]
async fn a_report_that_cannot_be_written_has_failed_and_leaves_no_file() {
    let night = Night::at(NOW).await;
    let unknown = night.ask("sms", "lost").await;
    let unwritable = night.ask("sms", "all").await;
    let below = Bucket::ReportRequests.at(format!("notifications_report/{unwritable}.csv/x"));
    night.t.app.objects().put(&below, "x", &Metadata::new()).await.unwrap();
    for id in [unknown, unwritable] {
        night.t.publish(&night.task(id)).await;
        assert_eq!(night.t.drain().await, 1, "there is no retry");
        assert_eq!(night.report_status(id).await, ReportStatus::Failed);
    }
    assert_eq!(night.csv(unknown).await, None);
    night.t.end().await;
}

#[tokio::test]
async fn a_report_that_took_too_long_has_failed() {
    let night = Night::at(NOW).await;
    let (late, stored) = (night.ask("sms", "all").await, night.ask("sms", "all").await);
    night.leave(late, "in progress", Duration::minutes(20)).await;
    night.leave(stored, "stored", Duration::minutes(20)).await;
    for (id, status) in [(late, ReportStatus::Failed), (stored, ReportStatus::Stored)] {
        let attempt = attempt(&night, id);
        worker::reports::give_up(night.t.context(), night.task(id), attempt).await.unwrap();
        assert_eq!(night.report_status(id).await, status);
    }
    night.t.end().await;
}

#[tokio::test]
async fn another_services_report_is_not_written() {
    let night = Night::at(NOW).await;
    let db = night.t.db().await;
    let other = testkit::service(&db).live().create().await;
    drop(db);
    let id = night.ask("sms", "all").await;
    night.t.publish(&ProcessReportRequest { service_id: other.id, report_request_id: id }).await;
    assert_eq!(night.t.drain().await, 1);
    assert_eq!(night.report_status(id).await, ReportStatus::Pending);
    night.t.end().await;
}

#[tokio::test]
async fn reports_of_one_to_five_days_ago_are_deleted_with_their_files() {
    let night = Night::at(NOW).await;
    let mut reports = Vec::new();
    for (age, status, left) in [
        (Duration::days(1) - Duration::MINUTE, "stored", "stored"),
        (Duration::days(1) + Duration::MINUTE, "stored", "deleted"),
        (Duration::days(2), "failed", "deleted"),
        (Duration::days(2), "pending", "deleted"),
        (Duration::days(5) - Duration::MINUTE, "stored", "deleted"),
        (Duration::days(5) + Duration::MINUTE, "stored", "stored"),
    ] {
        let id = night.ask("sms", "all").await;
        night.leave(id, status, Duration::ZERO).await;
        let at = store::sql_time::to_column(NOW - age);
        let sql = "UPDATE report_requests SET created_at = $2 WHERE id = $1";
        night.t.db().await.execute(sql, &[&id, &at]).await.unwrap();
        night.t.app.objects().put(&csv_of(id), "rows", &Metadata::new()).await.unwrap();
        reports.push((id, left));
    }
    night.t.fire("update-report-status-to-deleted").await;
    night.t.fire("update-report-status-to-deleted").await; // a doubled run
    assert_eq!(night.t.drain().await, 2);
    for (id, left) in reports {
        assert_eq!(night.report_status(id).await.to_string(), left);
        assert_eq!(night.csv(id).await.is_some(), left == "stored");
    }
    night.t.end().await;
}

#[tokio::test]
async fn a_page_of_a_report_is_read_from_an_index_and_no_more() {
    let night = Night::at(NOW).await;
    let db = night.t.db().await;
    let id = night.message(NOW).live(&db).await;
    night.t.copy(id, 20_000).await;
    for _ in 0..4 {
        testkit::service(&db).live().create().await;
    }
    db.batch_execute(
        "UPDATE notifications n
            SET created_at = n.created_at - random() * interval '7 days',
                service_id = s.ids[1 + floor(random() * array_length(s.ids, 1))]
           FROM (SELECT array_agg(id) AS ids FROM services) s;
         ANALYZE notifications;
         SET plan_cache_mode = force_generic_plan",
    )
    .await
    .unwrap();
    let sql = store::reports::LIST_ROWS;
    let types = "uuid, text, text[], timestamp, timestamp, uuid, bigint";
    db.batch_execute(&format!("PREPARE the_query ({types}) AS {sql}")).await.unwrap();
    let arguments = "gen_random_uuid(), 'sms', '{sent}', now()::timestamp, NULL, NULL, 10";
    let explain = format!("EXPLAIN EXECUTE the_query ({arguments})");
    let plan: Vec<String> = db
        .simple_query(&explain)
        .await
        .unwrap()
        .iter()
        .filter_map(|line| match line {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
        .collect();
    let plan = plan.join("\n");
    assert!(plan.contains("using ix_notifications_service"), "{plan}");
    assert!(plan.contains("Incremental Sort"), "not all that follows is read for a page: {plan}");
    drop(db);
    night.t.end().await;
}
