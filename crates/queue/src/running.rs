//! The tasks that run in this process, and how many of each have begun.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use time::OffsetDateTime;

use crate::envelope::Envelope;

/// One run that has not ended.
#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) envelope: Arc<Envelope>,
    pub(crate) redelivered: bool,
    pub(crate) started_at: OffsetDateTime,
}

/// The tasks that run. As many as the queues allow at once, so it stays small.
#[derive(Default)]
pub(crate) struct Running(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// By the number of the run, which is their order too.
    runs: BTreeMap<u64, Run>,
    begun: u64,
    begun_by_name: BTreeMap<&'static str, u64>,
}

impl Running {
    /// Lists `run`, of the task `name`, for as long as what it returns is kept.
    pub(crate) fn begin(&self, name: &'static str, run: Run) -> Listed<'_> {
        let mut inner = self.lock();
        let number = inner.begun;
        inner.begun += 1;
        *inner.begun_by_name.entry(name).or_default() += 1;
        inner.runs.insert(number, run);
        Listed { running: self, number }
    }

    /// The runs under way, oldest first.
    pub(crate) fn list(&self) -> Vec<Run> {
        self.lock().runs.values().cloned().collect()
    }

    /// How many runs are under way, and how many have begun since the start.
    pub(crate) fn counts(&self) -> (usize, u64) {
        let inner = self.lock();
        (inner.runs.len(), inner.begun)
    }

    /// How many runs of each task have begun since the start.
    pub(crate) fn totals(&self) -> BTreeMap<&'static str, u64> {
        self.lock().begun_by_name.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the list, which is left when this is dropped.
#[must_use]
pub(crate) struct Listed<'a> {
    running: &'a Running,
    number: u64,
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.running.lock().runs.remove(&self.number);
    }
}
