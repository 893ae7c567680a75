//! Integration tests of this crate.

mod adversarial;
mod any_text;
#[path = "../../examples/vectors/cases.rs"]
mod cases;
mod emails;
mod files;
#[path = "../../examples/vectors/ops/mod.rs"]
mod ops;
mod places;
mod vectors;
