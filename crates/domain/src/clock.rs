//! The one place where the time is read and ids are made.

use std::{fmt, sync::Arc};

use time::OffsetDateTime;
use uuid::{NoContext, Timestamp, Uuid};

/// Tells the time, in UTC, and makes ids from it. Cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> OffsetDateTime + Send + Sync>);

impl Clock {
    /// The clock of the machine.
    #[must_use]
    pub fn system() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is where everybody else's time comes from"
        )]
        Self(Arc::new(OffsetDateTime::now_utc))
    }

    /// A clock that stands still, for tests.
    #[must_use]
    pub fn fixed(at: OffsetDateTime) -> Self {
        Self(Arc::new(move || at))
    }

    /// A clock that a test moves: `read` is asked each time.
    pub fn from_fn(read: impl Fn() -> OffsetDateTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The time, UTC.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        (self.0)()
    }

    /// A new id: a UUIDv7 of this moment, so that ids of one table sort by time and index pages
    /// fill from the right.
    #[must_use]
    pub fn new_id(&self) -> Uuid {
        let now = self.now();
        // A clock before 1970 has no place in a v7 timestamp; zero keeps the id unique by its random part.
        let seconds = u64::try_from(now.unix_timestamp()).unwrap_or_default();
        Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, now.nanosecond()))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
