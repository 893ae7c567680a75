//! Room for each of several parties in a queue that they share: a provider or an endpoint that is
//! slow fills its own room, and what more there is for it goes back to the queue for a while.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use queue::TaskError;

/// How long what finds no room is put aside.
const ASIDE: Duration = Duration::from_secs(5);

/// There is no room for another task of this party.
#[derive(Debug, thiserror::Error)]
#[error("others of its kind are still waiting for an answer")]
pub(crate) struct Full;

impl From<Full> for TaskError {
    fn from(full: Full) -> Self {
        Self::postpone(full, ASIDE)
    }
}

/// The rooms, one for each party that has a task here now.
pub(crate) struct Rooms<K> {
    places: usize,
    taken: Mutex<HashMap<K, usize>>,
}

impl<K: Eq + Hash + Clone> Rooms<K> {
    /// Rooms of so many places each. Fewer than the queue's concurrency, or they are of no use.
    pub(crate) fn new(places: usize) -> Self {
        Self { places, taken: Mutex::default() }
    }

    /// A place in the room of `party` for as long as what this returns is kept.
    ///
    /// # Errors
    /// [`Full`] when all its places are taken.
    pub(crate) fn enter(&self, party: K) -> Result<Place<'_, K>, Full> {
        let mut rooms = self.lock();
        let taken = rooms.entry(party.clone()).or_default();
        if *taken >= self.places {
            return Err(Full);
        }
        *taken += 1;
        Ok(Place { rooms: self, party })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in a room, which is left when this is dropped.
#[must_use]
pub(crate) struct Place<'a, K: Eq + Hash + Clone> {
    rooms: &'a Rooms<K>,
    party: K,
}

impl<K: Eq + Hash + Clone> Drop for Place<'_, K> {
    fn drop(&mut self) {
        let mut rooms = self.rooms.lock();
        match rooms.get_mut(&self.party) {
            Some(taken) if *taken > 1 => *taken -= 1,
            _ => {
                rooms.remove(&self.party);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_room_leaves_the_others_free_and_an_empty_one_is_forgotten() {
        let rooms = Rooms::new(2);
        let first = rooms.enter("a");
        let second = rooms.enter("a");
        assert!(first.is_ok() && second.is_ok());
        assert!(rooms.enter("a").is_err());
        assert!(rooms.enter("b").is_ok());
        drop(first);
        assert!(rooms.enter("a").is_ok());
        drop(second);
        assert!(rooms.lock().is_empty());
    }
}
