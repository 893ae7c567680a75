//! API, worker and broker together, and the house rules.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accepting;
mod accepting_letters;
mod app;
mod callbacks;
mod documents;
mod edges;
mod flow_control;
mod house_rules;
mod inbound_sms;
mod interop;
mod jobs;
mod letter_monitors;
mod letters;
mod looking_up;
mod monitors;
mod night;
mod outbox;
mod printed_letters;
mod printing;
mod providers;
mod receipts;
mod received_texts;
mod scheduling;
mod sending;
mod templates;
mod timeouts;
mod unsubscribing;
mod wire;
