//! Files of recipients, from the upload to notifications: each row once, whatever dies on the way.

use std::fmt::Write;

use domain::{
    JobId, Permission, TemplateId,
    job::{JobStatus, notification_of},
};
use providers::objects::{Bucket, Metadata};
use serde_json::{Value, json};
use stub::Kind;
use testkit::TestService;
use time::Duration;

use crate::app::TestApp;

/// A system with a live service and a template for text messages.
struct Jobs {
    t: TestApp,
    service: TestService,
    sms: TemplateId,
}

/// What is stored of a row.
struct Saved {
    row: i32,
    to: String,
    status: String,
    reference: Option<String>,
}

impl Jobs {
    async fn start() -> Self {
        let t = TestApp::start().await;
        let db = t.db().await;
        let service = testkit::service(&db).live().create().await;
        let sms = testkit::template(&db, &service).sms("Hello ((name))").create().await;
        Self { t, service, sms }
    }

    /// Puts a job's file where the admin app does.
    async fn upload(&self, job: JobId, text: &str, metadata: &[(&str, &str)]) {
        let key = format!("service-{}-notify/{job}.csv", self.service.id);
        let metadata: Metadata =
            metadata.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let place = Bucket::CsvUpload.at(key);
        self.t.app.objects().put(&place, text.to_owned(), &metadata).await.unwrap();
    }

    /// A job of so many text messages, with its file.
    async fn sms_job(&self, rows: usize, status: JobStatus) -> JobId {
        let db = self.t.db().await;
        let job = testkit::job(&db, &self.service, self.sms, i32::try_from(rows).unwrap());
        let job = job.status(status).started(self.t.app.clock().now()).create().await;
        self.upload(job, &numbers(rows), &[]).await;
        job
    }

    async fn process(&self, job: JobId) {
        self.t.told("job-tasks", "process-job", json!([job, null]), json!({})).await;
    }

    async fn status(&self, job: JobId) -> String {
        let sql = "SELECT job_status FROM jobs WHERE id = $1";
        self.t.db().await.query_one(sql, &[&job]).await.unwrap().get(0)
    }

    async fn saved(&self, job: JobId) -> Vec<Saved> {
        let sql = r#"SELECT job_row_number, "to", notification_status, client_reference
                       FROM notifications WHERE job_id = $1 ORDER BY job_row_number"#;
        let rows = self.t.db().await.query(sql, &[&job]).await.unwrap();
        let saved = |row: &tokio_postgres::Row| Saved {
            row: row.get(0),
            to: row.get(1),
            status: row.get(2),
            reference: row.get(3),
        };
        rows.iter().map(saved).collect()
    }

    /// Asserts that each of so many rows is a notification, once.
    async fn assert_whole(&self, job: JobId, rows: usize) {
        let saved = self.saved(job).await;
        let numbers: Vec<i32> = saved.iter().map(|saved| saved.row).collect();
        let expected: Vec<i32> = (0..i32::try_from(rows).unwrap()).collect();
        assert_eq!(numbers, expected);
    }
}

fn numbers(rows: usize) -> String {
    let mut text = "phone number,name\n".to_owned();
    for row in 0..rows {
        // The first hundred have a meaning for the stub.
        writeln!(text, "07700 9{:05},Ada {row}", row + 100).unwrap();
    }
    text
}

#[tokio::test]
async fn a_file_becomes_messages_that_are_sent() {
    let j = Jobs::start().await;
    let db = j.t.db().await;
    let job = testkit::job(&db, &j.service, j.sms, 2).create().await;
    let text = "Name,phone number,reference\nAda,07700 900123,first\n Grace ,07700900124,\n";
    let sender = j.service.sms_sender_id.to_string();
    j.upload(job, text, &[("sender_id", &sender)]).await;
    j.process(job).await;
    let saved = j.saved(job).await;
    let saved: Vec<_> =
        saved.iter().map(|row| (row.row, row.to.as_str(), row.reference.as_deref())).collect();
    assert_eq!(saved, [(0, "07700 900123", Some("first")), (1, "07700900124", None)]);
    assert_eq!(j.status(job).await, "finished");
    let mut sent = j.t.received(Kind::Sms, 2).await;
    sent.sort_by_key(|sms| sms["request"]["MSISDN"].to_string());
    assert_eq!(sent[0]["request"]["msg"], "Hello Ada");
    assert_eq!(sent[1]["request"]["msg"], "Hello Grace");
    assert_eq!(sent[0]["request"]["sender"], "GOVUK");
    j.t.end_as_it_is().await;
}

