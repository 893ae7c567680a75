//! What a task is, and how a handler answers.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::envelope::{Envelope, Trace};

/// Any error a handler may give as the cause of a retry or a failure.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a handler returns.
pub type TaskResult = Result<(), TaskError>;

/// The payload of a task, and everything about the task that both ends of the wire must know.
///
/// The fields are the arguments. A field with a default (`#[serde(default)]`) may be missing from
/// a message; an argument without a field is ignored.
pub trait Task: Serialize + DeserializeOwned + Send + 'static {
    /// Name on the wire.
    const NAME: &'static str;
    /// Queue it is published to unless [`Envelope::on`] says otherwise, without prefix.
    const QUEUE: &'static str;
    /// Parameter names in the order of the Python signature: this maps positional arguments to
    /// fields.
    const ARGS: &'static [&'static str];
    /// How we pass the arguments. Either way, or a mix, is understood.
    const CALL: Call = Call::Positional;
    /// What follows when a run asks for a retry.
    const RETRY: Retry = Retry::NEVER;
    /// A run that takes longer is cancelled and counts as one that asked for a retry.
    const TIME_LIMIT: Duration = Duration::from_secs(300);
}

/// How a message carries the arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// As a list, in the order of [`Task::ARGS`].
    Positional,
    /// By name.
    Keywords,
}

/// When and where a task is tried again.
///
/// `max_retries` counts retries, not runs: 48 retries are 49 runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    max_retries: u32,
    first: Duration,
    delay: Duration,
    longest: Duration,
    jitter_percent: u8,
    queue: Option<&'static str>,
}

impl Retry {
    /// No retry: a run that asks for one is a failure.
    pub const NEVER: Self = Self::every(Duration::ZERO, 0);

    /// The same `delay` before each of `max_retries` retries.
    #[must_use]
    pub const fn every(delay: Duration, max_retries: u32) -> Self {
        Self { max_retries, first: delay, delay, longest: delay, jitter_percent: 0, queue: None }
    }

    /// `delay` before the first retry, then twice the last one, but never more than `longest`.
    #[must_use]
    pub const fn doubling(delay: Duration, longest: Duration, max_retries: u32) -> Self {
        Self { max_retries, first: delay, delay, longest, jitter_percent: 0, queue: None }
    }

    /// Another delay before the first retry.
    #[must_use]
    pub const fn first_after(self, first: Duration) -> Self {
        Self { first, ..self }
    }

    /// Shortens each delay by up to `percent` of it, another share for each task and run: what failed
    /// together does not come back together. More than 100 is 100.
    #[must_use]
    pub const fn jittered(self, percent: u8) -> Self {
        Self { jitter_percent: if percent > 100 { 100 } else { percent }, ..self }
    }

    /// Retries go to `queue` (without prefix) instead of the one the task came from.
    #[must_use]
    pub const fn on(self, queue: &'static str) -> Self {
        Self { queue: Some(queue), ..self }
    }

    /// The queue of the retries, if it is not the one the task came from.
    pub(crate) const fn queue(&self) -> Option<&'static str> {
        self.queue
    }

    /// The wait before the next run of the task `id` after `retries` retries; `None` when there is no
    /// next run.
    pub(crate) fn delay(&self, retries: u32, id: &str) -> Option<Duration> {
        if retries >= self.max_retries {
            return None;
        }
        let delay = if retries == 0 {
            self.first
        } else {
            let factor = 1_u32.checked_shl(retries).unwrap_or(u32::MAX);
            self.delay.saturating_mul(factor).min(self.longest)
        };
        if self.jitter_percent == 0 {
            return Some(delay);
        }
        let share = f64::from(self.jitter_percent) / 100.0 * share(retries, id);
        Some(delay.mul_f64(1.0 - share))
    }
}

/// A number from 0 to 1 that looks random and is the same each time, so that a handler that asks for
/// the delay is told what will happen.
fn share(retries: u32, id: &str) -> f64 {
    let mut hasher = DefaultHasher::new();
    (retries, id).hash(&mut hasher);
    hasher.finish() as f64 / u64::MAX as f64
}

/// Why a run did not succeed. Which of them it is, is the retry decision.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// It may go better next time: tried again as [`Task::RETRY`] says, if that allows one more.
    #[error("the task asks for a retry")]
    Retry {
        /// What went wrong. Its text is logged, and kept with a dead letter.
        source: BoxError,
        /// Wait this long instead of what the policy says.
        after: Option<Duration>,
    },
    /// It was not begun, since there is no room for it just now: it comes back to its queue after a
    /// while, so that others get their turn. That counts as no run.
    #[error("the task is postponed")]
    Postpone {
        /// What there is no room in. Its text is logged.
        source: BoxError,
        /// Wait this long.
        after: Duration,
    },
    /// It will not go better: the message becomes a dead letter.
    #[error("the task failed")]
    Fail {
        /// What went wrong. Its text is logged, and kept with a dead letter.
        source: BoxError,
    },
}

