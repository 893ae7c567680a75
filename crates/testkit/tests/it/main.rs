//! The databases of tests come and go as promised, and the rows can be written.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use domain::{KeyType, Permission};
use testkit::Database;
use tokio_postgres::{Client, NoTls};

#[tokio::test]
async fn a_database_is_migrated_and_goes_with_its_value() {
    let watcher = Database::create_empty().await;
    let watcher = watcher.client().await;

    let database = Database::create().await;
    let name = database.config().get_dbname().unwrap().to_owned();
    database.client().await.query("SELECT FROM outbox", &[]).await.unwrap();
    assert!(exists(&watcher, &name).await);
    drop(database);
    assert!(!exists(&watcher, &name).await);

    let database = Database::create().await;
    let name = database.config().get_dbname().unwrap().to_owned();
    database.close().await;
    assert!(!exists(&watcher, &name).await);
}

#[tokio::test]
async fn a_test_that_panics_leaves_nothing_behind() {
    let watcher = Database::create_empty().await;
    let watcher = watcher.client().await;

    let (tell, told) = tokio::sync::oneshot::channel();
    let test = tokio::spawn(async {
        let database = Database::create().await;
        tell.send(database.config().get_dbname().unwrap().to_owned()).unwrap();
        panic!("as a failed assertion does");
    });
    assert!(test.await.unwrap_err().is_panic());
    assert!(!exists(&watcher, &told.await.unwrap()).await);
}

#[tokio::test]
async fn the_database_of_a_killed_test_is_dropped_by_the_next() {
    let server = std::env::var("POSTROOM_TEST_DATABASE_URL").unwrap();
    let (watcher, connection) = tokio_postgres::connect(&server, NoTls).await.unwrap();
    tokio::spawn(connection);
    // Made, and nobody holds its lock.
    let name = testkit::unique("postroom_test_");
    watcher.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();

    let _next = Database::create_empty().await;
    // Any other test may have been the next: then this waits until it is done.
    let lock = "SELECT pg_advisory_lock(2, hashtext($1))";
    watcher.execute(lock, &[&name]).await.unwrap();
    assert!(!exists(&watcher, &name).await);
}

#[tokio::test]
async fn the_store_reads_what_the_builders_write() {
    let database = Database::create().await;
    let db = database.client().await;

    let made = testkit::service(&db)
        .name("Parking permits")
        .live()
        .permissions(&[Permission::Sms])
        .sms_limit(7)
        .sms_sender("Parking")
        .reply_to("parking@example.gov.uk")
        .create()
        .await;
    let service = store::services::find(&db, made.id).await.unwrap().unwrap();
    assert_eq!(service.name, "Parking permits");
    assert!(service.active && !service.restricted);
    assert_eq!(service.permissions, [Permission::Sms].into());
    assert_eq!(service.sms_limit, 7);
    assert_eq!(service.default_sms_sender.as_deref(), Some("Parking"));
    assert_eq!(service.default_reply_to.as_deref(), Some("parking@example.gov.uk"));
    let sender = store::senders::get_sms_sender(&db, made.id, made.sms_sender_id).await;
    assert_eq!(sender.unwrap(), "Parking");

    let template = testkit::template(&db, &made).email("Due ((date))", "Pay").create().await;
    let template = store::templates::get_version(&db, made.id, template, 1).await.unwrap();
    assert_eq!(template.subject.as_deref(), Some("Due ((date))"));

    let now = domain::Clock::system().now();
    let key = testkit::api_key(&db, &made, KeyType::Team, "signed").await;
    testkit::revoke_api_key(&db, key, now).await;
    let keys = store::api_keys::list(&db, made.id, now).await.unwrap();
    assert_eq!((keys[0].key_type, keys[0].signed_secret.as_str()), (KeyType::Team, "signed"));
    assert!(keys[0].expiry_date.is_some());

    testkit::delivery_callback(&db, &made, "https://example.gov.uk/told", "token").await;
    let callback = store::service_callbacks::find(
        &db,
        made.id,
        store::service_callbacks::CallbackType::DeliveryStatus,
    )
    .await
    .unwrap();
    assert_eq!(callback.unwrap().signed_bearer_token, "token");

    testkit::guest(&db, &made, "guest@example.com").await;
    let safelist = store::services::safelist(&db, made.id).await.unwrap();
    for recipient in [&made.user_email, &made.user_mobile, "guest@example.com"] {
        assert!(safelist.iter().any(|safe| safe == recipient), "{recipient}");
    }
}

async fn exists(db: &Client, name: &str) -> bool {
    let sql = "SELECT FROM pg_database WHERE datname = $1";
    !db.query(sql, &[&name]).await.unwrap().is_empty()
}
