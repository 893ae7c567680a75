//! `store::outbox`: each row is held by one relay at a time, and by none for long.

use serde_json::json;
use store::outbox::{self, OutboxRow};
use testkit::Database;
use time::Duration;
use uuid::Uuid;

use crate::notifications::NOW;

fn row(n: u128, held: Option<Duration>) -> OutboxRow {
    OutboxRow {
        id: Uuid::from_u128(n),
        created_at: NOW,
        queue: "q".to_owned(),
        task: "t".to_owned(),
        message: json!({ "n": n.to_string() }),
        claimed_until: held.map(|held| NOW + held),
    }
}

#[tokio::test]
async fn rows_are_claimed_oldest_first_held_released_and_deleted() {
    let database = Database::create().await;
    let db = database.client().await;
    let rows = [row(1, None), row(2, Some(Duration::seconds(30))), row(3, None)];
    outbox::insert(&db, &rows).await.unwrap();
    let until = NOW + Duration::seconds(30);

    let mut claimed = outbox::claim(&db, 10, NOW, until).await.unwrap();
    claimed.sort_by_key(|(id, _)| *id);
    let expected = [(rows[0].id, json!({ "n": "1" })), (rows[2].id, json!({ "n": "3" }))];
    assert_eq!(claimed, expected, "the second is held by its writer");
    assert!(outbox::claim(&db, 10, NOW, until).await.unwrap().is_empty());

    outbox::delete(&db, &[rows[0].id]).await.unwrap();
    outbox::release(&db, &[rows[2].id]).await.unwrap();
    assert_eq!(outbox::claim(&db, 10, NOW, until).await.unwrap().len(), 1);
    assert_eq!(outbox::claim(&db, 1, until, until).await.unwrap()[0].0, rows[1].id, "holds end");
    assert_eq!(outbox::waiting(&db).await.unwrap(), [("t".to_owned(), 2, NOW)]);
    assert_eq!(outbox::oldest(&db).await.unwrap(), Some(NOW));
    outbox::delete(&db, &[rows[1].id, rows[2].id]).await.unwrap();
    assert_eq!(outbox::oldest(&db).await.unwrap(), None);
}

#[tokio::test]
async fn relays_that_race_never_share_a_row() {
    let database = Database::create().await;
    let db = database.client().await;
    let rows: Vec<_> = (1..=100).map(|n| row(n, None)).collect();
    outbox::insert(&db, &rows).await.unwrap();
    let mut relays = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let pool = database.pool().clone();
        relays.spawn(async move {
            let db = pool.get().await.unwrap();
            let mut claimed = Vec::new();
            loop {
                let until = NOW + Duration::hours(1);
                let batch = outbox::claim(&db, 7, NOW, until).await.unwrap();
                if batch.is_empty() {
                    return claimed;
                }
                claimed.extend(batch.into_iter().map(|(id, _)| id));
            }
        });
    }
    let mut all = Vec::new();
    while let Some(claimed) = relays.join_next().await {
        all.extend(claimed.unwrap());
    }
    all.sort();
    assert_eq!(all, rows.iter().map(|row| row.id).collect::<Vec<_>>());
}
