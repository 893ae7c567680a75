//! Which databases are migrated, which are refused, and that nothing else happens to them.

use deadpool_postgres::GenericClient;
use store::migrate::{self, Error, Outcome};
use testkit::Database;

use crate::schema::{OUR_ADDITIONS, assert_is_complete};

#[tokio::test]
async fn a_second_run_finds_nothing_to_do() {
    let database = Database::create_empty().await;
    let config = database.config();
    assert_eq!(migrate::run(&config, "test").await.unwrap(), Outcome::Created);
    assert_eq!(migrate::run(&config, "test").await.unwrap(), Outcome::UpToDate);
}

#[tokio::test]
async fn runs_at_the_same_time_wait_for_each_other() {
    let database = Database::create_empty().await;
    let config = database.config();
    let (one, other) = tokio::join!(migrate::run(&config, "test"), migrate::run(&config, "test"));
    let mut outcomes = [one.unwrap(), other.unwrap()];
    outcomes.sort_by_key(|outcome| *outcome == Outcome::UpToDate);
    assert_eq!(outcomes, [Outcome::Created, Outcome::UpToDate]);
}

#[tokio::test]
async fn what_is_missing_is_run() {
    let database = Database::create().await;
    forget_ours(&database).await;
    let db = database.client().await;
    let sql = "DELETE FROM postroom_schema_history WHERE version > 8";
    let missing = usize::try_from(db.execute(sql, &[]).await.unwrap()).unwrap();
    assert_eq!(migrate::run(&database.config(), "test").await.unwrap(), Outcome::Upgraded(missing));
    assert_is_complete(&db).await;
}

#[tokio::test]
async fn notifys_database_is_adopted_with_its_data() {
    let database = notifys().await;
    let db = database.client().await;
    db.batch_execute("UPDATE services SET name = 'Ours since 2016'").await.unwrap();

    assert_eq!(migrate::run(&database.config(), "test").await.unwrap(), Outcome::Adopted);
    assert_is_complete(&db).await;
    let row = db.query_one("SELECT name, count(*) OVER () FROM services", &[]).await.unwrap();
    assert_eq!((row.get(0), row.get(1)), ("Ours since 2016", 1_i64));
    assert_eq!(migrate::run(&database.config(), "test").await.unwrap(), Outcome::UpToDate);
}

#[tokio::test]
async fn an_adoption_that_was_cut_off_is_done_again() {
    let database = notifys().await;
    let db = database.client().await;
    // All that such a run leaves behind.
    db.batch_execute(
        "CREATE TABLE postroom_schema_history
            (version int4 PRIMARY KEY, name varchar(255), applied_on varchar(255), checksum varchar(255))",
    )
    .await
    .unwrap();
    assert_eq!(migrate::run(&database.config(), "test").await.unwrap(), Outcome::Adopted);
    assert_is_complete(&db).await;
}

#[tokio::test]
async fn another_revision_is_refused() {
    for (change, named) in [
        ("UPDATE alembic_version SET version_num = '0559_set_nhs_notify_allowance'", "0559_set"),
        ("INSERT INTO alembic_version VALUES ('0561_later')", "0561_later"),
        ("DELETE FROM alembic_version", "\"\""),
    ] {
        let database = notifys().await;
        database.client().await.batch_execute(change).await.unwrap();
        let error = refused(&database).await;
        assert!(matches!(error, Error::OtherRevision { .. }), "{error:?}");
        assert!(error.to_string().contains(named), "{error}");
    }
}

#[tokio::test]
async fn half_of_notifys_database_is_refused() {
    let database = notifys().await;
    database.client().await.batch_execute("DROP TABLE returned_letters").await.unwrap();
    let error = refused(&database).await;
    assert!(matches!(error, Error::Incomplete { .. }), "{error:?}");
    assert!(error.to_string().contains("returned_letters"), "{error}");
}

#[tokio::test]
async fn a_database_of_something_else_is_refused() {
    let database = Database::create_empty().await;
    database.client().await.batch_execute("CREATE TABLE orders (id int)").await.unwrap();
    let error = refused(&database).await;
    assert!(matches!(error, Error::Foreign { .. }), "{error:?}");
    assert!(error.to_string().contains("orders"), "{error}");
}

#[tokio::test]
async fn notifys_database_with_a_table_of_our_name_is_refused() {
    let database = notifys().await;
    database.client().await.batch_execute("CREATE TABLE outbox (id int)").await.unwrap();
    let error = refused(&database).await;
    assert!(matches!(error, Error::Foreign { .. }), "{error:?}");
}

/// A database as Notify's own migrations leave it.
async fn notifys() -> Database {
    let database = Database::create().await;
    forget_ours(&database).await;
    let db = database.client().await;
    db.batch_execute("DROP TABLE postroom_schema_history").await.unwrap();
    database
}

/// Takes away all that we add, but for the history of our migrations.
async fn forget_ours(database: &Database) {
    let db = database.client().await;
    for addition in OUR_ADDITIONS.iter().filter(|name| **name != "postroom_schema_history") {
        let sql = match addition.split_once('/') {
            None => format!("DROP TABLE {addition}"),
            Some((table, part)) => match part.split_once(' ').unwrap() {
                ("column", column) => format!("ALTER TABLE {table} DROP COLUMN {column}"),
                (kind, name) => format!("DROP {kind} {name}"),
            },
        };
        db.batch_execute(&sql).await.unwrap();
    }
}

/// The refusal. Panics unless the database is as it was before.
async fn refused(database: &Database) -> Error {
    let db = database.client().await;
    let before = relations(&db).await;
    let error = migrate::run(&database.config(), "test").await.unwrap_err();
    assert_eq!(relations(&db).await, before);
    error
}

async fn relations(db: &impl GenericClient) -> Vec<(String, i64)> {
    let sql = "SELECT relname::text, relnatts::int8 FROM pg_class
                WHERE relnamespace = 'public'::regnamespace ORDER BY relname";
    let rows = db.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}
