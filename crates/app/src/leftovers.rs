//! Deleting what is kept for a while: received texts, sign-in codes, idempotency keys, invitations, events
//! (tasks contract §3.7, §6.5).

use store::{idempotency_keys, leftovers};
use time::Duration;

use crate::{App, Error, days};

/// How many days received texts are kept where the service has not chosen.
const DEFAULT_DAYS: i32 = 7;
const CODES: Duration = Duration::hours(24);
const INVITATIONS: Duration = Duration::days(2);
const EVENTS: Duration = Duration::weeks(52);
/// Rows that one statement takes.
const BATCH: i64 = 10_000;

impl App {
    /// Archives texts that were received before their service's retention, up to midnight in London.
    /// Returns how many.
    ///
    /// # Errors
    /// Database errors only. What was archived until then stays so.
    pub async fn archive_received_texts(&self) -> Result<u64, Error> {
        let services = leftovers::list_receiving(&self.db().await?, DEFAULT_DAYS).await?;
        let mut archived = 0;
        for (service, kept) in services {
            let cutoff = days::ago(self.clock(), u16::try_from(kept).unwrap_or_default())?.start;
            loop {
                let db = self.db().await?;
                match leftovers::archive_received(&db, service, cutoff, BATCH).await? {
                    0 => break,
                    batch => archived += batch,
                }
            }
        }
        Ok(archived)
    }

    /// Deletes sign-in codes of more than a day ago. Returns how many.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn delete_old_codes(&self) -> Result<u64, Error> {
        let cutoff = self.clock().now() - CODES;
        Ok(leftovers::delete_verify_codes(&self.db().await?, cutoff).await?)
    }

    /// Deletes idempotency keys that are as good as new. Returns how many.
    ///
    /// # Errors
    /// Database errors only. What was deleted until then stays so.
    pub async fn delete_expired_keys(&self) -> Result<u64, Error> {
        let (now, mut deleted) = (self.clock().now(), 0);
        loop {
            match idempotency_keys::delete_expired(&self.db().await?, now, BATCH).await? {
                0 => return Ok(deleted),
                batch => deleted += batch,
            }
        }
    }

    /// Deletes invitations of more than two days ago. Returns how many.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn delete_old_invitations(&self) -> Result<u64, Error> {
        let cutoff = self.clock().now() - INVITATIONS;
        Ok(leftovers::delete_invitations(&self.db().await?, cutoff).await?)
    }

    /// Deletes events of more than a year ago. Returns how many.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn delete_old_events(&self) -> Result<u64, Error> {
        let (cutoff, mut deleted) = (self.clock().now() - EVENTS, 0);
        loop {
            match leftovers::delete_events(&self.db().await?, cutoff, BATCH).await? {
                0 => return Ok(deleted),
                batch => deleted += batch,
            }
        }
    }
}
