//! Counting messages against the limits of a day.
//!
//! What comes under an idempotency key is counted in the transaction that has written the key: another
//! request of that key then waits for the first, and does not find the day full of it.

use domain::{KeyType, Service, service::DailyLimit};

use crate::{App, Caller, Error, accounts::over_limit};

/// What a request takes of its service's day.
pub(crate) struct Counted<'a> {
    service: &'a Service,
    key_type: KeyType,
    messages: Vec<(DailyLimit, i64)>,
}

impl<'a> Counted<'a> {
    /// So many messages of each of these kinds.
    pub(crate) fn new(
        caller: &'a Caller,
        messages: impl IntoIterator<Item = (DailyLimit, i64)>,
    ) -> Self {
        let messages = messages.into_iter().filter(|(_, count)| *count > 0).collect();
        Self { service: caller.service(), key_type: caller.key_type, messages }
    }
}

impl App {
    /// Looks whether the day has room, and counts nothing.
    ///
    /// # Errors
    /// [`Error::DailyLimit`].
    pub(crate) async fn has_room(&self, counted: &Counted<'_>) -> Result<(), Error> {
        let (service, key_type) = (counted.service, counted.key_type);
        for (limit, messages) in &counted.messages {
            if !self.0.limits.has_room_for(service, key_type, *limit, *messages).await {
                return Err(over_limit(service, key_type, *limit));
            }
        }
        Ok(())
    }

    /// Counts all, or nothing.
    ///
    /// # Errors
    /// [`Error::DailyLimit`] for the first limit that they would be over.
    pub(crate) async fn reserve(&self, counted: &Counted<'_>) -> Result<(), Error> {
        let (service, key_type) = (counted.service, counted.key_type);
        for (i, (limit, messages)) in counted.messages.iter().enumerate() {
            if !self.0.limits.reserve(service, key_type, *limit, *messages).await {
                self.release_some(counted, &counted.messages[..i]).await;
                return Err(over_limit(service, key_type, *limit));
            }
        }
        Ok(())
    }

    /// Takes back what was counted, unless the messages may have been stored all the same.
    pub(crate) async fn release_after(&self, error: &Error, counted: &Counted<'_>) {
        if error.is_refusal() {
            self.release_some(counted, &counted.messages).await;
        }
    }

    async fn release_some(&self, counted: &Counted<'_>, messages: &[(DailyLimit, i64)]) {
        for (limit, messages) in messages {
            self.0.limits.release(counted.service, counted.key_type, *limit, *messages).await;
        }
    }
}
