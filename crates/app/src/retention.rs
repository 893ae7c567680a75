//! Messages past their service's retention (tasks contract §6.2, §6.3).
//!
//! One batch for each message of a queue: it is moved, and the message for the next is written, in one
//! transaction. So a run that dies has done whole batches, and one that is doubled finds less to do.

mod files;

use domain::{NotificationType, ServiceId, london::Day};
use queue::Trace;
use store::{
    GenericClient,
    retention::{self, Old},
};
use tasks::{
    DeleteNotificationsForServiceAndType, DeleteTestNotificationsForServiceAndType, times::WireTime,
};
use tracing::info;

use crate::{App, Error, days};

/// Messages that are moved at once: little enough to be held in PostgreSQL's memory.
const BATCH: i64 = 10_000;
/// Letters that are: each has a file to be removed.
const LETTERS: i64 = 1000;

/// What becomes of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Messages of normal and team keys.
    Archived,
    /// Messages of test keys.
    Deleted,
}

impl App {
    /// Queues the removal of a channel's old messages, for each service that has some. The time before
    /// which they are old is fixed here. Returns how many services that is.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn fan_out_retention(
        &self,
        channel: NotificationType,
        trace: &Trace,
    ) -> Result<usize, Error> {
        let today = days::today(self.clock())?;
        self.fan_out_retention_of(today, channel, None, trace).await
    }

    /// The same as in the night of another day, and for one service if it is given.
    pub(crate) async fn fan_out_retention_of(
        &self,
        day: Day,
        channel: NotificationType,
        only: Option<ServiceId>,
        trace: &Trace,
    ) -> Result<usize, Error> {
        let db = self.db().await?;
        let mut services = Vec::new();
        for (service, period) in retention::list_periods(&db, channel).await? {
            if only.is_none_or(|only| only == service) {
                let period = u16::try_from(period).unwrap_or_default();
                services.push((service, days::before(day, period)?.start));
            }
        }
        let due = retention::list_due(&db, channel, &services).await?;
        drop(db);
        let children =
            due.iter().map(|old| self.message(&next(old), trace)).collect::<Result<Vec<_>, _>>()?;
        self.outbox().publish(&children).await?;
        Ok(children.len())
    }

    /// Moves one batch of old messages to the history, letters' files removed, and has the next one
    /// queued; when none is left, the deletion of test keys' messages. Returns how many were moved.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn archive_old(&self, old: &Old, trace: &Trace) -> Result<u64, Error> {
        self.remove_batch(old, Fate::Archived, trace).await
    }

    /// Deletes one batch of test keys' old messages, and has the next one queued. Returns how many
    /// were deleted.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn delete_old_test(&self, old: &Old, trace: &Trace) -> Result<u64, Error> {
        self.remove_batch(old, Fate::Deleted, trace).await
    }

    async fn remove_batch(&self, old: &Old, fate: Fate, trace: &Trace) -> Result<u64, Error> {
        let limit = if old.channel == NotificationType::Letter { LETTERS } else { BATCH };
        let db = self.db().await?;
        let batch = match fate {
            Fate::Archived => retention::list(&db, old, limit).await?,
            Fate::Deleted => retention::list_test(&db, old, limit).await?,
        };
        drop(db);
        if batch.is_empty() {
            if fate == Fate::Archived {
                self.enqueue(self.message(&next_test(old), trace)?).await?;
            }
            return Ok(0);
        }
        if old.channel == NotificationType::Letter {
            self.remove_pdfs(&batch).await;
        }
        let ids: Vec<_> = batch.iter().map(|message| message.id).collect();
        let envelope = match fate {
            Fate::Archived => self.message(&next(old), trace)?,
            Fate::Deleted => self.message(&next_test(old), trace)?,
        };
        let written = self.written(&envelope)?;
        let mut db = self.db().await?;
        let tx = db.transaction().await.map_err(store::Error::from)?;
        let removed = remove(&tx, &ids, fate).await?;
        store::outbox::insert(&tx, std::slice::from_ref(&written)).await?;
        tx.commit().await.map_err(store::Error::from)?;
        drop(db);
        self.publish_written(written.id, &envelope).await;
        info!(removed, ?fate, "a batch of old messages has gone");
        Ok(removed)
    }
}

async fn remove(
    tx: &impl GenericClient,
    ids: &[domain::NotificationId],
    fate: Fate,
) -> Result<u64, store::Error> {
    match fate {
        Fate::Archived => retention::archive(tx, ids).await,
        Fate::Deleted => retention::delete_test(tx, ids).await,
    }
}

fn next(old: &Old) -> DeleteNotificationsForServiceAndType {
    DeleteNotificationsForServiceAndType {
        service_id: old.service_id,
        notification_type: old.channel,
        datetime_to_delete_before: WireTime(old.before),
    }
}

fn next_test(old: &Old) -> DeleteTestNotificationsForServiceAndType {
    DeleteTestNotificationsForServiceAndType {
        service_id: old.service_id,
        notification_type: old.channel,
        datetime_to_delete_before: WireTime(old.before),
    }
}
