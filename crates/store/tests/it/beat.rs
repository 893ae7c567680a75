//! `store::beat`: a slot is taken once.

use store::beat;
use testkit::Database;
use time::Duration;

use crate::notifications::NOW;

#[tokio::test]
async fn a_slot_is_taken_once_and_the_latest_is_remembered() {
    let database = Database::create().await;
    let db = database.client().await;
    assert_eq!(beat::last_slot(&db, "a").await.unwrap(), None);
    let old = NOW - Duration::days(30);
    assert!(beat::take_slot(&db, "a", old, NOW).await.unwrap());
    assert!(!beat::take_slot(&db, "a", old, NOW).await.unwrap());
    assert!(beat::take_slot(&db, "b", old, NOW).await.unwrap());

    beat::forget_slots(&db, "a", NOW).await.unwrap();
    assert_eq!(beat::last_slot(&db, "a").await.unwrap(), Some(old), "the latest is kept");
    assert!(beat::take_slot(&db, "a", NOW, NOW).await.unwrap());
    beat::forget_slots(&db, "a", NOW).await.unwrap();
    assert!(beat::take_slot(&db, "a", old, NOW).await.unwrap(), "an old one was forgotten");
    assert_eq!(beat::last_slot(&db, "a").await.unwrap(), Some(NOW));
}
