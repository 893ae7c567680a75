//! Counting statuses by day (tasks contract §5.2 to §5.4, §3.16).

use domain::{KeyType, NotificationStatus as S, NotificationType};
use tasks::{CreateNightlyNotificationStatusForServiceAndDay, Task, times::WireDate};
use time::macros::{date, datetime};
use uuid::Uuid;

use super::{CHANNELS, Night, london};

const PARENT: &str = "create-nightly-notification-status";

fn fact(day: &str, channel: &str, status: &str, count: i32) -> (String, String, String, i32) {
    (day.to_owned(), channel.to_owned(), status.to_owned(), count)
}

/// The child for the service, for a channel and day.
fn child(
    night: &Night,
    day: time::Date,
    channel: NotificationType,
) -> CreateNightlyNotificationStatusForServiceAndDay {
    CreateNightlyNotificationStatusForServiceAndDay {
        process_day: WireDate(day),
        service_id: night.service.id,
        notification_type: channel,
    }
}

#[tokio::test]
async fn emails_and_texts_are_counted_for_four_days_and_letters_for_ten() {
    let night = Night::at(london(datetime!(2019-08-01 00:30))).await;
    let db = night.t.db().await;
    for day in [21, 22, 27, 28, 31] {
        let date = time::Date::from_calendar_date(2019, time::Month::July, day).unwrap();
        for channel in CHANNELS {
            night
                .message(london(date.with_hms(12, 0, 0).unwrap()))
                .channel(channel)
                .live(&db)
                .await;
        }
    }
    for channel in CHANNELS {
        night.message(london(datetime!(2019-08-01 00:10))).channel(channel).live(&db).await;
    }
    drop(db);
    night.t.fire(PARENT).await;
    assert_eq!(night.t.drain().await, 1 + 8, "the parent, and a child only where there is work");
    let expected = [
        fact("2019-07-22", "letter", "delivered", 1),
        fact("2019-07-27", "letter", "delivered", 1),
        fact("2019-07-28", "email", "delivered", 1),
        fact("2019-07-28", "letter", "delivered", 1),
        fact("2019-07-28", "sms", "delivered", 1),
        fact("2019-07-31", "email", "delivered", 1),
        fact("2019-07-31", "letter", "delivered", 1),
        fact("2019-07-31", "sms", "delivered", 1),
    ];
    assert_eq!(night.status_facts().await, expected);
    night.t.end().await;
}

#[tokio::test]
async fn a_day_begins_and_ends_at_midnight_in_london() {
    let night = Night::at(datetime!(2019-04-02 12:00 UTC)).await;
    let db = night.t.db().await;
    for at in [
        datetime!(2019-03-31 22:59:59.999999 UTC), // the day before
        datetime!(2019-03-31 23:00 UTC),
        datetime!(2019-04-01 22:59:59.999999 UTC),
        datetime!(2019-04-01 23:00 UTC), // the day after
    ] {
        night.message(at).live(&db).await;
    }
    drop(db);
    night.t.publish(&child(&night, date!(2019 - 04 - 01), NotificationType::Sms)).await;
    night.t.drain().await;
    assert_eq!(night.status_facts().await, [fact("2019-04-01", "sms", "delivered", 2)]);
    night.t.end().await;
}

#[tokio::test]
async fn days_on_which_the_clocks_change_are_whole() {
    let night = Night::at(datetime!(2026-11-24 12:00 UTC)).await;
    let db = night.t.db().await;
    for (date, hours) in [(date!(2026 - 03 - 29), 23), (date!(2026 - 10 - 25), 25)] {
        let start = domain::london::midnight(date).unwrap();
        // One each hour, from an hour before the day to an hour after it.
        for hour in -1..=hours {
            night.message(start + time::Duration::hours(hour)).live(&db).await;
        }
        night.t.publish(&child(&night, date, NotificationType::Sms)).await;
    }
    drop(db);
    night.t.drain().await;
    let expected =
        [fact("2026-03-29", "sms", "delivered", 23), fact("2026-10-25", "sms", "delivered", 25)];
    assert_eq!(night.status_facts().await, expected);
    night.t.end().await;
}

