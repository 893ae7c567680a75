//! Which provider a message goes through, and what becomes of the choice.

use domain::{NotificationId, NotificationStatus as Status};
use stub::Kind;
use time::Duration;

use crate::app::TestApp;

#[tokio::test]
async fn a_provider_without_receipts_leaves_the_message_sent() {
    let t = TestApp::with(|providers, _| {
        providers.mmg.mmg_api_key = None;
        providers.aws_sms.aws_sms_access_key_id = Some("id".into());
    })
    .await;
    let client = t.client().await;
    let id = client.send_sms("07700900123").await;
    t.drain().await;
    assert_eq!(t.status(id).await, Status::Sent);
    let received = t.received(Kind::Sms, 1).await.remove(0);
    let db = t.db().await;
    let sql = "SELECT sent_by, reference FROM notifications WHERE id = $1";
    let row = db.query_one(sql, &[&id]).await.unwrap();
    assert_eq!(row.get::<_, &str>("sent_by"), "sns");
    assert_eq!(received["id"], row.get::<_, &str>("reference"));
    t.end().await;
}

/// A system in which MMG is down, and paused after three failures.
async fn without_mmg(firetext: bool) -> TestApp {
    let t = TestApp::with(|providers, stub| {
        providers.mmg.mmg_url = format!("{}/callback/503", stub.url).parse().unwrap();
        providers.firetext.firetext_api_key = firetext.then(|| "key".into());
        providers.breaker.provider_failures = 3;
    })
    .await;
    set_priorities(&t, 100, 0).await;
    t
}

#[tokio::test]
async fn a_provider_that_is_down_is_left_alone_while_another_can_send() {
    let t = without_mmg(true).await;
    let client = t.client().await;
    let first = client.send_sms("07700900009").await; // both attempts fail
    assert_eq!(t.drain().await, 2);
    let second = client.send_sms("07700900009").await; // the third failure in a row
    assert_eq!(t.drain().await, 2);
    assert_eq!((t.status(first).await, t.status(second).await), (Status::Created, Status::Sending));
    let third = client.send_sms("07700900009").await;
    assert_eq!(t.drain().await, 1);
    assert_eq!(t.status(third).await, Status::Sending);
    assert_eq!(t.stub.received(Kind::Callbacks).len(), 3, "MMG was not asked again");

    t.advance(Duration::seconds(16));
    client.send_sms("07700900009").await;
    assert_eq!(t.drain().await, 2, "one trial, then the other");
    assert_eq!(t.stub.received(Kind::Callbacks).len(), 4);
    assert_eq!(t.stub.received(Kind::Sms).len(), 3);
    t.end().await;
}

#[tokio::test]
async fn a_provider_that_is_down_is_asked_when_there_is_no_other() {
    let t = without_mmg(false).await;
    let client = t.client().await;
    for _ in 0..3 {
        client.send_sms("07700900009").await;
        assert_eq!(t.drain().await, 2);
    }
    assert_eq!(t.stub.received(Kind::Callbacks).len(), 6);
    t.end().await;
}

/// The priorities of MMG and Firetext.
async fn priorities(t: &TestApp) -> (i32, i32) {
    let sql = "SELECT (SELECT priority FROM provider_details WHERE identifier = 'mmg'),
                      (SELECT priority FROM provider_details WHERE identifier = 'firetext')";
    let row = t.db().await.query_one(sql, &[]).await.unwrap();
    (row.get(0), row.get(1))
}

async fn set_priorities(t: &TestApp, mmg: i32, firetext: i32) {
    let sql = "UPDATE provider_details SET updated_at = NULL,
                      priority = CASE identifier WHEN 'mmg' THEN $1::int ELSE $2::int END
                WHERE notification_type = 'sms'";
    t.db().await.execute(sql, &[&mmg, &firetext]).await.unwrap();
}

