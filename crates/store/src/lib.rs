//! Postgres and Redis: every SQL string in the system lives here, and nothing else talks to Redis.
//!
//! One module per table or aggregate, free functions, `db` first: a function takes a pooled client
//! or a transaction, so the *caller* decides what is atomic. A query about a service's data takes
//! its [`domain::ServiceId`] and puts it in the `WHERE`. Changes of state compare and set; that
//! nobody was left to change is an answer, not an error.
//!
//! What comes out of here holds personal data where the tables do, so those types have no
//! `Debug`: they cannot be logged by accident.
//!
//! Statements that every message passes through unnest `(SELECT $1)` rather than `$1`. So the planner
//! cannot see how long the array is, and takes its generic plan. Where it can, it plans anew each
//! time, since a plan for the one row at hand always seems cheaper than one for any number of rows;
//! that took more than half of their time.
//!
//! The columns hold UTC without a zone; [`sql_time`] is the border.

pub mod allowances;
pub mod api_keys;
pub mod beat;
pub mod billing_facts;
pub mod bulk;
pub mod cancelling;
pub mod complaints;
pub mod email_files;
pub mod facts;
pub mod fixtures;
pub mod idempotency_keys;
pub mod inbound_sms;
pub mod jobs;
pub mod leftovers;
pub mod letters;
pub mod limits;
pub mod migrate;
pub mod monitors;
mod notes;
pub mod notifications;
pub mod outbox;
pub mod permissions;
pub mod pool;
pub mod print_runs;
pub mod processing_times;
pub mod providers;
pub mod rates;
pub mod receipts;
pub mod received_texts;
pub mod reports;
pub mod retention;
pub mod returned_letters;
pub mod scheduled;
pub mod senders;
pub mod service_callbacks;
pub mod services;
pub mod sql_time;
pub mod status_facts;
pub mod stories;
mod tallies;
pub mod templates;
pub mod timeouts;
pub mod unsubscribe_requests;
pub mod usage;
pub mod users;

use std::{fmt, sync::Arc};

pub use deadpool_postgres::{GenericClient, Pool};
pub use limits::{Limits, RedisConfig};
pub use pool::DatabaseConfig;

/// What can go wrong in the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The row asked for is not there, or is another service's.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// A unique key or another constraint refused the row.
    #[error("{constraint} refused the row")]
    Conflict {
        /// The constraint's name.
        constraint: String,
        /// What the database said.
        #[source]
        source: DbError,
    },
    /// The database refused the statement, or the connection broke.
    #[error("the database failed")]
    Db(#[source] DbError),
    /// No connection could be had in time.
    #[error("no database connection")]
    Pool(#[from] deadpool_postgres::PoolError),
    /// The caller waited no longer. What was asked for may have been done.
    #[error("the database took too long")]
    TimedOut,
    /// The statement that did it for several callers failed, for all of them.
    #[error("the shared statement failed")]
    Shared(#[source] Arc<Error>),
    /// A row holds something that we do not understand.
    #[error("unreadable value in column {column}")]
    Column {
        /// The column.
        column: &'static str,
        /// Why it cannot be read.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A setting cannot be used.
    #[error("{setting}: {reason}")]
    Config {
        /// The environment variable.
        setting: &'static str,
        /// What is wrong with it. Never its value: it may hold a password.
        reason: String,
    },
}

impl Error {
    /// True when the same call may succeed later: the database was away, busy or shutting down.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        use tokio_postgres::error::SqlState;
        match self {
            Self::Pool(_) | Self::TimedOut => true,
            Self::Shared(error) => error.is_temporary(),
            Self::Db(DbError(error)) => error.code().is_none_or(|code| {
                // Classes 08 (connection), 40 (rollback), 53 (resources), 57 (operator), 58 (system);
                // and a server that has just become a standby.
                ["08", "40", "53", "57", "58"].iter().any(|class| code.code().starts_with(class))
                    || *code == SqlState::LOCK_NOT_AVAILABLE
                    || *code == SqlState::READ_ONLY_SQL_TRANSACTION
            }),
            _ => false,
        }
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(source: tokio_postgres::Error) -> Self {
        match source.as_db_error().and_then(|error| error.constraint()) {
            Some(constraint) => {
                Self::Conflict { constraint: constraint.to_owned(), source: DbError(source) }
            }
            None => Self::Db(DbError(source)),
        }
    }
}

/// What the database said, without the values of rows: those are personal data, and errors are
/// logged.
pub struct DbError(tokio_postgres::Error);

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_db_error() {
            // Class 22 ("data exception") repeats the value in its message; details hold rows.
            Some(error) if error.code().code().starts_with("22") => {
                write!(f, "SQLSTATE {}", error.code().code())
            }
            Some(error) => write!(f, "SQLSTATE {}: {}", error.code().code(), error.message()),
            None => fmt::Display::fmt(&self.0, f),
        }
    }
}

impl fmt::Debug for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for DbError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self.0.as_db_error() {
            Some(_) => None,
            None => std::error::Error::source(&self.0),
        }
    }
}

/// One field of many rows, as the array that a statement unnests.
fn column<'a, R, T>(rows: &'a [R], field: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(field).collect()
}

/// Reads a text column as one of our enums.
fn parse<T>(row: &tokio_postgres::Row, column: &'static str) -> Result<T, Error>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text: &str = row.try_get(column)?;
    text.parse().map_err(|source: T::Err| Error::Column { column, source: source.into() })
}
