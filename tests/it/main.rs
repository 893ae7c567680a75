//! API, worker and broker together, and the house rules.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod abuse;
mod accepting;
mod accepting_letters;
mod app;
mod callback_rules;
mod callbacks;
mod contract_rows;
mod documents;
mod edges;
mod extensions;
mod flow_control;
mod house_rules;
mod inbound_sms;
mod interop;
mod jobs;
mod lessons;
mod letter_apps;
mod letter_monitors;
mod letter_status;
mod letters;
mod looking_up;
mod monitors;
mod night;
mod outbox;
mod printed_letters;
mod printing;
mod providers;
mod receipt_rules;
mod receipts;
mod received_texts;
mod reports;
mod scheduling;
mod sending;
mod simulated;
mod templates;
mod timeouts;
mod unsubscribing;
mod wire;
