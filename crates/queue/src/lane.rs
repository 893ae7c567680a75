//! One queue, the room for its tasks, and the messages that wait for room.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use lapin::{message::Delivery, types::ShortString};
use time::{Duration, OffsetDateTime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    broker::Shared,
    consumer::Consume,
    envelope::{EncodeError, Envelope},
    wire::{self, Message},
};

/// One queue and the room for its tasks, which outlasts a connection as they do.
pub(crate) struct Lane {
    /// Without prefix.
    pub(crate) queue: &'static str,
    /// At the broker.
    pub(crate) name: ShortString,
    pub(crate) prefetch: u16,
    pub(crate) concurrency: u16,
    slots: Arc<Semaphore>,
    waiting: Mutex<VecDeque<Delivery>>,
    taken: AtomicU64,
    /// How long the message that was taken last had waited, in milliseconds; below 0 when unknown.
    waited_ms: AtomicI64,
}

impl Lane {
    pub(crate) fn new(consume: &Consume, shared: &Shared) -> Result<Self, EncodeError> {
        let concurrency = consume.concurrency.max(1);
        Ok(Self {
            queue: consume.queue,
            name: shared.config.wire_name(consume.queue)?,
            // 0 would mean without limit.
            prefetch: consume.prefetch.max(1),
            concurrency,
            slots: Arc::new(Semaphore::new(concurrency.into())),
            waiting: Mutex::default(),
            taken: AtomicU64::new(0),
            waited_ms: AtomicI64::new(-1),
        })
    }

    /// Waits for room for one more task.
    pub(crate) async fn slot(&self) -> OwnedSemaphorePermit {
        let slots = Arc::clone(&self.slots);
        slots.acquire_owned().await.expect("the semaphore is never closed")
    }

    /// Waits until no task of this queue is running.
    pub(crate) async fn idle(&self) {
        let all = self.slots.acquire_many(self.concurrency.into()).await;
        drop(all.expect("the semaphore is never closed"));
    }

    /// Lets a delivery wait. The broker hands out no more than `prefetch` of them.
    pub(crate) fn push(&self, delivery: Delivery) {
        self.waiting().push_back(delivery);
    }

    /// The delivery that waits longest.
    pub(crate) fn pop(&self) -> Option<Delivery> {
        self.waiting().pop_front()
    }

    /// Whether no delivery waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting().is_empty()
    }

    /// Notes that the task of `envelope` is taken now. When it was due is told by its `eta`, or by its
    /// id where that is a UUIDv7; any other leaves what was known.
    pub(crate) fn took(&self, envelope: &Envelope, now: OffsetDateTime) {
        self.taken.fetch_add(1, Ordering::Relaxed);
        if let Some(due) = envelope.eta.or_else(|| made_at(&envelope.id)) {
            let waited = i64::try_from((now - due).whole_milliseconds()).unwrap_or(i64::MAX);
            self.waited_ms.store(waited.max(0), Ordering::Relaxed);
        }
    }

    /// How many messages were taken since the start.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// How long the message that was taken last had waited, if that is known.
    pub(crate) fn waited(&self) -> Option<Duration> {
        let waited = self.waited_ms.load(Ordering::Relaxed);
        (waited >= 0).then(|| Duration::milliseconds(waited))
    }

    /// Forgets the deliveries of a connection that is gone: the broker delivers them again.
    pub(crate) fn clear(&self) {
        self.waiting().clear();
    }

    /// What waits, and whether it was redelivered; without what cannot be read.
    pub(crate) fn reserved(&self) -> Vec<(Envelope, bool)> {
        let read = |delivery: &Delivery| {
            let Delivery { properties, data, redelivered, .. } = delivery;
            let message = Message { properties: properties.clone(), body: data.clone() };
            wire::decode(&message, self.queue).ok().map(|envelope| (envelope, *redelivered))
        };
        self.waiting().iter().filter_map(read).collect()
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Delivery>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When a task was made, if its id tells.
fn made_at(id: &str) -> Option<OffsetDateTime> {
    let id = uuid::Uuid::try_parse(id).ok().filter(|id| id.get_version_num() == 7)?;
    let (seconds, nanoseconds) = id.get_timestamp()?.to_unix();
    let seconds = OffsetDateTime::from_unix_timestamp(seconds.try_into().ok()?).ok()?;
    Some(seconds + Duration::nanoseconds(nanoseconds.into()))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    #[test]
    fn only_an_id_with_a_time_tells_it() {
        let at = super::made_at("019abc12-3400-7000-8000-000000000000").unwrap();
        assert_eq!(at, datetime!(2025-11-25 17:31:40.928 UTC));
        assert_eq!(super::made_at("3d844edf-8d35-48ac-975b-e847b4f122b0"), None);
        assert_eq!(super::made_at("anything"), None);
    }
}
