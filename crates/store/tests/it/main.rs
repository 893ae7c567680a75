//! `store` against real databases.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod beat;
mod fixtures;
mod limits;
mod migrate;
mod notifications;
mod outbox;
mod pool;
mod receipts;
mod schema;
mod services;
mod static_rows;
