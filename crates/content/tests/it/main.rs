//! Integration tests of this crate.

mod any_text;
mod vectors;
