//! Clients that send their bodies slowly, a byte now and then perhaps: each would hold a connection,
//! and what was read of it, for as long as it likes.

use std::{io, time::Duration};

use actix_web::{dev::Payload, error::PayloadError};
use futures_util::{StreamExt, stream};

/// The same body, which breaks off with an error when it is not here after `limit`.
pub(crate) fn in_time(body: Payload, limit: Duration) -> Payload {
    if matches!(body, Payload::None) {
        return body;
    }
    let deadline = tokio::time::Instant::now() + limit;
    let payload = stream::unfold(body, move |mut body| async move {
        let late = || Err(PayloadError::Io(io::ErrorKind::TimedOut.into()));
        let next = tokio::time::timeout_at(deadline, body.next()).await;
        Some((next.unwrap_or_else(|_| Some(late()))?, body))
    });
    Payload::Stream { payload: Box::pin(payload) }
}

/// Whether this is how a body of [`in_time`] breaks off.
pub(crate) fn is_late(error: &PayloadError) -> bool {
    matches!(error, PayloadError::Io(error) if error.kind() == io::ErrorKind::TimedOut)
}
