//! Brings a database to the schema this program needs. Run as a release step, by `postroom migrate`.
//!
//! V1 to V8 of `migrations/` make the database of GOV.UK Notify, V9 and later are ours. An empty
//! database gets all of them. A database that Notify made is *adopted*: it has the first eight
//! already, so these are only noted in our history, and ours are added. Anything else is refused
//! and left as it is.

use std::{collections::BTreeSet, fmt, ops::RangeInclusive};

use deadpool_postgres::GenericClient;
use refinery::{Runner, Target};
use tokio_postgres::{Client, Config, NoTls};

mod embedded {
    refinery::embed_migrations!("../../migrations");
}

/// The only revision of Notify's own migrations that we adopt.
pub const NOTIFY_HEAD: &str = "0560_add_nhs_notify_org";

/// The migrations that make Notify's database, and ours.
const NOTIFYS: RangeInclusive<i32> = 1..=8;
const OURS: RangeInclusive<i32> = 9..=i32::MAX;

const HISTORY: &str = "postroom_schema_history";

/// Key of the advisory lock. Such locks are per database, so one name is enough.
const LOCK: i64 = i64::from_be_bytes(*b"postroom");

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The database was empty and has everything now.
    Created,
    /// The database was Notify's and has our additions now.
    Adopted,
    /// So many migrations were missing and have been run.
    Upgraded(usize),
    /// Nothing was missing.
    UpToDate,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created => f.write_str("created"),
            Self::Adopted => f.write_str("adopted"),
            Self::Upgraded(count) => write!(f, "upgraded by {count} migrations"),
            Self::UpToDate => f.write_str("up to date"),
        }
    }
}