#[tokio::test]
async fn a_file_of_emails_uses_the_version_of_the_job() {
    let j = Jobs::start().await;
    let db = j.t.db().await;
    let email = testkit::template(&db, &j.service).email("Dear ((name))", "Hello ((name))");
    let email = email.create().await;
    let sql = "UPDATE templates SET content = 'Something else', version = 2 WHERE id = $1";
    db.execute(sql, &[&email]).await.unwrap();
    let job = testkit::job(&db, &j.service, email, 1).create().await;
    j.upload(job, "email address,name\nada@example.com,Ada", &[]).await;
    j.process(job).await;
    let sent = j.t.received(Kind::Emails, 1).await;
    let simple = &sent[0]["request"]["Content"]["Simple"];
    assert_eq!(simple["Subject"]["Data"], "Dear Ada");
    assert!(simple["Body"]["Text"]["Data"].as_str().unwrap().starts_with("Hello Ada"));
    j.t.end_as_it_is().await;
}

#[tokio::test]
async fn a_file_of_letters_becomes_letters_that_wait_for_their_pdf() {
    let j = Jobs::start().await;
    let db = j.t.db().await;
    let letter = testkit::template(&db, &j.service).letter("Dear ((name))", "Hello").create().await;
    let job = testkit::job(&db, &j.service, letter, 2).create().await;
    let text = "address line 1,address line 2,address line 3,name\n\
                A. Person,1 Street,SW1A 1AA,Ada\nB. Person,1 Rue,France,Grace\n";
    j.upload(job, text, &[]).await;
    j.process(job).await;
    let sql = r#"SELECT "to", postage, international, reference, notification_status,
                        billable_units FROM notifications WHERE job_id = $1
                  ORDER BY job_row_number"#;
    let rows = db.query(sql, &[&job]).await.unwrap();
    for (row, (to, postage)) in rows
        .iter()
        .zip([("A. Person\n1 Street\nSW1A 1AA", "second"), ("B. Person\n1 Rue\nFrance", "europe")])
    {
        assert_eq!((row.get::<_, &str>(0), row.get::<_, &str>(1)), (to, postage));
        assert_eq!(row.get::<_, bool>(2), postage == "europe");
        let reference: &str = row.get(3);
        assert!(reference.len() == 16 && reference.chars().all(|c| c.is_ascii_alphanumeric()));
        assert_eq!((row.get::<_, &str>(4), row.get::<_, i32>(5)), ("created", 0));
    }
    assert_eq!(j.t.queues.take_tasks("sanitise-letter-tasks").await.len(), 2);
    j.t.end().await;
}

#[tokio::test]
async fn rows_travel_in_messages_of_32_and_then_one_by_one() {
    let j = Jobs::start().await;
    let job = j.sms_job(33, JobStatus::Pending).await;
    let trace = queue::Trace::default();
    j.t.app.process_job(job, Some("a sender"), false, &trace).await.unwrap();
    let queued = j.t.queues.take_tasks("job-tasks").await;
    let sizes: Vec<usize> = queued.iter().map(|(_, a)| a[0][1].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [32, 1]);
    let (task, arguments) = &queued[1];
    assert_eq!((task.as_str(), &arguments[0][0]), ("shatter-job-rows", &json!("sms")));
    let row = &arguments[0][1][0];
    assert_eq!(row[0][0], json!(j.service.id));
    assert_eq!(row[0][1], json!(notification_of(job, 32)));
    assert_eq!(row[1], json!({ "sender_id": "a sender" }));
    let payload: Value = j.t.signer.unsign(row[0][2].as_str().unwrap()).unwrap();
    assert_eq!(
        payload,
        json!({
            "template": j.sms, "template_version": 1, "job": job, "to": "07700 900132",
            "row_number": 32, "client_reference": null,
            "personalisation": { "phonenumber": "07700 900132", "name": "Ada 32" },
        })
    );
    j.t.end().await;
}

