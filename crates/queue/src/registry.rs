//! Which handler runs which task.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use crate::{
    envelope::Envelope,
    task::{Attempt, Retry, Task, TaskResult},
    wire::DecodeError,
};

/// Reads the payload, and gives the future that does the work.
type Start<C> = dyn Fn(C, &Envelope, Attempt) -> Result<BoxFuture<'static, TaskResult>, DecodeError>
    + Send
    + Sync;

/// The tasks that a worker knows. `C` is what every handler is given: clients, pools, settings.
pub struct Registry<C> {
    pub(crate) context: C,
    known: HashMap<&'static str, Known<C>>,
}

pub(crate) enum Known<C> {
    /// It has a handler.
    Runs(Handler<C>),
    /// It has none, for this reason.
    Reserved(&'static str),
}

pub(crate) struct Handler<C> {
    pub(crate) name: &'static str,
    pub(crate) retry: Retry,
    pub(crate) time_limit: Duration,
    pub(crate) start: Box<Start<C>>,
    /// What to do after the last run, if that was in vain too.
    pub(crate) exhausted: Option<Box<Start<C>>>,
}

impl<C: Clone + Send + Sync + 'static> Registry<C> {
    /// No tasks yet.
    pub fn new(context: C) -> Self {
        Self { context, known: HashMap::new() }
    }

    /// Runs `T` with `handler`.
    ///
    /// # Panics
    /// When the name of `T` is taken: two handlers for one task is a mistake in the program.
    #[must_use]
    pub fn on<T, F, Fut>(self, handler: F) -> Self
    where
        T: Task,
        F: Fn(C, T, Attempt) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = TaskResult> + Send + 'static,
    {
        let handler = Handler {
            name: T::NAME,
            retry: T::RETRY,
            time_limit: T::TIME_LIMIT,
            start: start(handler),
            exhausted: None,
        };
        self.with(T::NAME, Known::Runs(handler))
    }

    /// Calls `hook` when the last run that the policy of `T` allows has asked for a retry, panicked,
    /// or taken too long. It has the time limit of the task. The message becomes a dead letter
    /// afterwards, whatever the hook returns.
    ///
    /// # Panics
    /// When `T` has no handler yet: that is a mistake in the program.
    #[must_use]
    pub fn on_exhausted<T, F, Fut>(mut self, hook: F) -> Self
    where
        T: Task,
        F: Fn(C, T, Attempt) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = TaskResult> + Send + 'static,
    {
        match self.known.get_mut(T::NAME) {
            Some(Known::Runs(handler)) => handler.exhausted = Some(start(hook)),
            _ => panic!("the task {} has no handler", T::NAME),
        }
        self
    }

    /// Knows `name` without running it: its messages become dead letters with this `reason`, such
    /// as `later` or `retired`.
    ///
    /// # Panics
    /// When the name is taken.
    #[must_use]
    pub fn reserve(self, name: &'static str, reason: &'static str) -> Self {
        self.with(name, Known::Reserved(reason))
    }

    /// The names of all tasks, reserved ones too, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.known.keys().copied()
    }

    /// How long a run of each task that has a handler may take, in no order.
    pub fn time_limits(&self) -> impl Iterator<Item = (&str, Duration)> {
        self.known.values().filter_map(|known| match known {
            Known::Runs(handler) => Some((handler.name, handler.time_limit)),
            Known::Reserved(_) => None,
        })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Known<C>> {
        self.known.get(name)
    }

    fn with(mut self, name: &'static str, known: Known<C>) -> Self {
        assert!(self.known.insert(name, known).is_none(), "the task {name} is registered twice");
        self
    }
}

/// The payload is read at once; the handler is called inside the future, where a panic of its is
/// caught too.
fn start<C, T, F, Fut>(handler: F) -> Box<Start<C>>
where
    C: Clone + Send + Sync + 'static,
    T: Task,
    F: Fn(C, T, Attempt) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = TaskResult> + Send + 'static,
{
    let handler = Arc::new(handler);
    Box::new(move |context, envelope, attempt| {
        let task = envelope.payload()?;
        let handler = Arc::clone(&handler);
        let work: BoxFuture<'static, TaskResult> =
            Box::pin(async move { handler(context, task, attempt).await });
        Ok(work)
    })
}

impl<C> fmt::Debug for Registry<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.known.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Tick {}

    impl Task for Tick {
        const NAME: &'static str = "tick";
        const QUEUE: &'static str = "ticks";
        const ARGS: &'static [&'static str] = &[];
    }

    async fn tick((): (), _: Tick, _: Attempt) -> TaskResult {
        Ok(())
    }

    #[test]
    fn it_lists_every_name() {
        let registry = Registry::new(()).on(tick).reserve("tock", "later");
        let mut names: Vec<_> = registry.names().collect();
        names.sort_unstable();
        assert_eq!(names, ["tick", "tock"]);
    }

    #[test]
    #[should_panic(expected = "the task tick has no handler")]
    fn a_hook_belongs_to_a_handler() {
        let _ = Registry::new(()).reserve("tick", "later").on_exhausted(tick);
    }

    #[test]
    #[should_panic(expected = "the task tick is registered twice")]
    fn a_name_is_taken_once() {
        let _ = Registry::new(()).on(tick).reserve("tick", "later");
    }
}
