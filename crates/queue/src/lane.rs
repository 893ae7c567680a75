//! One queue, the room for its tasks, and the messages that wait for room.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lapin::{message::Delivery, types::ShortString};
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
