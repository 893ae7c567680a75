//! API, worker and broker together, and the house rules.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod house_rules;
mod wire;
