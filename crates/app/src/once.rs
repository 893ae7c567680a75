//! Requests that are to have their effect once, however often they come.
//!
//! The answer is written under the client's key in the transaction of what the request makes. Whoever
//! comes second waits there for whoever came first, and then finds the answer.

use domain::{KeyType, ServiceId};
use queue::Envelope;
use serde_json::Value;
use sha2::{Digest, Sha256};
use store::{
    idempotency_keys::{self, IdempotencyKey},
    notifications::NewNotification,
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{App, Caller, Error, counted::Counted};

/// How long an answer is kept.
const KEPT: Duration = Duration::hours(24);

/// A request under a key of the client's choice.
pub struct Once {
    key: String,
    fingerprint: [u8; 32],
}

impl Once {
    /// A request to `path` with this body. What a test key was answered is no answer to a live one.
    #[must_use]
    pub fn new(key: String, key_type: KeyType, path: &str, body: &[u8]) -> Self {
        let head = format!("{key_type} {path}\n");
        let fingerprint = Sha256::new().chain_update(head).chain_update(body).finalize().into();
        Self { key, fingerprint }
    }

    /// The same with how it is answered once it is accepted.
    #[must_use]
    pub fn answered<'a, T>(&'a self, answer: &'a dyn Fn(&T) -> Value) -> Answered<'a, T> {
        Answered { once: self, answer }
    }
}

/// A request under a key, and how it is answered.
pub struct Answered<'a, T> {
    once: &'a Once,
    answer: &'a dyn Fn(&T) -> Value,
}

impl<T> Answered<'_, T> {
    /// What to keep once this has been accepted.
    pub(crate) fn kept(&self, service: ServiceId, accepted: &T) -> Kept {
        Kept {
            service,
            key: self.once.key.clone(),
            fingerprint: self.once.fingerprint,
            answer: (self.answer)(accepted).to_string(),
        }
    }
}

/// An answer with its key.
pub(crate) struct Kept {
    service: ServiceId,
    key: String,
    fingerprint: [u8; 32],
    answer: String,
}

impl App {
    /// The answer that a request has had under this key in the last 24 hours: the text of its JSON.
    ///
    /// # Errors
    /// [`Error::KeyTaken`] when it was another request; database errors.
    pub async fn answer_of(&self, caller: &Caller, once: &Once) -> Result<Option<String>, Error> {
        let (db, service, now) = (self.db().await?, caller.service().id, self.clock().now());
        match idempotency_keys::find(&db, service, &once.key, now).await? {
            Some(kept) if kept.fingerprint == once.fingerprint => Ok(Some(kept.answer)),
            Some(_) => Err(Error::KeyTaken),
            None => Ok(None),
        }
    }

    /// Keeps the answer to a request that makes nothing.
    pub(crate) async fn keep(&self, kept: Option<Kept>) -> Result<(), Error> {
        match kept {
            Some(kept) => self.keep_in(&self.db().await?, &kept).await,
            None => Ok(()),
        }
    }

    pub(crate) async fn keep_in(
        &self,
        db: &impl store::GenericClient,
        kept: &Kept,
    ) -> Result<(), Error> {
        let now = self.clock().now();
        let row = IdempotencyKey {
            service: kept.service,
            key: &kept.key,
            fingerprint: &kept.fingerprint,
            answer: &kept.answer,
            created_at: now,
            expires_at: now + KEPT,
        };
        if idempotency_keys::insert(db, &row).await? { Ok(()) } else { Err(Error::KeyTaken) }
    }

    /// Waits until no other request is under way under this key. What it was answered, if it was
    /// accepted, is then found by [`App::answer_of`].
    ///
    /// # Errors
    /// Database errors.
    pub async fn wait_for_first(&self, caller: &Caller, once: &Once) -> Result<(), Error> {
        let kept = Kept {
            service: caller.service().id,
            key: once.key.clone(),
            fingerprint: once.fingerprint,
            answer: String::new(),
        };
        let mut db = self.db().await?;
        let tx = db.transaction().await.map_err(store::Error::from)?;
        match self.keep_in(&tx, &kept).await {
            // Never to be seen by anybody: this only stood in the queue.
            Ok(()) | Err(Error::KeyTaken) => Ok(tx.rollback().await.map_err(store::Error::from)?),
            Err(error) => Err(error),
        }
    }

    /// Counts a notification, writes it, the messages that it is sent on by and the answer to its
    /// request in one transaction, and publishes the messages. One that is `due` at a time waits for
    /// that.
    ///
    /// # Errors
    /// [`Error::KeyTaken`] when there is an answer under its key; [`Error::DailyLimit`]; database
    /// errors.
    pub(crate) async fn store_with(
        &self,
        row: NewNotification,
        messages: &[Envelope],
        kept: Option<Kept>,
        due: Option<OffsetDateTime>,
        counted: &Counted<'_>,
    ) -> Result<(), Error> {
        let written = self.write_with(row, messages, kept, due, counted).await?;
        for (id, message) in written.into_iter().zip(messages) {
            self.publish_written(id, message).await;
        }
        Ok(())
    }

    /// Gives the ids of the messages' rows.
    async fn write_with(
        &self,
        row: NewNotification,
        messages: &[Envelope],
        kept: Option<Kept>,
        due: Option<OffsetDateTime>,
        counted: &Counted<'_>,
    ) -> Result<Vec<Uuid>, Error> {
        let waiting =
            messages.iter().map(|message| self.written(message)).collect::<Result<Vec<_>, _>>()?;
        let mut db = self.db().await?;
        let tx = db.transaction().await.map_err(store::Error::from)?;
        if let Some(kept) = &kept {
            self.keep_in(&tx, kept).await?;
        }
        self.reserve(counted).await?;
        let stored = async {
            let id = row.id;
            store::notifications::insert_many(&tx, &[row]).await?;
            if let Some(due) = due {
                store::scheduled::insert(&tx, id, due).await?;
            }
            store::outbox::insert(&tx, &waiting).await?;
            Ok::<_, Error>(tx.commit().await.map_err(store::Error::from)?)
        };
        match stored.await {
            Ok(()) => Ok(waiting.iter().map(|row| row.id).collect()),
            Err(error) => {
                self.release_after(&error, counted).await;
                Err(error)
            }
        }
    }
}
