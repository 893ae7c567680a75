//! Messages past their retention (tasks contract §6.2, §6.3, §3.16; letters contract §7.4).

use domain::{KeyType, NotificationId, NotificationStatus as S, NotificationType, letter::file};
use providers::objects::{Bucket, Metadata, Place};
use tasks::{DeleteNotificationsForServiceAndType, times::WireTime};
use time::{OffsetDateTime, macros::datetime};

use super::{CHANNELS, Night, london};

const PARENT: &str = "delete-notifications-older-than-retention";
const STAYS: (bool, bool) = (true, false);
const MOVED: (bool, bool) = (false, true);
const GONE: (bool, bool) = (false, false);

impl Night {
    async fn keeps(&self, channel: &str, days: i32) {
        let sql = "INSERT INTO service_data_retention
                   (id, service_id, notification_type, days_of_retention, created_at)
            VALUES (gen_random_uuid(), $1, $2::text::notification_type, $3, now())";
        self.t.db().await.execute(sql, &[&self.service.id, &channel, &days]).await.unwrap();
    }

    async fn clean(&self) -> usize {
        self.t.fire(PARENT).await;
        self.t.drain().await
    }

    /// Writes the PDF of a message that is a letter.
    async fn pdf(&self, id: NotificationId, bucket: Bucket, created_at: OffsetDateTime) -> Place {
        let folder = match bucket {
            Bucket::LettersPdf => file::folder(created_at).unwrap(),
            _ => String::new(),
        };
        let reference = format!("REF{}", id.0.simple());
        let place = bucket.at(format!("{folder}{}D.2.C.20261101.PDF", file::prefix(&reference)));
        self.t.app.objects().put(&place, "pdf", &Metadata::new()).await.unwrap();
        place
    }
}

#[tokio::test]
async fn a_week_is_kept_and_the_day_begins_at_midnight_in_london() {
    // One cutoff in winter time, one on the day after the clocks went forward, one after they went back.
    for (now, midnight) in [
        (london(datetime!(2026-11-24 03:00)), datetime!(2026-11-17 00:00 UTC)),
        (london(datetime!(2026-04-05 03:00)), datetime!(2026-03-29 00:00 UTC)),
        (london(datetime!(2026-04-06 03:00)), datetime!(2026-03-29 23:00 UTC)),
        (london(datetime!(2026-11-01 03:00)), datetime!(2026-10-24 23:00 UTC)),
        (london(datetime!(2026-11-02 03:00)), datetime!(2026-10-26 00:00 UTC)),
    ] {
        let night = Night::at(now).await;
        let db = night.t.db().await;
        let (mut old, mut young) = (Vec::new(), Vec::new());
        for channel in CHANNELS {
            let message = |at| night.message(at).channel(channel);
            old.push(message(midnight - time::Duration::MICROSECOND).live(&db).await);
            young.push(message(midnight).live(&db).await);
        }
        drop(db);
        night.clean().await;
        for (old, young) in old.into_iter().zip(young) {
            assert_eq!(night.whereabouts(old).await, MOVED, "{midnight}");
            assert_eq!(night.whereabouts(young).await, STAYS, "{midnight}");
        }
        night.t.end().await;
    }
}

#[tokio::test]
async fn a_service_keeps_each_channel_as_long_as_it_says() {
    let night = Night::at(london(datetime!(2026-11-24 03:00))).await;
    night.keeps("sms", 3).await;
    night.keeps("letter", 90).await;
    let db = night.t.db().await;
    let at = datetime!(2026-11-20 12:00 UTC);
    let text = night.message(at).live(&db).await;
    let email = night.message(at).email().live(&db).await; // the row of another channel is ignored
    let weeks = datetime!(2026-10-01 12:00 UTC);
    let letter = night.message(weeks).letter(1, "second").live(&db).await;
    let old_email = night.message(weeks).email().live(&db).await;
    drop(db);
    night.clean().await;
    assert_eq!(night.whereabouts(text).await, MOVED);
    assert_eq!(night.whereabouts(email).await, STAYS);
    assert_eq!(night.whereabouts(letter).await, STAYS);
    assert_eq!(night.whereabouts(old_email).await, MOVED);
    night.t.end().await;
}

#[tokio::test]
async fn services_without_old_messages_get_no_child() {
    let night = Night::at(london(datetime!(2026-11-24 03:00))).await;
    let db = night.t.db().await;
    night.message(datetime!(2026-11-20 12:00 UTC)).live(&db).await;
    assert_eq!(night.clean().await, 1 + 3, "the parent, and one task for each channel");
    night.message(datetime!(2026-11-02 12:00 UTC)).live(&db).await;
    drop(db);
    assert_eq!(night.clean().await, 1 + 3 + 3, "a batch, the end, and the test keys");
    night.t.end().await;
}