/// What the broker or a worker would refuse is not sent (tasks contract §7, lesson 18).
#[tokio::test]
async fn long_rows_travel_in_messages_of_fewer() {
    let j = Jobs::start().await;
    let db = j.t.db().await;
    let job = testkit::job(&db, &j.service, j.sms, 40).create().await;
    let mut text = "phone number,name\n".to_owned();
    for row in 0..40_u64 {
        write!(text, "07700900123,").unwrap();
        // Nothing that would become short when it is compressed.
        for word in 0..12_000 {
            write!(text, "{:016x}", (row * 12_000 + word).wrapping_mul(0x9e37_79b9_7f4a_7c15))
                .unwrap();
        }
        text.push('\n');
    }
    j.upload(job, &text, &[]).await;
    j.t.app.process_job(job, None, false, &queue::Trace::default()).await.unwrap();
    let queued = j.t.queues.take_tasks("job-tasks").await;
    let rows = |a: &Value| a[0][1].as_array().unwrap().len();
    assert_eq!(queued.iter().map(|(_, a)| rows(a)).sum::<usize>(), 40);
    for (_, arguments) in &queued {
        let bytes = arguments.to_string().len();
        assert!(bytes < (1 << 20) + 10_000, "{} rows, {bytes} bytes", rows(arguments));
    }
    assert!(queued.iter().any(|(_, a)| rows(a) > 1), "they are still sent together");
    j.t.end().await;
}

#[tokio::test]
async fn a_job_that_is_not_pending_is_left_alone() {
    let j = Jobs::start().await;
    for status in [JobStatus::InProgress, JobStatus::Finished, JobStatus::Cancelled] {
        let job = j.sms_job(1, status).await;
        j.process(job).await;
        assert_eq!(j.status(job).await, status.to_string());
        assert!(j.saved(job).await.is_empty());
    }
    j.t.end().await;
}

#[tokio::test]
async fn the_job_of_a_service_that_is_no_longer_in_use_is_cancelled() {
    let t = TestApp::start().await;
    let db = t.db().await;
    let service = testkit::service(&db).live().archived().sms_limit(0).create().await;
    let sms = testkit::template(&db, &service).sms("Hello ((name))").create().await;
    let j = Jobs { t, service, sms };
    let pending = j.sms_job(1, JobStatus::Pending).await;
    j.process(pending).await;
    let stopped = j.sms_job(1, JobStatus::Error).await;
    let args = json!([[stopped]]);
    j.t.told("job-tasks", "process-incomplete-jobs", args, json!({})).await;
    for job in [pending, stopped] {
        assert_eq!((j.status(job).await.as_str(), j.saved(job).await.len()), ("cancelled", 0));
    }
    j.t.end().await;
}

#[tokio::test]
async fn a_job_beyond_the_days_limit_is_not_begun_and_one_at_the_limit_is() {
    let t = TestApp::start().await;
    let db = t.db().await;
    let service = testkit::service(&db).live().sms_limit(3).create().await;
    let sms = testkit::template(&db, &service).sms("Hello ((name))").create().await;
    let j = Jobs { t, service, sms };
    let over = j.sms_job(4, JobStatus::Pending).await;
    j.process(over).await;
    assert_eq!(j.status(over).await, "sending limits exceeded");
    assert!(j.saved(over).await.is_empty());
    let at = j.sms_job(3, JobStatus::Pending).await;
    j.process(at).await;
    j.assert_whole(at, 3).await;
    // What was saved has been counted, once.
    let next = j.sms_job(1, JobStatus::Pending).await;
    j.process(next).await;
    assert_eq!(j.status(next).await, "sending limits exceeded");
    j.t.end_as_it_is().await;
}

#[tokio::test]
async fn a_service_in_trial_mode_sends_to_its_team_and_drops_other_rows() {
    let t = TestApp::start().await;
    let db = t.db().await;
    let service = testkit::service(&db).create().await;
    let sms = testkit::template(&db, &service).sms("Hello").create().await;
    let j = Jobs { t, service, sms };
    let job = testkit::job(&db, &j.service, j.sms, 2).create().await;
    let text = format!("phone number\n07700900999\n{}\n", j.service.user_mobile);
    j.upload(job, &text, &[]).await;
    j.process(job).await;
    let saved = j.saved(job).await;
    assert_eq!(saved.iter().map(|saved| saved.row).collect::<Vec<_>>(), [1]);
    j.t.end_as_it_is().await;
}