/// Why a database was not migrated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server cannot be reached, or does not let us in.
    #[error("no connection to the database")]
    Connect(#[source] tokio_postgres::Error),
    /// The database could not be looked at.
    #[error("the database failed")]
    Db(#[from] tokio_postgres::Error),
    /// A migration failed (and was undone), or the history is not that of this program.
    #[error("the migrations could not be run")]
    Migration(#[from] refinery::Error),
    /// The database is at a revision of Notify's, or of something else, that we do not know.
    #[error("alembic_version says \"{found}\"; only \"{NOTIFY_HEAD}\" can be adopted")]
    OtherRevision {
        /// What `alembic_version` holds.
        found: String,
    },
    /// The database says that it is Notify's, and is not whole.
    #[error("this is a Notify database without {tables}")]
    Incomplete {
        /// Names of what is missing.
        tables: String,
    },
    /// The database has tables that are neither Notify's nor ours, or of the same names as ours.
    #[error("the database is used for something else: it has {tables}")]
    Foreign {
        /// Names of what is in the way.
        tables: String,
    },
}

/// Migrates the database that `config` names. Safe to run from several places at once: each waits
/// for the one before it.
///
/// `environment` is the installation's name (`NOTIFY_ENVIRONMENT`), part of one row of a new
/// database.
///
/// # Errors
/// See [`Error`]. A migration that fails leaves those before it in place; the next run goes on
/// there.
pub async fn run(config: &Config, environment: &str) -> Result<Outcome, Error> {
    let (mut client, connection) = config.connect(NoTls).await.map_err(Error::Connect)?;
    let connection = tokio::spawn(connection);
    let outcome = run_locked(&mut client, environment).await;
    // Lets go of the lock, and returns only when the server knows: callers clone databases. How the
    // connection itself ended does not matter any more.
    drop(client);
    let _ = connection.await;
    outcome
}

/// The revision of Notify's migrations that the database is at.
///
/// # Errors
/// Database errors only.
pub async fn revision(db: &impl GenericClient) -> Result<String, crate::Error> {
    let sql = "-- migrate.revision\nSELECT version_num FROM alembic_version";
    let sql = db.prepare_cached(sql).await?;
    Ok(db.query_one(&sql, &[]).await?.try_get("version_num")?)
}

/// A number that changes whenever a migration is added or edited.
#[must_use]
pub fn fingerprint() -> u64 {
    let runner = embedded::migrations::runner();
    runner.get_migrations().iter().fold(0, |sum, each| sum.rotate_left(1) ^ each.checksum())
}

async fn run_locked(client: &mut Client, environment: &str) -> Result<Outcome, Error> {
    // Migrations take as long as they take, and so does waiting for another run.
    client.batch_execute("SET search_path = public; SET statement_timeout = 0").await?;
    client.execute("-- migrate.lock\nSELECT pg_advisory_lock($1)", &[&LOCK]).await?;
    // But a table that is in use must not be waited for: all who use it later would queue behind us.
    client.batch_execute("SET lock_timeout = '10s'").await?;
    client.execute("SELECT set_config('postroom.environment', $1, false)", &[&environment]).await?;

    let found = inspect(client).await?;
    if found == Found::Notifys {
        runner().set_target(Target::FakeVersion(*NOTIFYS.end())).run_async(client).await?;
    }
    let report = runner().run_async(client).await?;
    Ok(match (found, report.applied_migrations().len()) {
        (Found::Nothing, _) => Outcome::Created,
        (Found::Notifys, _) => Outcome::Adopted,
        (Found::Ours, 0) => Outcome::UpToDate,
        (Found::Ours, count) => Outcome::Upgraded(count),
    })
}

fn runner() -> Runner {
    let mut runner = embedded::migrations::runner();
    runner.set_migration_table_name(HISTORY);
    runner
}

/// Whose database it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    Notifys,
    Ours,
}

/// Decides whose database it is, or refuses it. Changes nothing.
async fn inspect(client: &Client) -> Result<Found, Error> {
    let rows = client
        .query(
            "-- migrate.inspect: tables and views, but for those of extensions
        SELECT relname::text FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
           AND NOT EXISTS (SELECT FROM pg_depend
                            WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid
                              AND deptype = 'e')",
            &[],
        )
        .await?;
    let mut tables =
        rows.iter().map(|row| row.try_get(0)).collect::<Result<BTreeSet<String>, _>>()?;

    // A history without rows is left by a run that was cut off before it had done anything.
    if tables.remove(HISTORY) {
        let rows = client.query("SELECT FROM postroom_schema_history LIMIT 1", &[]).await?;
        if !rows.is_empty() {
            return Ok(Found::Ours);
        }
    }
    if tables.is_empty() {
        return Ok(Found::Nothing);
    }
    if !tables.contains("alembic_version") {
        return Err(Error::Foreign { tables: name_some(tables) });
    }
    let rows = client.query("SELECT version_num FROM alembic_version ORDER BY 1", &[]).await?;
    let revisions = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
    if revisions != [NOTIFY_HEAD] {
        return Err(Error::OtherRevision { found: revisions.join(", ") });
    }
    let missing: BTreeSet<_> = tables_made_by(NOTIFYS).difference(&tables).cloned().collect();
    if !missing.is_empty() {
        return Err(Error::Incomplete { tables: name_some(missing) });
    }
    let taken: BTreeSet<_> = tables_made_by(OURS).intersection(&tables).cloned().collect();
    if !taken.is_empty() {
        return Err(Error::Foreign { tables: name_some(taken) });
    }
    Ok(Found::Notifys)
}

/// The tables that these migrations create.
fn tables_made_by(versions: RangeInclusive<i32>) -> BTreeSet<String> {
    embedded::migrations::runner()
        .get_migrations()
        .iter()
        .filter(|migration| versions.contains(&migration.version()))
        .flat_map(|migration| migration.sql().unwrap_or_default().lines())
        .filter_map(|line| line.strip_prefix("CREATE TABLE ")?.strip_suffix(" ("))
        .map(str::to_owned)
        .collect()
}

/// A few of the names, for a message.
fn name_some(tables: BTreeSet<String>) -> String {
    let count = tables.len();
    let names: Vec<String> = tables.into_iter().take(5).collect();
    match count - names.len() {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_which_tables_are_whose() {
        assert_eq!(tables_made_by(NOTIFYS).len(), 78);
        let ours = [
            "beat_slots",
            "idempotency_keys",
            "letter_volume_emails",
            "outbox",
            "scheduled_notifications",
        ];
        assert_eq!(tables_made_by(OURS), ours.map(str::to_owned).into());
    }

    #[test]
    fn names_only_a_few() {
        let tables = |count: u8| (0..count).map(|n| n.to_string()).collect();
        assert_eq!(name_some(tables(2)), "0, 1");
        assert_eq!(name_some(tables(7)), "0, 1, 2, 3, 4 and 2 more");
    }
}
