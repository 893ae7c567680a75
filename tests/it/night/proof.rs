//! Every message counts once, whatever runs at the same time (tasks contract §5.1).

use std::sync::atomic::{AtomicBool, Ordering};

use domain::{NotificationStatus as S, NotificationType, london::Day};
use queue::Trace;
use store::{facts::Portion, receipts::Outcome, retention::Old};
use time::macros::{date, datetime};

use super::{Night, london};

const VIEW: &str = "SELECT count(*) FROM notifications_all_time_view";
const FACTS: &str =
    "SELECT coalesce(sum(notification_count), 0)::bigint FROM ft_notification_status";
const ROUNDS: i32 = 12;
const LETTERS: i32 = 120;

#[tokio::test]
async fn counts_are_exact_while_messages_move_and_change_and_are_counted() {
    let night = Night::at(london(datetime!(2026-11-24 03:00))).await;
    let at = datetime!(2026-11-02 12:00 UTC);
    let before = datetime!(2026-11-17 00:00 UTC);
    let (channel, service_id) = (NotificationType::Letter, night.service.id);
    let old = Old { service_id, channel, before };
    let portion = Portion { day: Day::of(date!(2026 - 11 - 02)).unwrap(), channel, service_id };
    let (app, trace) = (&night.t.app, Trace::default());
    let mut total = 0;
    for round in 0..ROUNDS {
        let db = night.t.db().await;
        // Letters that have outlived their retention in sending, and as many that may go.
        let template = night.message(at).letter(1, "second").status(S::Sending).live(&db).await;
        night.t.copy(template, LETTERS - 1).await;
        let going = night.message(at).letter(1, "second").live(&db).await;
        night.t.copy(going, LETTERS - 1).await;
        total += i64::from(2 * LETTERS);
        app.replace_status(&portion).await.unwrap();
        let rows = db
            .query("SELECT id FROM notifications WHERE notification_status = 'sending'", &[])
            .await
            .unwrap();
        drop(db);
        let sending: Vec<domain::NotificationId> = rows.iter().map(|row| row.get(0)).collect();
        // A part of them gets its receipt in this round; the rest stays in sending.
        let receipts = async {
            let db = night.t.db().await;
            for id in sending.iter().take(sending.len() / 2) {
                let outcome = Outcome {
                    id: *id,
                    from: S::Sending,
                    to: S::Delivered,
                    at: datetime!(2026-11-24 03:00 UTC),
                    sent_by: "dvla",
                    billable_units: 1,
                    reference: None,
                    callback: None,
                };
                assert_eq!(store::receipts::apply(&db, &[outcome]).await.unwrap(), [*id]);
            }
        };
        let archive = async {
            for _ in 0..3 {
                let (one, two) =
                    tokio::join!(app.archive_old(&old, &trace), app.archive_old(&old, &trace));
                one.unwrap();
                two.unwrap();
            }
        };
        let aggregation = async {
            for _ in 0..3 {
                let (one, two) =
                    tokio::join!(app.replace_status(&portion), app.replace_status(&portion));
                one.unwrap();
                two.unwrap();
            }
        };
        let over = AtomicBool::new(false);
        let work = async {
            tokio::join!(receipts, archive, aggregation);
            over.store(true, Ordering::Relaxed);
        };
        let watch = async {
            let mut looks = 0;
            while !over.load(Ordering::Relaxed) {
                assert_eq!(night.count(VIEW).await, total, "round {round}, look {looks}");
                assert_eq!(night.count(FACTS).await, total, "round {round}, look {looks}");
                looks += 1;
            }
            assert!(looks > 0);
        };
        tokio::join!(work, watch);
        // What is left in sending is counted, though its retention has passed.
        app.replace_status(&portion).await.unwrap();
        let left = sending.len() - sending.len() / 2;
        let counted = night.status_facts().await;
        let in_sending = counted.iter().find(|fact| fact.2 == "sending").unwrap();
        assert_eq!(usize::try_from(in_sending.3).unwrap(), left);
        assert_eq!(night.count(VIEW).await, total);
        assert_eq!(night.count(FACTS).await, total);
    }
    // When nothing is under way any more, only what is unfinished is left in the live table.
    night.t.drain().await;
    let live = "SELECT count(*) FROM notifications WHERE notification_status <> 'sending'";
    assert_eq!(night.count(live).await, 0);
    assert_eq!(night.count(VIEW).await, total);
    night.t.end().await;
}
