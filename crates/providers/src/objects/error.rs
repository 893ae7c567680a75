//! What a store's failures mean.

use opendal::ErrorKind;

use super::Place;
use crate::Error;

/// The error behind a failed operation. A missing bucket and a refused key are for an operator to
/// mend: trying again does not.
pub(super) fn failed(place: &Place, error: opendal::Error) -> Error {
    let refused = matches!(
        error.kind(),
        ErrorKind::NotFound
            | ErrorKind::PermissionDenied
            | ErrorKind::ConfigInvalid
            | ErrorKind::Unsupported
            | ErrorKind::IsADirectory
            | ErrorKind::NotADirectory
    );
    if refused && !error.is_temporary() {
        return Error::Permanent { reason: format!("{place}: {}", error.kind()) };
    }
    Error::Temporary {
        what: "The object store did not do it",
        maybe_taken: true,
        throttled: error.kind() == ErrorKind::RateLimited,
        source: Some(error.into()),
    }
}