#[tokio::test]
async fn test_keys_messages_are_deleted_and_never_archived() {
    let night = Night::at(london(datetime!(2026-11-24 03:00))).await;
    let db = night.t.db().await;
    let old = datetime!(2026-11-02 12:00 UTC);
    let mut gone = Vec::new();
    for channel in CHANNELS {
        for status in [S::Delivered, S::Sending] {
            let message = night.message(old).channel(channel).status(status);
            gone.push(message.key_type(KeyType::Test).live(&db).await);
        }
    }
    let young = night.message(datetime!(2026-11-20 12:00 UTC)).key_type(KeyType::Test);
    let young = young.live(&db).await;
    let team = night.message(old).key_type(KeyType::Team).live(&db).await;
    drop(db);
    night.clean().await;
    for id in gone {
        assert_eq!(night.whereabouts(id).await, GONE);
    }
    assert_eq!(night.whereabouts(young).await, STAYS);
    assert_eq!(night.whereabouts(team).await, MOVED);
    night.t.end().await;
}

#[tokio::test]
async fn letters_stay_until_they_are_finished_and_emails_and_texts_go_in_any_status() {
    let night = Night::at(london(datetime!(2026-11-24 03:00))).await;
    let db = night.t.db().await;
    let old = datetime!(2026-11-02 12:00 UTC);
    let mut ids = Vec::new();
    for status in [S::Created, S::Sending, S::PendingVirusCheck, S::Delivered, S::VirusScanFailed] {
        for channel in CHANNELS {
            let id = night.message(old).channel(channel).status(status).live(&db).await;
            let stays =
                channel == NotificationType::Letter && S::UNFINISHED_LETTER.contains(&status);
            ids.push((id, if stays { STAYS } else { MOVED }, channel, status));
        }
    }
    drop(db);
    night.clean().await;
    for (id, expected, channel, status) in ids {
        assert_eq!(night.whereabouts(id).await, expected, "{channel} {status}");
    }
    night.t.end().await;
}

#[tokio::test]
async fn the_history_holds_all_but_what_is_personal() {
    let night = Night::at(london(datetime!(2026-11-24 03:00))).await;
    let db = night.t.db().await;
    let id = night.message(datetime!(2026-11-02 12:00 UTC)).abroad(3).live(&db).await;
    let sql = "SELECT to_jsonb(v)::text FROM notifications_all_time_view v WHERE id = $1";
    let before: String = db.query_one(sql, &[&id]).await.unwrap().get(0);
    night.clean().await;
    let after: String = db.query_one(sql, &[&id]).await.unwrap().get(0);
    assert_eq!(after, before);
    assert_eq!(night.whereabouts(id).await, MOVED);
    drop(db);
    night.t.end().await;
}

#[tokio::test]
async fn one_that_is_in_the_history_already_is_kept_as_it_is_there() {
    let night = Night::at(london(datetime!(2026-11-24 03:00))).await;
    let db = night.t.db().await;
    let id = night.message(datetime!(2026-11-02 12:00 UTC)).status(S::Sending).live(&db).await;
    db.execute(
        "INSERT INTO notification_history (id, service_id, template_id, template_version, key_type,
                notification_type, created_at, billable_units, notification_status)
         SELECT id, service_id, template_id, template_version, key_type, notification_type,
                created_at, 1, 'delivered' FROM notifications WHERE id = $1",
        &[&id],
    )
    .await
    .unwrap();
    drop(db);
    night.clean().await;
    assert_eq!(night.whereabouts(id).await, MOVED);
    let delivered =
        "SELECT count(*) FROM notification_history WHERE notification_status = 'delivered'";
    assert_eq!(night.count(delivered).await, 1);
    night.t.end().await;
}

#[tokio::test]
async fn a_service_is_cleaned_batch_by_batch_also_by_two_at_once() {
    let night = Night::at(london(datetime!(2026-11-24 03:00))).await;
    let db = night.t.db().await;
    let old = datetime!(2026-11-02 12:00 UTC);
    let id = night.message(old).live(&db).await;
    night.t.copy(id, 10_500).await;
    let test = night.message(old).key_type(KeyType::Test).live(&db).await;
    night.t.copy(test, 20).await;
    drop(db);
    let before = WireTime(datetime!(2026-11-17 00:00 UTC));
    let child = DeleteNotificationsForServiceAndType {
        service_id: night.service.id,
        notification_type: NotificationType::Sms,
        datetime_to_delete_before: before,
    };
    let old = store::retention::Old {
        service_id: night.service.id,
        channel: NotificationType::Sms,
        before: before.0,
    };
    let trace = queue::Trace::default();
    let (one, two) =
        tokio::join!(night.t.app.archive_old(&old, &trace), night.t.app.archive_old(&old, &trace));
    let moved = one.unwrap() + two.unwrap();
    assert!((10_000..=10_501).contains(&moved), "{moved}: a batch is no more than 10,000");
    night.t.publish(&child).await;
    night.t.publish(&child).await;
    night.t.drain().await;
    assert_eq!(night.count("SELECT count(*) FROM notifications").await, 0);
    assert_eq!(night.count("SELECT count(*) FROM notification_history").await, 10_501);
    night.t.end().await;
}