#[tokio::test]
async fn a_second_run_finds_new_changed_and_vanished_facts() {
    let night = Night::at(london(datetime!(2026-11-24 00:30))).await;
    let db = night.t.db().await;
    let noon = datetime!(2026-11-23 12:00 UTC);
    let changes = night.message(noon).status(S::Sending).live(&db).await;
    let goes = night.message(noon).status(S::TechnicalFailure).live(&db).await;
    night.t.fire(PARENT).await;
    night.t.drain().await;
    let before = [
        fact("2026-11-23", "sms", "sending", 1),
        fact("2026-11-23", "sms", "technical-failure", 1),
    ];
    assert_eq!(night.status_facts().await, before);

    let sql = "UPDATE notifications SET notification_status = 'delivered' WHERE id = $1";
    db.execute(sql, &[&changes]).await.unwrap();
    db.execute("DELETE FROM notifications WHERE id = $1", &[&goes]).await.unwrap();
    night.message(noon).status(S::Created).live(&db).await;
    night.t.fire(PARENT).await;
    night.t.fire(PARENT).await; // a doubled run
    night.t.drain().await;
    let after =
        [fact("2026-11-23", "sms", "created", 1), fact("2026-11-23", "sms", "delivered", 1)];
    assert_eq!(night.status_facts().await, after);
    night.t.end().await;
}

#[tokio::test]
async fn facts_whose_messages_have_all_gone_are_found_and_removed() {
    let night = Night::at(london(datetime!(2026-11-24 00:30))).await;
    let db = night.t.db().await;
    let id = night.message(datetime!(2026-11-23 12:00 UTC)).email().live(&db).await;
    night.t.fire(PARENT).await;
    night.t.drain().await;
    assert_eq!(night.status_facts().await.len(), 1);
    db.execute("DELETE FROM notifications WHERE id = $1", &[&id]).await.unwrap();
    night.t.fire(PARENT).await;
    assert_eq!(night.t.drain().await, 2);
    assert_eq!(night.status_facts().await, []);
    night.t.fire(PARENT).await;
    assert_eq!(night.t.drain().await, 1, "now there is nothing to do");
    night.t.end().await;
}

#[tokio::test]
async fn live_and_archived_messages_count_alike_and_test_keys_never() {
    let night = Night::at(london(datetime!(2026-11-24 00:30))).await;
    let db = night.t.db().await;
    let noon = datetime!(2026-11-23 12:00 UTC);
    // A letter that has outlived its retention in sending, beside one that was archived.
    night.message(noon).letter(1, "second").status(S::Sending).live(&db).await;
    night.message(noon).letter(1, "second").archived(&db).await;
    night.message(noon).key_type(KeyType::Team).archived(&db).await;
    night.message(noon).key_type(KeyType::Test).live(&db).await;
    night.message(noon).letter(1, "second").status(S::PendingVirusCheck).live(&db).await;
    drop(db);
    night.t.fire(PARENT).await;
    night.t.drain().await;
    let expected = [
        fact("2026-11-23", "letter", "delivered", 1),
        fact("2026-11-23", "letter", "pending-virus-check", 1),
        fact("2026-11-23", "letter", "sending", 1),
        fact("2026-11-23", "sms", "delivered", 1),
    ];
    assert_eq!(night.status_facts().await, expected);
    night.t.end().await;
}

#[tokio::test]
async fn facts_have_the_job_and_a_nil_id_where_there_is_none() {
    let night = Night::at(london(datetime!(2026-11-24 00:30))).await;
    let db = night.t.db().await;
    let noon = datetime!(2026-11-23 12:00 UTC);
    let job = Uuid::from_u128(77);
    db.execute(
        "INSERT INTO jobs (id, original_file_name, service_id, created_at, notification_count,
                notifications_sent, notifications_delivered, notifications_failed, template_version,
                job_status)
         VALUES ($1, 'a.csv', $2, now(), 1, 0, 0, 0, 1, 'finished')",
        &[&job, &night.service.id],
    )
    .await
    .unwrap();
    night.message(noon).job(job).live(&db).await;
    night.message(noon).live(&db).await;
    night.t.fire(PARENT).await;
    night.t.drain().await;
    let sql = "SELECT job_id FROM ft_notification_status ORDER BY job_id";
    let jobs: Vec<Uuid> = db.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(jobs, [Uuid::nil(), job]);
    drop(db);
    night.t.end().await;
}