/// Versions of MMG's row that are kept, the newest last: version, priority, reason.
async fn history(t: &TestApp) -> Vec<(i32, i32, Option<String>)> {
    let sql = "SELECT version, priority, reason FROM provider_details_history
                WHERE identifier = 'mmg' ORDER BY version";
    let rows = t.db().await.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

#[tokio::test]
async fn a_provider_with_more_than_fifty_errors_in_a_minute_gives_way() {
    let t = TestApp::start().await;
    set_priorities(&t, 50, 50).await;
    for _ in 0..49 {
        t.app.sms_provider_failed("mmg").await;
    }
    let client = t.client().await;
    client.send_sms("07700900005").await; // fails twice: at once, and at its first retry
    assert_eq!(t.drain().await, 2);
    assert_eq!(priorities(&t).await, (40, 60), "the fifty-first did it");
    let reason = Some("too many errors".to_owned());
    assert_eq!(history(&t).await, [(1, 10, None), (2, 40, reason)]);
    t.app.sms_provider_failed("mmg").await;
    assert_eq!(priorities(&t).await, (40, 60), "not twice within a minute");

    t.advance(Duration::seconds(61));
    t.app.sms_provider_failed("mmg").await;
    assert_eq!(priorities(&t).await, (40, 60), "those errors are over");
    for _ in 0..50 {
        t.app.sms_provider_failed("mmg").await;
    }
    assert_eq!(priorities(&t).await, (30, 70));
    t.end().await;
}

#[tokio::test]
async fn however_many_notice_at_once_priorities_change_once() {
    let t = TestApp::start().await;
    set_priorities(&t, 50, 50).await;
    let failing = (0..100).map(|_| t.app.sms_provider_failed("mmg"));
    futures_util::future::join_all(failing).await;
    assert_eq!(priorities(&t).await, (40, 60));
    assert_eq!(history(&t).await.len(), 2);
    t.end().await;
}

#[tokio::test]
async fn providers_go_back_to_where_they_rest() {
    let t = TestApp::start().await;
    t.fire("tend-providers-back-to-middle").await;
    t.drain().await;
    assert_eq!(priorities(&t).await, (20, 30), "from 10 and 20");
    t.advance(Duration::minutes(14));
    assert!(!t.app.tend_providers().await.unwrap(), "they changed just now");
    for expected in [(30, 40), (40, 49), (50, 49), (51, 49)] {
        t.advance(Duration::minutes(16));
        assert!(t.app.tend_providers().await.unwrap());
        assert_eq!(priorities(&t).await, expected);
    }
    t.advance(Duration::minutes(16));
    assert!(!t.app.tend_providers().await.unwrap());
    assert_eq!(history(&t).await.len(), 6);
    set_priorities(&t, 100, 0).await;
    assert!(t.app.tend_providers().await.unwrap());
    assert_eq!(priorities(&t).await, (90, 10));
    t.end().await;
}

/// Leaves `slow` messages of a provider that have been on their way for five minutes, and `fast` ones
/// that arrived before that.
async fn sent(t: &TestApp, of: NotificationId, provider: &str, slow: i32, fast: i32) {
    let db = t.db().await;
    let now = store::sql_time::to_column(t.app.clock().now());
    for (copies, status, took) in [(slow, "sending", 1000.0), (fast, "delivered", 299.0)] {
        let sql = "UPDATE notifications SET sent_by = $2, notification_status = $3,
                          created_at = $4::timestamp - interval '14 minutes',
                          sent_at = $4::timestamp - interval '5 minutes',
                          updated_at = $4::timestamp - interval '5 minutes'
                                       + make_interval(secs => $5)
                    WHERE id = $1";
        db.execute(sql, &[&of, &provider, &status, &now, &took]).await.unwrap();
        t.copy(of, copies).await;
    }
    // It was the model of the others.
    let sql = "UPDATE notifications SET created_at = created_at - interval '1 hour' WHERE id = $1";
    db.execute(sql, &[&of]).await.unwrap();
}

#[tokio::test]
async fn a_provider_that_is_slow_gives_way_to_one_that_is_not() {
    let t = TestApp::start().await;
    set_priorities(&t, 50, 50).await;
    let client = t.client().await;
    let id = client.send_sms("07700900123").await;
    t.purge(tasks::queues::SEND_SMS).await;
    sent(&t, id, "mmg", 14, 86).await;
    assert!(!t.app.switch_on_slow_delivery().await.unwrap(), "14 % is not slow");
    sent(&t, id, "mmg", 1, 0).await; // 15 of 101
    assert!(!t.app.switch_on_slow_delivery().await.unwrap());
    sent(&t, id, "mmg", 1, 0).await; // 16 of 102
    t.fire("switch-current-sms-provider-on-slow-delivery").await;
    t.drain().await;
    assert_eq!(priorities(&t).await, (40, 60));
    assert_eq!(history(&t).await[1].2.as_deref(), Some("slow delivery"));
    assert!(!t.app.switch_on_slow_delivery().await.unwrap(), "not again for five minutes");

    set_priorities(&t, 40, 60).await;
    sent(&t, id, "firetext", 1, 0).await;
    assert!(!t.app.switch_on_slow_delivery().await.unwrap(), "all are slow");
    assert_eq!(priorities(&t).await, (40, 60));
    t.end().await;
}

#[tokio::test]
async fn the_speed_of_deliveries_is_measured() {
    let t = TestApp::start().await;
    t.fire("generate-sms-delivery-stats").await;
    assert_eq!(t.drain().await, 1);
    t.end().await;
}
