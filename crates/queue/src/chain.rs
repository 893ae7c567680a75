//! Errors on one line.

use std::error::Error;

/// An error and its causes, each on the one before.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let causes =
        std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    let texts: Vec<_> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}
