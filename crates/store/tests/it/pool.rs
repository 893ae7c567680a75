//! `store::pool`.

use std::time::Duration;

use store::{
    DatabaseConfig,
    notifications::{self, Claim},
    pool::Lease,
};
use testkit::Database;
use uuid::Uuid;

use crate::notifications::{NOW, Sender};

#[tokio::test]
async fn a_statement_that_is_given_up_ends_in_the_server_too() {
    let database = Database::create().await;
    let db = database.client().await;
    let sender = Sender::new(&db).await;
    let row = sender.notification(1);
    let (id, holder) = (row.id, Uuid::from_u128(1));
    notifications::insert_many(&db, &[row]).await.unwrap();
    let mut other = database.client().await;
    let locking = other.transaction().await.unwrap();
    locking.execute("SELECT FROM notifications WHERE id = $1 FOR UPDATE", &[&id]).await.unwrap();

    let config = DatabaseConfig {
        database_url: database.url().into(),
        database_pool_size: 1,
        database_statement_timeout_ms: 600_000,
    };
    let pool = config.pool().unwrap();
    let lease = Lease::of(&pool).await.unwrap();
    lease.execute("SELECT pg_advisory_lock(1)", &[]).await.unwrap();
    let claims = [Claim { id, holder, attempt: 0, now: NOW, until: NOW }];
    let claiming = notifications::claim(&*lease, &claims);
    assert!(tokio::time::timeout(Duration::from_millis(200), claiming).await.is_err());
    drop(lease);

    assert_eq!(pool.status().size, 0, "nobody is given a connection that is stuck");
    // Its session keeps this for as long as it lives.
    let ended = db.execute("SELECT pg_advisory_lock(1)", &[]);
    tokio::time::timeout(Duration::from_secs(20), ended).await.unwrap().unwrap();
    locking.rollback().await.unwrap();
    assert_eq!(notifications::claim(&db, &claims).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_connection_whose_statement_ended_is_used_again() {
    let database = Database::create().await;
    let lease = Lease::of(database.pool()).await.unwrap();
    let first = pid(&lease).await;
    lease.end();
    let lease = Lease::of(database.pool()).await.unwrap();
    assert_eq!(pid(&lease).await, first);
}

async fn pid(lease: &Lease) -> i32 {
    lease.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0)
}
