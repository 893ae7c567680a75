//! The program itself, run as its users run it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod beat;
mod broker;
mod fixtures;
mod memory;
mod operators;
mod schedule;
mod traces;