#[tokio::test]
async fn a_number_that_cannot_be_sent_to_is_saved_and_not_sent() {
    let t = TestApp::start().await;
    let db = t.db().await;
    let service = testkit::service(&db).live().permissions(&[Permission::Sms]).create().await;
    let sms = testkit::template(&db, &service).sms("Hello").create().await;
    let j = Jobs { t, service, sms };
    let job = testkit::job(&db, &j.service, j.sms, 2).create().await;
    j.upload(job, "phone number\nnot a number\n+1 202 555 0104\n", &[]).await;
    j.process(job).await;
    let statuses: Vec<String> = j.saved(job).await.into_iter().map(|saved| saved.status).collect();
    assert_eq!(statuses, ["validation-failed", "validation-failed"]);
    assert!(j.t.stub.received(Kind::Sms).is_empty());
    j.t.end().await;
}

#[tokio::test]
async fn a_job_whose_worker_died_is_resumed_without_a_lost_or_doubled_row() {
    let j = Jobs::start().await;
    let job = j.sms_job(70, JobStatus::Pending).await;
    let trace = queue::Trace::default();
    j.t.app.process_job(job, None, false, &trace).await.unwrap();
    // It died after the second of three messages was taken, and before the first was confirmed.
    let queued = j.t.queues.take_tasks("job-tasks").await;
    let args = queued[1].1[0].clone();
    j.t.told("job-tasks", "shatter-job-rows", args, json!({})).await;
    assert_eq!(j.saved(job).await.len(), 32);
    let sql =
        "UPDATE jobs SET job_status = 'in progress', processing_finished = NULL WHERE id = $1";
    j.t.db().await.execute(sql, &[&job]).await.unwrap();

    j.t.app.process_job(job, None, true, &trace).await.unwrap();
    let again = j.t.queues.take_tasks("job-tasks").await;
    let rows = |(_, a): &(String, Value)| a[0][1].as_array().unwrap().len();
    assert_eq!(again.iter().map(rows).sum::<usize>(), 38, "only what is missing is queued");
    // Everything arrives in the end: what was queued first as well.
    for (_, arguments) in queued.iter().chain(&again) {
        let args = arguments[0].clone();
        j.t.told("job-tasks", "shatter-job-rows", args, json!({})).await;
    }
    j.assert_whole(job, 70).await;
    assert_eq!(j.status(job).await, "finished");
    assert_eq!(j.t.received(Kind::Sms, 70).await.len(), 70, "each was sent once");
    j.t.end_as_it_is().await;
}

