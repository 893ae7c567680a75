//! The wire format against messages of real Celery, and the rest against a real RabbitMQ.
#![expect(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is not as it should be"
)]

mod consuming;
mod control;
mod dead_letters;
mod events;
mod faults;
mod golden;
mod interop;
mod publishing;
mod support;