impl TaskError {
    /// Asks for a retry after the delay of the policy.
    pub fn retry(source: impl Into<BoxError>) -> Self {
        Self::Retry { source: source.into(), after: None }
    }

    /// Asks for a retry after `delay`. It counts like any other.
    pub fn retry_in(source: impl Into<BoxError>, delay: Duration) -> Self {
        Self::Retry { source: source.into(), after: Some(delay) }
    }

    /// Leaves room to others for `after`.
    pub fn postpone(source: impl Into<BoxError>, after: Duration) -> Self {
        Self::Postpone { source: source.into(), after }
    }

    /// Gives up.
    pub fn fail(source: impl Into<BoxError>) -> Self {
        Self::Fail { source: source.into() }
    }
}

/// One run of a task, as its handler sees it.
#[derive(Clone, Debug)]
pub struct Attempt {
    number: u32,
    retry_delay: Option<Duration>,
    redelivered: bool,
    id: String,
    queue: String,
    headers: Map<String, Value>,
    trace: Trace,
}

impl Attempt {
    /// The run that `envelope` asks for. `inherited` are the headers that its subtasks get.
    pub(crate) fn new(
        envelope: &Envelope,
        retry: &Retry,
        redelivered: bool,
        inherited: Map<String, Value>,
    ) -> Self {
        Self {
            number: envelope.retries,
            retry_delay: retry.delay(envelope.retries, &envelope.id),
            redelivered,
            id: envelope.id.clone(),
            queue: envelope.queue.clone(),
            headers: envelope.headers.clone(),
            trace: Trace {
                root_id: Some(envelope.root_id.clone()),
                parent_id: Some(envelope.id.clone()),
                headers: inherited,
            },
        }
    }

    /// Run `number` of a message as it would be delivered from its queue: for calling a handler
    /// without a broker.
    #[must_use]
    pub fn of<T: Task>(envelope: &Envelope, number: u32) -> Self {
        let envelope = Envelope { retries: number, ..envelope.clone() };
        Self::new(&envelope, &T::RETRY, false, envelope.headers.clone())
    }

    /// The same run of a message that the broker delivers again, having lost the worker that had
    /// it: for calling a handler without a broker.
    #[must_use]
    pub fn after_redelivery(self) -> Self {
        Self { redelivered: true, ..self }
    }

    /// Retries so far: 0 in the first run.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Whether the policy of the task allows no retry after this run.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.retry_delay.is_none()
    }

    /// How long the policy of the task waits before the next run; `None` after the last one.
    #[must_use]
    pub const fn retry_delay(&self) -> Option<Duration> {
        self.retry_delay
    }

    /// Whether an earlier delivery of this message got lost with its worker, which may have done
    /// some of the work.
    #[must_use]
    pub const fn redelivered(&self) -> bool {
        self.redelivered
    }

    /// Id of the task, the same in every run. A UUID unless the producer chose otherwise.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Queue it was taken from, without prefix.
    #[must_use]
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// A header of the message that is not one of Celery's own.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&Value> {
        self.headers.get(name)
    }

    /// What subtasks of this run inherit: same root, this task as parent, and the headers that
    /// [`BrokerConfig`](crate::BrokerConfig) names.
    #[must_use]
    pub fn trace(&self) -> Trace {
        self.trace.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn never_has_no_retry() {
        assert_eq!(Retry::NEVER.delay(0, "id"), None);
    }

    #[test]
    fn a_fixed_delay_ends_after_max_retries() {
        let retry = Retry::every(MINUTE, 2).first_after(Duration::ZERO);
        assert_eq!(retry.delay(0, "id"), Some(Duration::ZERO));
        assert_eq!(retry.delay(1, "id"), Some(MINUTE));
        assert_eq!(retry.delay(2, "id"), None);
    }

    #[test]
    fn doubling_stops_at_the_longest() {
        let retry = Retry::doubling(MINUTE, 5 * MINUTE, 100);
        let delays: Vec<_> = (0..4).map(|n| retry.delay(n, "id").unwrap()).collect();
        assert_eq!(delays, [MINUTE, 2 * MINUTE, 4 * MINUTE, 5 * MINUTE]);
        assert_eq!(retry.delay(99, "id"), Some(5 * MINUTE));
    }

    #[test]
    fn jitter_spreads_what_failed_together() {
        let retry = Retry::every(MINUTE, 2).jittered(50);
        let delays: Vec<_> =
            (0..1000).map(|id| retry.delay(1, &id.to_string()).unwrap().as_secs()).collect();
        assert!(delays.iter().all(|delay| (30..=60).contains(delay)));
        for second in 30..60 {
            assert!(delays.contains(&second), "nobody waits {second} s");
        }
        assert_eq!(retry.delay(1, "id"), retry.delay(1, "id"));
        assert_ne!(retry.delay(0, "id"), retry.delay(1, "id"));
    }
}