#[tokio::test]
async fn children_of_python_producers_are_understood() {
    let night = Night::at(london(datetime!(2026-11-24 00:30))).await;
    let db = night.t.db().await;
    night.message(datetime!(2026-11-23 12:00 UTC)).live(&db).await;
    drop(db);
    // As kombu 5.3 and later wraps a UUID, with the arguments by position.
    let id = night.t.app.clock().new_id();
    let task = child(&night, date!(2026 - 11 - 23), NotificationType::Sms);
    let mut envelope = queue::Envelope::new(&task, id, &queue::Trace::default()).unwrap();
    assert_eq!(envelope.queue, "reporting-tasks");
    envelope.kwargs.clear();
    envelope.args = vec![
        "2026-11-23".into(),
        serde_json::json!({ "__type__": "uuid",
            "__value__": { "hex": night.service.id.0.simple().to_string() } }),
        "sms".into(),
    ];
    assert_eq!(envelope.task, CreateNightlyNotificationStatusForServiceAndDay::NAME);
    night.t.app.enqueue(envelope).await.unwrap();
    night.t.drain().await;
    assert_eq!(night.status_facts().await, [fact("2026-11-23", "sms", "delivered", 1)]);
    night.t.end().await;
}

#[tokio::test]
async fn the_work_of_thousands_of_services_is_fanned_out_whole() {
    let night = Night::at(london(datetime!(2026-11-24 00:30))).await;
    let db = night.t.db().await;
    night.message(datetime!(2026-11-23 12:00 UTC)).live(&db).await;
    db.batch_execute(&format!(
        "INSERT INTO services
         SELECT (jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid(),
                    'name', 'Service ' || n, 'normalised_service_name', 'service' || n,
                    'email_sender_local_part', 'service' || n))).*
           FROM services s, generate_series(1, 1999) n WHERE s.id = '{service}';
         INSERT INTO notifications
         SELECT (jsonb_populate_record(m, jsonb_build_object('id', gen_random_uuid(),
                    'service_id', s.id))).*
           FROM notifications m, services s
          WHERE m.service_id = '{service}' AND s.name LIKE 'Service %'
            AND s.id <> '{service}'",
        service = night.service.id
    ))
    .await
    .unwrap();
    drop(db);
    let trace = queue::Trace::default();
    let mut parts = std::collections::HashSet::new();
    for _ in 0..2 {
        // Doubled, as after a parent that died: each part is asked for again, and none is left out.
        let children = night.t.app.fan_out_status(&trace).await.unwrap();
        assert_eq!(children, 2000);
        // What the broker was too slow to confirm waits in the outbox.
        crate::flow_control::relay_all(&night.t).await;
        let asked = night.t.queues.take_tasks(tasks::queues::REPORTING).await;
        parts
            .extend(asked.into_iter().map(|(_, arguments)| arguments[1]["service_id"].to_string()));
        assert_eq!(parts.len(), 2000);
    }
    night.t.end().await;
}

/// The history is found by its index, which leads with the key type (tasks contract §7, lesson 16).
#[tokio::test]
async fn counting_a_day_reads_no_table_from_end_to_end() {
    let night = Night::at(london(datetime!(2026-11-24 00:30))).await;
    let db = night.t.db().await;
    let at = datetime!(2026-11-23 12:00 UTC);
    night.message(at).live(&db).await;
    night.message(at).archived(&db).await;
    for (table, more) in [("notifications", r#", "to""#), ("notification_history", "")] {
        // Thousands of emails of the same day, among which the text message is to be found.
        let columns = format!(
            "service_id, template_id, template_version, key_type, notification_status,
             billable_units{more}"
        );
        db.batch_execute(&format!(
            "INSERT INTO {table} (id, created_at, notification_type, {columns})
             SELECT gen_random_uuid(), created_at - n * interval '1 second', 'email', {columns}
               FROM {table}, generate_series(1, 20000) n;
             ANALYZE {table}"
        ))
        .await
        .unwrap();
    }
    let service = night.service.id;
    let day = "'2026-11-23', '2026-11-24'";
    let facts = store::facts::list_services_sql;
    for (sql, types, arguments) in [
        (
            store::status_facts::COUNT.to_owned(),
            "date, text, uuid, timestamp, timestamp, timestamp",
            format!("'2026-11-23', 'sms', '{service}', {day}, now()::timestamp"),
        ),
        (
            facts(store::facts::Facts::Status),
            "text, timestamp, timestamp, date",
            format!("'sms', {day}, '2026-11-23'"),
        ),
        (
            facts(store::facts::Facts::Billing),
            "text, timestamp, timestamp, date",
            format!("'sms', {day}, '2026-11-23'"),
        ),
    ] {
        let plan = Night::plan(&db, &sql, types, &arguments).await;
        assert!(plan.contains("ix_notification_history_service_id_composite"), "{plan}");
        assert!(!plan.contains("Seq Scan on notification"), "{plan}");
    }
    drop(db);
    night.t.end().await;
}
