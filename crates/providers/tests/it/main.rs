//! Every provider against the stub's real server.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod callbacks;
mod mmg;
mod objects;
mod ses;
mod smtp;
mod sns;
mod support;
