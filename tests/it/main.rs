//! API, worker and broker together, and the house rules.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accepting;
mod app;
mod edges;
mod flow_control;
mod house_rules;
mod interop;
mod night;
mod outbox;
mod scheduling;
mod sending;
mod wire;
