//! The tasks that an operator does not want to run any more.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// As many as Celery keeps. With one more, the oldest is forgotten.
const MAX: usize = 50_000;
/// A longer id is no id of a task.
const MAX_ID_BYTES: usize = 255;

/// Ids of revoked tasks, in this process only: after a restart they are forgotten.
#[derive(Default)]
pub(crate) struct Revoked(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    ids: HashSet<Arc<str>>,
    oldest_first: VecDeque<Arc<str>>,
}

impl Revoked {
    pub(crate) fn add<'a>(&self, ids: impl IntoIterator<Item = &'a str>) {
        let mut inner = self.lock();
        for id in ids {
            let id: Arc<str> = id.into();
            if id.len() > MAX_ID_BYTES || !inner.ids.insert(Arc::clone(&id)) {
                continue;
            }
            inner.oldest_first.push_back(id);
            if inner.oldest_first.len() > MAX
                && let Some(oldest) = inner.oldest_first.pop_front()
            {
                inner.ids.remove(&oldest);
            }
        }
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        self.lock().ids.contains(id)
    }

    /// All of them, oldest first.
    pub(crate) fn list(&self) -> Vec<Arc<str>> {
        self.lock().oldest_first.iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten() {
        let revoked = Revoked::default();
        let ids: Vec<_> = (0..=MAX).map(|number| number.to_string()).collect();
        revoked.add(ids.iter().map(String::as_str));
        revoked.add(["1"]);
        assert!(!revoked.contains("0"));
        assert!(revoked.contains("1") && revoked.contains(&MAX.to_string()));
        assert_eq!(revoked.list().len(), MAX);
        revoked.add(["x".repeat(MAX_ID_BYTES + 1).as_str()]);
        assert_eq!(revoked.list().len(), MAX);
    }
}
