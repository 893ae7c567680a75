//! A database per test, cloned from a migrated template.

use std::{env, thread};

use anyhow::{Context, Result};
use deadpool_postgres::{Object, Pool};
use store::{DatabaseConfig, migrate};
use time::OffsetDateTime;
use tokio_postgres::{Client, Config, NoTls, error::SqlState};
use url::Url;

use crate::{clock, unique};

/// Where the tests' own server is. Never an operator's setting: databases are dropped here.
const SERVER: &str = "POSTROOM_TEST_DATABASE_URL";
/// The environment's name in templates, as in one seeded row.
const ENVIRONMENT: &str = "development";

const DATABASE: &str = "postroom_test_";
const TEMPLATE: &str = "postroom_template_";

/// Keys of the advisory locks, all taken in the server's maintenance database: one while a template
/// is made, one (with the hash of its name) while a test's database is in use.
const MAKING_TEMPLATE: i64 = 1;
const IN_USE: i32 = 2;

/// A database of one test, dropped with this value, even when the test panics. Should the process be
/// killed instead, the next test that starts drops it.
pub struct Database {
    name: String,
    server: Url,
    url: Url,
    pool: Pool,
    /// Connection to the maintenance database, whose lock says that this database is in use.
    guard: Client,
}

impl Database {
    /// A migrated database.
    ///
    /// # Panics
    /// When `POSTROOM_TEST_DATABASE_URL` is not set, or the server refuses.
    pub async fn create() -> Self {
        Self::new(Some(&template_name())).await.unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// A database without anything in it.
    ///
    /// # Panics
    /// As [`Database::create`].
    pub async fn create_empty() -> Self {
        Self::new(None).await.unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Its URL, for a program under test.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The driver's settings for it.
    ///
    /// # Panics
    /// Never: the pool was made from the same settings.
    #[must_use]
    pub fn config(&self) -> Config {
        settings(&self.url).driver().expect("the pool was made from the same settings")
    }

    /// A pool of connections like that of the programs.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// A connection from the pool.
    ///
    /// # Panics
    /// When there is none.
    pub async fn client(&self) -> Object {
        self.pool.get().await.unwrap_or_else(|error| panic!("no test database connection: {error}"))
    }

    /// Stops the clock of this database at a whole second. Only connections made after the first
    /// call know it: call it first of all.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn set_clock(&self, at: OffsetDateTime) {
        let db = connect(&self.url).await.unwrap_or_else(|error| panic!("{error:#}"));
        clock::set(&db, at).await;
    }

    /// Drops the database now. Dropping the value does the same, but blocks the thread.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn close(self) {
        self.pool.close();
        drop_database(&self.guard, &self.name)
            .await
            .unwrap_or_else(|error| panic!("dropping a test database: {error:#}"));
    }

    async fn new(template: Option<&str>) -> Result<Self> {
        let server = server_url()?;
        let guard = connect(&server).await?;
        drop_abandoned(&guard).await?;

        let name = unique(DATABASE);
        guard
            .execute("SELECT pg_advisory_lock($1, hashtext($2))", &[&IN_USE, &name])
            .await
            .context("locking a test database")?;
        match template {
            None => guard.batch_execute(&format!("CREATE DATABASE {name}")).await?,
            Some(template) => clone(&guard, &server, template, &name).await?,
        }
        let url = sibling(&server, &name);
        let pool = settings(&url).pool()?;
        Ok(Self { name, server, url, pool, guard })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (name, server) = (self.name.clone(), self.server.clone());
        // The test's runtime cannot be waited for from within, and may be going down: a thread with
        // one of its own can. A failure here is left to `drop_abandoned`.
        let dropping = thread::spawn(move || -> Result<()> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async { drop_database(&connect(&server).await?, &name).await })
        });
        let _ = dropping.join();
    }
}

fn template_name() -> String {
    format!("{TEMPLATE}{:016x}", migrate::fingerprint())
}

/// Clones the template, which is made first if this schema has none yet.
async fn clone(guard: &Client, server: &Url, template: &str, name: &str) -> Result<()> {
    let clone = format!("CREATE DATABASE {name} TEMPLATE {template}");
    match guard.batch_execute(&clone).await {
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_DATABASE) => {}
        done => return done.context("cloning the template database"),
    }
    // Many tests may have found it missing: the first makes it, and the others find it here.
    guard.execute("SELECT pg_advisory_lock($1)", &[&MAKING_TEMPLATE]).await?;
    let made = match guard.batch_execute(&clone).await {
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_DATABASE) => {
            make_template(guard, server, template).await?;
            guard.batch_execute(&clone).await
        }
        done => done,
    };
    guard.execute("SELECT pg_advisory_unlock($1)", &[&MAKING_TEMPLATE]).await?;
    made.context("cloning the template database")
}

/// Makes the template, and drops those of other schemas. A schema that still needs its own makes it
/// again.
async fn make_template(guard: &Client, server: &Url, template: &str) -> Result<()> {
    for old in databases(guard, TEMPLATE).await? {
        drop_database(guard, &old).await?;
    }
    // Under its name only when it is whole: this process may be killed half-way.
    let unfinished = format!("{TEMPLATE}unfinished");
    guard.batch_execute(&format!("CREATE DATABASE {unfinished}")).await?;
    let config = settings(&sibling(server, &unfinished)).driver()?;
    migrate::run(&config, ENVIRONMENT).await.context("migrating the template database")?;
    guard.batch_execute(&format!("ALTER DATABASE {unfinished} RENAME TO {template}")).await?;
    Ok(())
}

/// Drops the databases of tests whose process is gone, and its lock with it.
async fn drop_abandoned(guard: &Client) -> Result<()> {
    for name in databases(guard, DATABASE).await? {
        let row = guard
            .query_one("SELECT pg_try_advisory_lock($1, hashtext($2))", &[&IN_USE, &name])
            .await?;
        if row.try_get(0)? {
            drop_database(guard, &name).await?;
            guard.execute("SELECT pg_advisory_unlock($1, hashtext($2))", &[&IN_USE, &name]).await?;
        }
    }
    Ok(())
}

async fn databases(guard: &Client, prefix: &str) -> Result<Vec<String>> {
    let rows = guard
        .query("SELECT datname::text FROM pg_database WHERE starts_with(datname, $1)", &[&prefix])
        .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

async fn drop_database(guard: &Client, name: &str) -> Result<()> {
    Ok(guard.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?)
}

fn server_url() -> Result<Url> {
    let text = env::var(SERVER).with_context(|| format!("{SERVER} is not set: run `make test`"))?;
    Url::parse(&text).with_context(|| format!("{SERVER} is not a URL"))
}

/// The URL of another database on the same server.
fn sibling(url: &Url, name: &str) -> Url {
    let mut url = url.clone();
    url.set_path(name);
    url
}

fn settings(url: &Url) -> DatabaseConfig {
    DatabaseConfig {
        database_url: url.as_str().into(),
        database_pool_size: 8,
        database_statement_timeout_ms: 60_000,
    }
}

async fn connect(server: &Url) -> Result<Client> {
    let (client, connection) = settings(server)
        .driver()?
        .connect(NoTls)
        .await
        .with_context(|| format!("no connection to the server of {SERVER}"))?;
    tokio::spawn(connection);
    Ok(client)
}
