//! A database's clock in the test's hand.

use time::OffsetDateTime;
use tokio_postgres::Client;

/// Stops the clock of the database behind `db` at `at`. Whoever connects from now on finds this time
/// wherever SQL says `clock_timestamp()`: a function of that name stands before the server's own in
/// the search path.
pub(crate) async fn set(db: &Client, at: OffsetDateTime) {
    let sql = format!(
        "BEGIN;
        CREATE SCHEMA IF NOT EXISTS faked;
        CREATE TABLE IF NOT EXISTS faked.clock (at timestamptz);
        DELETE FROM faked.clock;
        INSERT INTO faked.clock VALUES (to_timestamp({at}));
        CREATE OR REPLACE FUNCTION faked.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS
            'SELECT at FROM faked.clock';
        DO $$ BEGIN
            EXECUTE format('ALTER DATABASE %I SET search_path = faked, pg_catalog, public',
                           current_database());
        END $$;
        COMMIT",
        at = at.unix_timestamp(),
    );
    db.batch_execute(&sql).await.unwrap();
}
