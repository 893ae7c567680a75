//! What the API does beyond the contract: it must not show to a client that does not ask for it.

mod bulk;
mod cancelling;
mod idempotency;
mod rate_limit;
mod scheduled;
mod webhooks;
