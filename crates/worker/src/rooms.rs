//! Room for each of several parties in a queue that they share: a provider or an endpoint that is
//! slow fills its own room, and what more there is for it goes back to the queue for a while.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use queue::TaskError;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

/// How long what finds no room is put aside.
const ASIDE: Duration = Duration::from_secs(5);
/// How long a place is waited for. Putting a task aside costs the broker several messages, so what
/// a prompt party has no place for waits here.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long a party counts as slow after a place was waited for in vain.
const SLOW_FOR: Duration = Duration::from_secs(30);

/// There is no room for another task of this party.
#[derive(Debug, thiserror::Error)]
#[error("others of its kind are still waiting for an answer")]
pub(crate) struct Full;

impl From<Full> for TaskError {
    fn from(full: Full) -> Self {
        Self::postpone(full, ASIDE)
    }
}

/// A place in a room, which is left when this is dropped.
#[must_use]
#[derive(Debug)]
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
}

/// The rooms: one for each party that has a task here now or was slow lately.
pub(crate) struct Rooms<K> {
    places: usize,
    places_of_slow: usize,
    rooms: Mutex<HashMap<K, Room>>,
}

struct Room {
    places: Arc<Semaphore>,
    slow_until: Option<Instant>,
}

impl Room {
    fn is_slow(&self) -> bool {
        self.slow_until.is_some_and(|until| Instant::now() < until)
    }
}

impl<K: Eq + Hash + Clone> Rooms<K> {
    /// Rooms of `places` each, of which a slow party gets `places_of_slow`. Both are less than the
    /// queue's concurrency, or they are of no use.
    pub(crate) fn new([places, places_of_slow]: [usize; 2]) -> Self {
        Self { places, places_of_slow, rooms: Mutex::default() }
    }

    /// A place in the room of `party` for as long as what this returns is kept. May wait for one,
    /// but not for a party that is slow.
    ///
    /// # Errors
    /// [`Full`] when there is none for it.
    pub(crate) async fn enter(&self, party: K) -> Result<Place, Full> {
        let places = {
            let mut rooms = self.lock();
            if !rooms.contains_key(&party) {
                rooms.retain(|_, room| Arc::strong_count(&room.places) > 1 || room.is_slow());
            }
            let room = rooms.entry(party.clone()).or_insert_with(|| Room {
                places: Arc::new(Semaphore::new(self.places)),
                slow_until: None,
            });
            let taken = self.places - room.places.available_permits();
            if room.is_slow() && taken >= self.places_of_slow {
                room.slow_until = Some(Instant::now() + SLOW_FOR);
                return Err(Full);
            }
            Arc::clone(&room.places)
        };
        match tokio::time::timeout(PATIENCE, places.acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Place { _permit: permit }),
            // None is ever closed.
            Ok(Err(_)) => Err(Full),
            Err(_) => {
                if let Some(room) = self.lock().get_mut(&party) {
                    room.slow_until = Some(Instant::now() + SLOW_FOR);
                }
                Err(Full)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Room>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_full_room_leaves_the_others_free_and_an_empty_one_is_forgotten() {
        let rooms = Rooms::new([2, 1]);
        let first = rooms.enter("a").await;
        let second = rooms.enter("a").await;
        assert!(first.is_ok() && second.is_ok());
        assert!(rooms.enter("a").await.is_err());
        assert!(rooms.enter("b").await.is_ok());
        drop((first, second));
        tokio::time::advance(SLOW_FOR).await;
        let _other = rooms.enter("c").await;
        assert_eq!(rooms.lock().keys().collect::<Vec<_>>(), [&"c"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_of_a_prompt_party_is_waited_for() {
        let rooms = Rooms::new([2, 1]);
        let (first, _second) = (rooms.enter("a").await, rooms.enter("a").await);
        let leave = async {
            tokio::time::sleep(PATIENCE / 2).await;
            drop(first);
        };
        let (third, ()) = tokio::join!(rooms.enter("a"), leave);
        assert!(third.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_party_has_a_smaller_room_for_a_while_and_nothing_waits_for_it() {
        let rooms = Rooms::new([2, 1]);
        let (first, second) = (rooms.enter("a").await, rooms.enter("a").await);
        assert!(rooms.enter("a").await.is_err());
        drop(first);
        let asked = Instant::now();
        assert!(rooms.enter("a").await.is_err());
        assert_eq!(asked.elapsed(), Duration::ZERO);
        drop(second);
        let third = rooms.enter("a").await;
        assert!(third.is_ok());
        // It was refused again meanwhile, from which the while counts.
        tokio::time::advance(SLOW_FOR - Duration::from_secs(1)).await;
        assert!(rooms.enter("a").await.is_err());
        tokio::time::advance(SLOW_FOR).await;
        assert!(rooms.enter("a").await.is_ok());
    }
}
