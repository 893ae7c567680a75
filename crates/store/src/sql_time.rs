//! Times between us (UTC, with a zone) and the columns (`timestamp`, UTC, without one).

use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

/// For a parameter.
#[must_use]
pub fn to_column(at: OffsetDateTime) -> PrimitiveDateTime {
    let at = at.to_offset(UtcOffset::UTC);
    PrimitiveDateTime::new(at.date(), at.time())
}

/// From a column.
#[must_use]
pub fn from_column(at: PrimitiveDateTime) -> OffsetDateTime {
    at.assume_utc()
}
