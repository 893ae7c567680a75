//! A provider that is down is left alone for a while, where another can send the message. Each process
//! finds out for itself.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::Clock;
use providers::Error;
use time::OffsetDateTime;
use tracing::{info, warn};

/// When a provider counts as down.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct BreakerConfig {
    /// Calls in a row without an answer, or with an answer of 500 and above, after which a provider
    /// is left alone where another can send
    #[arg(long, env = "POSTROOM_PROVIDER_FAILURES", default_value_t = 5)]
    pub provider_failures: u32,
    /// For how long, in seconds. Then one call finds out whether it is back
    #[arg(long, env = "POSTROOM_PROVIDER_PAUSE_SECONDS", default_value_t = 15)]
    pub provider_pause_seconds: u32,
}

/// What one provider's last calls say about it.
pub(crate) struct Breaker {
    provider: &'static str,
    limit: u32,
    pause: Duration,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Failures in a row.
    failures: u32,
    /// Until when it is left alone; past: the next call is a trial.
    paused_until: Option<OffsetDateTime>,
}

impl Breaker {
    pub(crate) fn new(provider: &'static str, config: BreakerConfig, clock: Clock) -> Self {
        Self {
            provider,
            limit: config.provider_failures.max(1),
            pause: Duration::from_secs(config.provider_pause_seconds.into()),
            clock,
            state: Mutex::default(),
        }
    }

    /// Whether the provider can be asked: it is not paused, or its pause is over.
    pub(crate) fn is_ready(&self) -> bool {
        let now = self.clock.now();
        self.state().paused_until.is_none_or(|until| until <= now)
    }

    /// Notes that the provider is about to be asked. After a pause this is the trial: others leave it
    /// alone for another one, until they see how it went.
    pub(crate) fn take_turn(&self) {
        let mut state = self.state();
        if state.paused_until.is_some() {
            state.paused_until = Some(self.clock.now() + self.pause);
        }
    }

    /// Notes how the call went.
    pub(crate) fn record<T>(&self, result: &Result<T, Error>) {
        let is_outage = result.as_ref().err().is_some_and(Error::is_outage);
        let mut state = self.state();
        let was_paused = state.paused_until.is_some();
        if is_outage {
            state.failures = state.failures.saturating_add(1);
            if state.failures >= self.limit {
                state.paused_until = Some(self.clock.now() + self.pause);
            }
        } else {
            *state = State::default();
        }
        match (was_paused, state.paused_until.is_some()) {
            (false, true) => warn!(provider.name = self.provider, "down: left alone for a while"),
            (true, false) => info!(provider.name = self.provider, "back"),
            _ => return,
        }
        metrics::gauge!("postroom_provider_paused", "provider" => self.provider)
            .set(f64::from(u8::from(is_outage)));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Arc};

    use time::macros::datetime;

    use super::*;

    fn breaker() -> (Breaker, Arc<Mutex<OffsetDateTime>>) {
        let now = Arc::new(Mutex::new(datetime!(2026-11-24 12:00 UTC)));
        let hand = Arc::clone(&now);
        let config = BreakerConfig { provider_failures: 3, provider_pause_seconds: 15 };
        let clock = Clock::from_fn(move || *hand.lock().unwrap());
        (Breaker::new("test", config, clock), now)
    }

    /// An error as of a provider that cannot be reached.
    async fn outage() -> Result<(), Error> {
        let never = std::future::pending::<()>();
        let elapsed = tokio::time::timeout(Duration::ZERO, never).await.unwrap_err();
        Err(temporary(elapsed.into()))
    }

    fn temporary(source: providers::BoxError) -> Error {
        Error::Temporary {
            what: "test",
            maybe_taken: false,
            throttled: false,
            source: Some(source),
        }
    }

    #[tokio::test]
    async fn outages_in_a_row_pause_a_provider_and_a_trial_ends_the_pause() {
        let (breaker, now) = breaker();
        for _ in 0..2 {
            breaker.record(&outage().await);
        }
        assert!(breaker.is_ready());
        breaker.record(&outage().await);
        assert!(!breaker.is_ready());
        *now.lock().unwrap() += Duration::from_secs(15);
        assert!(breaker.is_ready());
        breaker.take_turn();
        assert!(!breaker.is_ready(), "one trial at a time");
        breaker.record(&outage().await);
        assert!(!breaker.is_ready());
        *now.lock().unwrap() += Duration::from_secs(15);
        breaker.take_turn();
        breaker.record(&Ok(()));
        assert!(breaker.is_ready());
        breaker.record(&outage().await);
        assert!(breaker.is_ready(), "counts anew");
    }

    #[tokio::test]
    async fn other_errors_are_signs_of_life() {
        let (breaker, _) = breaker();
        for _ in 0..2 {
            breaker.record(&outage().await);
        }
        breaker.record::<()>(&Err(temporary(io::Error::other("not an outage").into())));
        breaker.record(&outage().await);
        assert!(breaker.is_ready());
    }
}
