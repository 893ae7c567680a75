//! Ending messages whose receipt never came (tasks contract §3.7).

use domain::{NotificationStatus, NotificationType};
use queue::Trace;
use time::{Duration, OffsetDateTime};

use crate::{App, Error, outbox};

/// How long a receipt may take.
const PATIENCE: Duration = Duration::seconds(259_200);
/// Messages that are ended at once: what is held in memory.
const BATCH: i64 = 1000;

impl App {
    /// Ends as `temporary-failure` every email and text message that has waited too long for its
    /// receipt, and keeps what tells their services for the relay; returns how many. However many
    /// there are: one time for all, one batch after the other until none is left. Safe to run twice,
    /// also at once: a message ends once, and its service is told once.
    ///
    /// # Errors
    /// Database errors only. What was ended until then stays ended.
    pub async fn time_out_sending(&self, trace: &Trace) -> Result<u64, Error> {
        let cutoff = self.clock().now() - PATIENCE;
        let mut ended = 0;
        for channel in [NotificationType::Sms, NotificationType::Email] {
            for status in [NotificationStatus::Sending, NotificationStatus::Pending] {
                ended += self.time_out((channel, status), cutoff, trace).await?;
            }
        }
        metrics::counter!("notifications_timed_out_total").increment(ended);
        Ok(ended)
    }

    async fn time_out(
        &self,
        which: (NotificationType, NotificationStatus),
        cutoff: OffsetDateTime,
        trace: &Trace,
    ) -> Result<u64, Error> {
        let (mut ended, mut from) = (0, OffsetDateTime::UNIX_EPOCH);
        loop {
            let rows = store::timeouts::list(&self.db().await?, which, from, cutoff, BATCH).await?;
            // What is ended leaves the status, so a page that begins with its time brings new rows.
            let Some(last) = rows.last() else { return Ok(ended) };
            from = last.created_at;
            let now = self.clock().now();
            let status = NotificationStatus::TemporaryFailure;
            let mut callbacks = Vec::new();
            for row in &rows {
                let callback = self.delivery_status_callback(row, status, now, trace).await?;
                if let Some(envelope) = callback {
                    callbacks.push((row.id, outbox::row(&envelope, self.clock(), None)?));
                }
            }
            let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
            ended += store::timeouts::end(&self.db().await?, &ids, &callbacks, now).await?;
        }
    }
}
