//! Celery messages over AMQP: tasks, publishing, consuming, retries and delays.
//!
//! The wire is Celery's message protocol 2 with JSON bodies, so real Celery workers and producers
//! can stand at the other end. Start reading at [`Task`] (what a task is), then [`Publisher`]
//! (how one is sent) and [`consume`] (how they are run).
//!
//! What this crate promises:
//! - A publish that returns `Ok` is on a queue of the broker: confirmed, and routed.
//! - A message is acknowledged only after its work is done, or after what follows from it (its
//!   retry, its delayed copy, its dead letter) is confirmed. So nothing disappears, and any task
//!   may be run twice.
//! - No message is held while it waits: delays lie in the broker, in Celery's own layout.
//! - No input panics, and no argument of a task is ever logged.
//!
//! While [`consume`] runs, the process is a Celery node: it sends events and answers remote control,
//! so `celery inspect` and Flower see it. Neither ever holds up a task.
//!
//! It takes the time and new ids from its caller ([`Source`]). The README shows a whole producer and
//! worker.
//!
//! One thing is left to whoever sets up logging: `lapin` logs a returned message whole, with its
//! body, at `warn`. Keep the target `lapin` at `error`.

pub mod dead_letters;
pub mod wire;

mod broker;
mod chain;
mod config;
mod consumer;
mod control;
mod depth;
mod envelope;
mod events;
mod glob;
mod inspect;
mod lane;
mod message;
mod node;
mod publisher;
mod registry;
mod repr;
mod revoked;
mod running;
mod survey;
mod table;
mod task;
mod topology;
mod work;

pub use broker::{Broker, Error, Source};
pub use config::{BrokerConfig, ConfigError, Nodename, QueueType};
pub use consumer::{Consume, consume, drain};
pub use envelope::{EncodeError, Envelope, Trace};
pub use publisher::{PublishError, Publisher};
pub use registry::Registry;
pub use survey::{QueueState, survey};
pub use task::{Attempt, BoxError, Call, Retry, Task, TaskError, TaskResult};
pub use wire::DecodeError;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
