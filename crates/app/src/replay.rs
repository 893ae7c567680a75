//! Queuing again what was accepted and never sent (tasks contract §3.8).

use domain::NotificationType;
use queue::Trace;
use store::notifications::Forgetting;
use time::Duration;
use tracing::warn;

use crate::{App, Error, accept::deliver};

/// How long a message may stay `created` before it is queued again, and again.
const GRACE: Duration = Duration::hours(1);
/// How far back to look.
const REACH: Duration = Duration::days(7);
/// Rows read, and messages published, at once.
const PAGE: i64 = 1000;

impl App {
    /// Queues every forgotten text message and email again, and asks again for the PDFs that letters
    /// wait for; returns how many. Safe to run twice,
    /// also at once: each takes its own, and sending begins with a claim.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn replay_created(&self, trace: &Trace) -> Result<usize, Error> {
        let now = self.clock().now();
        let mut replayed = 0;
        for channel in [NotificationType::Sms, NotificationType::Email, NotificationType::Letter] {
            let which = Forgetting {
                channel,
                from: now - REACH,
                before: now - GRACE,
                now,
                again_at: now + GRACE,
            };
            loop {
                let db = self.db().await?;
                let page = store::notifications::take_forgotten(&db, &which, PAGE).await?;
                drop(db);
                if page.is_empty() {
                    break;
                }
                let mut nudges = Vec::with_capacity(page.len());
                for row in &page {
                    warn!(notification.id = %row.id, "still created; queued again");
                    let id = self.clock().new_id();
                    nudges.push(deliver(row.id, channel, row.key_type, id, trace)?);
                }
                self.outbox().publish(&nudges).await?;
                replayed += page.len();
            }
        }
        metrics::counter!("notifications_replayed_total").increment(replayed as u64);
        Ok(replayed)
    }
}
