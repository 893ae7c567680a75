//! What is kept for a while and then deleted (tasks contract §3.7, §6.5, §3.16).

use time::{Duration, OffsetDateTime, macros::datetime};

use super::{Night, london};

const NOW: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);

async fn receive(night: &Night, at: OffsetDateTime) {
    let sql = "INSERT INTO inbound_sms (id, service_id, content, notify_number, user_number,
                                        created_at, provider)
        VALUES (gen_random_uuid(), $1, 'signed', '07900900001', '447700900001', $2, 'mmg')";
    let at = store::sql_time::to_column(at);
    night.t.db().await.execute(sql, &[&night.service.id, &at]).await.unwrap();
}

async fn keep_for(night: &Night, days: i32) {
    let sql = "INSERT INTO service_data_retention (id, service_id, notification_type,
                                                   days_of_retention, created_at)
        VALUES (gen_random_uuid(), $1, 'sms', $2, now())";
    night.t.db().await.execute(sql, &[&night.service.id, &days]).await.unwrap();
}

async fn own_number(night: &Night) {
    let sql = "INSERT INTO inbound_numbers (id, number, provider, service_id, active, created_at)
        VALUES (gen_random_uuid(), '07900900001', 'mmg', $1, true, now())";
    night.t.db().await.execute(sql, &[&night.service.id]).await.unwrap();
}

/// How many texts are live, and how many in the history.
async fn texts(night: &Night) -> (i64, i64) {
    let live = night.count("SELECT count(*) FROM inbound_sms").await;
    (live, night.count("SELECT count(*) FROM inbound_sms_history").await)
}

#[tokio::test]
async fn received_texts_are_kept_for_seven_days_of_london() {
    // Summer begins between the midnight and the day it is: London's midnight is not UTC's today.
    let night = Night::at(london(datetime!(2026-04-02 01:40))).await;
    receive(&night, datetime!(2026-03-25 23:59:59 UTC)).await;
    receive(&night, datetime!(2026-03-26 00:00 UTC)).await;
    night.t.fire("delete-inbound-sms").await;
    night.t.fire("delete-inbound-sms").await; // a doubled run
    assert_eq!(night.t.drain().await, 2);
    assert_eq!(texts(&night).await, (1, 1));
    night.t.end().await;
}

#[tokio::test]
async fn a_service_with_a_number_keeps_received_texts_as_long_as_it_has_chosen() {
    let night = Night::at(NOW).await;
    keep_for(&night, 3).await;
    receive(&night, NOW - Duration::days(5)).await;
    night.t.fire("delete-inbound-sms").await;
    night.t.drain().await;
    assert_eq!(texts(&night).await, (1, 0), "without a number of its own it is seven days");
    own_number(&night).await;
    night.t.fire("delete-inbound-sms").await;
    night.t.drain().await;
    assert_eq!(texts(&night).await, (0, 1));
    night.t.end().await;
}

#[tokio::test]
async fn codes_invitations_and_events_are_deleted_when_they_are_old() {
    let night = Night::at(NOW).await;
    let db = night.t.db().await;
    let user = night.service.user_id;
    for (entry, table, age, insert) in [
        (
            "delete-verify-codes",
            "verify_codes",
            Duration::hours(24),
            "(id, user_id, _code, code_type, expiry_datetime, created_at)
             VALUES (gen_random_uuid(), $1, 'hash', 'sms', $2, $2)",
        ),
        (
            "delete-invitations",
            "invited_users",
            Duration::days(2),
            "(id, user_id, email_address, created_at, status, permissions, folder_permissions)
             VALUES (gen_random_uuid(), $1, 'ada@example.com', $2, 'pending', '', '[]')",
        ),
        (
            "delete-old-records-from-events-table",
            "events",
            Duration::weeks(52),
            "(id, event_type, created_at, data)
             SELECT gen_random_uuid(), 'sucessful_login', $2, json_build_object('user', $1::uuid)",
        ),
    ] {
        let sql = format!("INSERT INTO {table} {insert}");
        // The clock goes on while the test runs.
        for at in [NOW - age - Duration::SECOND, NOW - age + Duration::HOUR] {
            db.execute(&sql, &[&user, &store::sql_time::to_column(at)]).await.unwrap();
        }
        night.t.fire(entry).await;
        assert_eq!(night.t.drain().await, 1, "{entry}");
        let left = night.count(&format!("SELECT count(*) FROM {table}")).await;
        assert_eq!(left, 1, "{entry}");
    }
    drop(db);
    night.t.end().await;
}
