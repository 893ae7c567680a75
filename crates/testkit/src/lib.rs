//! For tests only: a [`Database`] per test, and builders for the rows that tests begin with.
//!
//! Tests run in parallel, each in a process of its own, and share nothing but the servers: what has
//! no database of its own gets a [`unique`] prefix. Everything here panics when it fails, which fails
//! the test.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod celery;
mod clock;
mod database;
mod job;
mod letter;
mod message;
mod postgres;
pub mod process;
mod proxy;
mod queues;
mod rows;
mod service;
mod template;

pub use celery::{Celery, Process};
pub use database::Database;
pub use job::{JobBuilder, job};
pub use letter::{LetterBuilder, letter};
pub use message::{MessageBuilder, message};
pub use postgres::Postgres;
pub use proxy::Proxy;
pub use queues::Queues;
pub use rows::{
    api_key, callback, delivery_callback, email_branding, guest, inbound_number, revoke_api_key,
};
pub use service::{ServiceBuilder, TestService, service};
pub use template::{TemplateBuilder, TemplateFileBuilder, template, template_file};

use uuid::Uuid;

/// A name that no other test has: `prefix` and 32 hex digits.
#[must_use]
pub fn unique(prefix: &str) -> String {
    format!("{prefix}{}", new_id().simple())
}

#[expect(clippy::disallowed_methods, reason = "rows of tests need ids, but no clock")]
fn new_id() -> Uuid {
    Uuid::new_v4()
}