#[tokio::test]
async fn a_job_is_whole_however_often_its_worker_dies_and_the_broker_goes_away() {
    let j = Jobs::start().await;
    let rows = 600;
    let job = j.sms_job(rows, JobStatus::Pending).await;
    let trace = queue::Trace::default();
    // It dies at three moments, wherever it is then.
    for (redelivered, after) in [(false, 5), (true, 15), (true, 30)] {
        let work = j.t.app.process_job(job, None, redelivered, &trace);
        let _ = tokio::time::timeout(std::time::Duration::from_millis(after), work).await;
    }
    let saved = async || j.saved(job).await.len();
    let until = async |count| {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
        while saved().await < count {
            assert!(tokio::time::Instant::now() < deadline, "{} rows are saved", saved().await);
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    j.t.app.process_job(job, None, true, &trace).await.unwrap();
    j.t.while_working(async {
        until(100).await;
        j.t.cut_broker().await;
        j.t.mend_broker().await;
        until(rows).await;
    })
    .await;
    j.assert_whole(job, rows).await;
    assert_eq!(j.status(job).await, "finished");
    j.t.end_as_it_is().await;
}

#[tokio::test]
async fn a_row_that_another_producer_queued_under_another_id_is_saved_once() {
    let j = Jobs::start().await;
    let job = j.sms_job(1, JobStatus::Finished).await;
    let row = json!({
        "template": j.sms, "template_version": 1, "job": job, "to": "07700900123",
        "row_number": 0, "personalisation": { "phonenumber": "07700900123", "name": "Ada" },
    });
    let signed = j.t.signer.sign(&row).unwrap();
    for _ in 0..2 {
        let args = json!([j.service.id, j.t.app.clock().new_id(), signed]);
        j.t.told("database-tasks", "save-sms", args, json!({})).await;
        j.assert_whole(job, 1).await;
    }
    assert_eq!(j.t.received(Kind::Sms, 1).await.len(), 1);
    j.t.end_as_it_is().await;
}

#[tokio::test]
async fn a_row_that_was_saved_and_never_queued_is_sent_by_its_second_message() {
    let j = Jobs::start().await;
    let job = j.sms_job(1, JobStatus::Pending).await;
    j.process(job).await;
    let id = notification_of(job, 0);
    let sql = "UPDATE notifications SET notification_status = 'created', sent_at = NULL
                WHERE id = $1";
    j.t.db().await.execute(sql, &[&id]).await.unwrap();
    let sql = "UPDATE jobs SET job_status = 'pending' WHERE id = $1";
    j.t.db().await.execute(sql, &[&job]).await.unwrap();
    j.process(job).await;
    assert_eq!(j.t.received(Kind::Sms, 2).await.len(), 2);
    j.assert_whole(job, 1).await;
    j.t.end_as_it_is().await;
}

#[tokio::test]
async fn scheduled_jobs_start_when_their_time_has_come() {
    let j = Jobs::start().await;
    let (db, now) = (j.t.db().await, j.t.app.clock().now());
    let job = |at| {
        let job = testkit::job(&db, &j.service, j.sms, 1).status(JobStatus::Scheduled);
        job.scheduled_for(at).create()
    };
    let (due, later) = (job(now - Duration::MINUTE).await, job(now + Duration::HOUR).await);
    for id in [due, later] {
        j.upload(id, &numbers(1), &[]).await;
    }
    j.t.fire("run-scheduled-jobs").await;
    j.t.drain().await;
    assert_eq!(j.status(due).await, "pending");
    assert_eq!(j.t.app.relay_once().await.unwrap(), 1);
    j.t.drain().await;
    assert_eq!((j.status(due).await.as_str(), j.saved(due).await.len()), ("finished", 1));
    assert_eq!(j.status(later).await, "scheduled");
    j.t.end_as_it_is().await;
}

#[tokio::test]
async fn jobs_that_stopped_half_way_are_resumed_however_long_ago_that_was() {
    let j = Jobs::start().await;
    let (db, now) = (j.t.db().await, j.t.app.clock().now());
    let old = now - Duration::days(2);
    let job = || testkit::job(&db, &j.service, j.sms, 40);
    let stopped = job().status(JobStatus::InProgress).started(old).create().await;
    let never = job().scheduled_for(old).create().await;
    let young = job().status(JobStatus::InProgress).started(now - Duration::minutes(29));
    let young = young.create().await;
    let gone = job().status(JobStatus::InProgress).started(old).create().await;
    for id in [stopped, never, young] {
        j.upload(id, &numbers(40), &[]).await;
    }
    j.t.fire("check-job-status").await;
    j.t.drain().await;
    assert_eq!(j.status(stopped).await, "error");
    assert_eq!(j.t.app.relay_once().await.unwrap(), 1);
    j.t.drain().await;
    for id in [stopped, never] {
        assert_eq!(j.status(id).await, "finished");
        j.assert_whole(id, 40).await;
    }
    assert_eq!((j.status(young).await.as_str(), j.saved(young).await.len()), ("in progress", 0));
    assert_eq!(j.status(gone).await, "error", "its file is gone");
    j.t.end_as_it_is().await;
}

#[tokio::test]
async fn missing_rows_of_finished_jobs_are_queued_again_even_all_of_them() {
    let j = Jobs::start().await;
    let (db, now) = (j.t.db().await, j.t.app.clock().now());
    let job = |rows, minutes| {
        let job = testkit::job(&db, &j.service, j.sms, rows).status(JobStatus::Finished);
        job.finished(now - Duration::minutes(minutes)).create()
    };
    let (none, young, whole) = (job(3, 21).await, job(3, 19).await, job(0, 21).await);
    for id in [none, young] {
        j.upload(id, &numbers(3), &[]).await;
    }
    j.t.fire("check-for-missing-rows-in-completed-jobs").await;
    j.t.drain().await;
    j.assert_whole(none, 3).await;
    assert!(j.saved(young).await.is_empty());
    assert_eq!(j.status(whole).await, "finished all notifications created");

    db.execute("DELETE FROM notifications WHERE job_id = $1 AND job_row_number = 1", &[&none])
        .await
        .unwrap();
    j.t.fire("check-for-missing-rows-in-completed-jobs").await;
    j.t.drain().await;
    assert_eq!(j.saved(none).await.len(), 2, "what was queued may still wait");
    j.t.advance(Duration::minutes(61));
    j.t.fire("check-for-missing-rows-in-completed-jobs").await;
    j.t.drain().await;
    j.assert_whole(none, 3).await;
    j.assert_whole(young, 3).await;
    assert_eq!(j.t.received(Kind::Sms, 7).await.len(), 7, "of the first only the missing one");
    j.t.end_as_it_is().await;
}

#[tokio::test]
async fn a_job_is_complete_when_all_its_rows_are_notifications() {
    let j = Jobs::start().await;
    let job = j.sms_job(2, JobStatus::Pending).await;
    j.process(job).await;
    j.t.fire("update-status-of-fully-processed-jobs").await;
    j.t.drain().await;
    assert_eq!(j.status(job).await, "finished", "not within its first minute");
    j.t.advance(Duration::minutes(2));
    j.t.fire("update-status-of-fully-processed-jobs").await;
    j.t.drain().await;
    assert_eq!(j.status(job).await, "finished all notifications created");
    j.t.end_as_it_is().await;
}

#[tokio::test]
async fn files_are_removed_after_the_retention_of_their_service_and_channel() {
    let j = Jobs::start().await;
    let db = j.t.db().await;
    let letter = testkit::template(&db, &j.service).letter("Dear", "Hello").create().await;
    let sql = "INSERT INTO service_data_retention
            (id, service_id, notification_type, days_of_retention, created_at)
        VALUES (gen_random_uuid(), $1, 'sms', 3, now())";
    db.execute(sql, &[&j.service.id]).await.unwrap();
    let today = j.t.app.clock().now().replace_time(time::Time::MIDNIGHT);
    let job = async |template, age| {
        let job = testkit::job(&db, &j.service, template, 1).created_at(today - age);
        let job = job.create().await;
        j.upload(job, "file", &[]).await;
        job
    };
    let (hour, days) = (Duration::HOUR, Duration::days);
    let old_sms = job(j.sms, days(3) + hour).await;
    let young_sms = job(j.sms, days(3) - hour).await;
    let old_letter = job(letter, days(7) + hour).await;
    let young_letter = job(letter, days(7) - hour).await;
    let state = async |job: JobId| {
        let sql = "SELECT archived FROM jobs WHERE id = $1";
        let archived: bool = db.query_one(sql, &[&job]).await.unwrap().get(0);
        let key = format!("service-{}-notify/{job}.csv", j.service.id);
        (archived, j.t.app.objects().exists(&Bucket::CsvUpload.at(key)).await.unwrap())
    };
    for _ in 0..2 {
        j.t.fire("remove_sms_email_jobs").await;
        j.t.drain().await;
        assert_eq!(state(old_sms).await, (true, false));
        assert_eq!(state(young_sms).await, (false, true));
    }
    assert_eq!(state(old_letter).await, (false, true));
    j.t.fire("remove_letter_jobs").await;
    j.t.drain().await;
    assert_eq!(state(old_letter).await, (true, false));
    assert_eq!(state(young_letter).await, (false, true));
    j.t.end().await;
}

#[tokio::test]
async fn a_row_that_is_sent_is_neither_sent_nor_tried_again_by_a_second_message() {
    let j = Jobs::start().await;
    let job = j.sms_job(1, JobStatus::Finished).await;
    let row = json!({
        "template": j.sms, "template_version": 1, "job": job, "to": "07700900009",
        "row_number": 0, "personalisation": { "phonenumber": "07700900009", "name": "Ada" },
    });
    let args = json!([j.service.id, notification_of(job, 0), j.t.signer.sign(&row).unwrap()]);
    for _ in 0..2 {
        j.t.told("database-tasks", "save-sms", args.clone(), json!({})).await;
        j.assert_whole(job, 1).await;
        assert_eq!(j.t.stub.received(Kind::Sms).len(), 1);
    }
    j.t.end().await;
}