#[tokio::test]
async fn children_of_python_producers_are_understood() {
    let night = Night::at(london(datetime!(2026-11-24 03:00))).await;
    let db = night.t.db().await;
    let id = night.message(datetime!(2026-11-02 12:00 UTC)).live(&db).await;
    drop(db);
    let wrapped = |kind: &str, value: serde_json::Value| serde_json::json!({ "__type__": kind, "__value__": value });
    let hex = serde_json::json!({ "hex": night.service.id.0.simple().to_string() });
    let kwargs = serde_json::json!({
        "service_id": wrapped("uuid", hex),
        "notification_type": "sms",
        "datetime_to_delete_before": wrapped("datetime", "2026-11-17T00:00:00".into()),
    });
    let task = "delete-notifications-for-service-and-type";
    night.t.told("reporting-tasks", task, serde_json::json!([]), kwargs).await;
    assert_eq!(night.whereabouts(id).await, MOVED);
    night.t.end().await;
}

#[tokio::test]
async fn pdfs_go_with_their_letters() {
    let night = Night::at(london(datetime!(2026-11-24 03:00))).await;
    let db = night.t.db().await;
    let old = datetime!(2026-11-02 18:00 UTC); // printed the day after
    let mut files = Vec::new();
    for (status, key_type, bucket, goes) in [
        (S::Delivered, KeyType::Normal, Bucket::LettersPdf, true),
        (S::ValidationFailed, KeyType::Normal, Bucket::InvalidPdf, true),
        (S::ValidationFailed, KeyType::Test, Bucket::InvalidPdf, true),
        (S::Delivered, KeyType::Test, Bucket::TestLetters, true),
        (S::Sending, KeyType::Normal, Bucket::LettersPdf, false),
        (S::Created, KeyType::Normal, Bucket::LettersPdf, false),
    ] {
        let message = night.message(old).letter(1, "second").status(status).key_type(key_type);
        let id = message.live(&db).await;
        files.push((night.pdf(id, bucket, old).await, goes));
    }
    let young = datetime!(2026-11-20 12:00 UTC);
    let id = night.message(young).letter(1, "second").live(&db).await;
    files.push((night.pdf(id, Bucket::LettersPdf, young).await, false));
    // One without a file does not keep the others.
    let bare = night.message(old).letter(1, "second").live(&db).await;
    drop(db);
    night.clean().await;
    for (place, goes) in files {
        assert_eq!(night.t.app.objects().exists(&place).await.unwrap(), !goes, "{place}");
    }
    assert_eq!(night.whereabouts(bare).await, MOVED);
    night.t.end().await;
}

#[tokio::test]
async fn pdfs_without_a_letter_are_swept_once_no_service_can_keep_them() {
    let night = Night::at(london(datetime!(2026-11-24 03:00))).await;
    let db = night.t.db().await;
    let past = datetime!(2026-08-23 12:00 UTC); // 93 days ago
    let letter = || NotificationId(night.t.app.clock().new_id());
    let orphan = night.pdf(letter(), Bucket::LettersPdf, past).await;
    let kept = datetime!(2026-08-27 12:00 UTC); // 89 days ago: one may still keep it
    let young = night.pdf(letter(), Bucket::LettersPdf, kept).await;
    let sending = night.message(past).letter(1, "second").status(S::Sending).live(&db).await;
    // References are capitals, as the names of files are.
    let sql = "UPDATE notifications SET reference = upper(reference) WHERE id = $1";
    db.execute(sql, &[&sending]).await.unwrap();
    let owned = night.pdf(sending, Bucket::LettersPdf, past).await;
    drop(db);
    night.clean().await;
    for (place, stays) in [(orphan, false), (young, true), (owned, true)] {
        assert_eq!(night.t.app.objects().exists(&place).await.unwrap(), stays, "{place}");
    }
    night.t.end().await;
}

#[tokio::test]
async fn no_message_table_is_read_from_end_to_end() {
    let night = Night::at(london(datetime!(2026-11-24 03:00))).await;
    let db = night.t.db().await;
    let id = night.message(datetime!(2026-11-02 12:00 UTC)).live(&db).await;
    night.t.copy(id, 20_000).await;
    db.batch_execute(
        "ANALYZE notifications; ANALYZE services; SET plan_cache_mode = force_generic_plan",
    )
    .await
    .unwrap();
    use store::retention::{ARCHIVE, LIST, LIST_DUE, LIST_TEST};
    for (sql, types, arguments) in [
        (LIST_DUE, "text, uuid[], timestamp[]", "'sms', '{}', '{}'"),
        (LIST, "uuid, text, timestamp, bigint", "gen_random_uuid(), 'sms', now()::timestamp, 10"),
        (
            LIST_TEST,
            "uuid, text, timestamp, bigint",
            "gen_random_uuid(), 'sms', now()::timestamp, 10",
        ),
        (ARCHIVE, "uuid[]", "'{}'"),
    ] {
        let plan = Night::plan(&db, sql, types, arguments).await;
        assert!(plan.contains("Index"), "{plan}");
        assert!(!plan.contains("Seq Scan on notifications"), "{plan}");
    }
    drop(db);
    night.t.end().await;
}
