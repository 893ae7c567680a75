//! Sending messages whose time has come.

use queue::Trace;

use crate::{App, Error, accept::deliver};

/// Messages taken at once.
const PAGE: i64 = 500;

impl App {
    /// Queues every message whose time has come; returns how many. The end of its wait and its message
    /// are one transaction, so each is queued once, whoever else runs this or dies over it.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn send_scheduled(&self, trace: &Trace) -> Result<usize, Error> {
        let mut sent = 0;
        loop {
            let (mut db, now) = (self.db().await?, self.clock().now());
            let tx = db.transaction().await.map_err(store::Error::from)?;
            let due = store::scheduled::take_due(&tx, now, PAGE).await?;
            if due.is_empty() {
                tx.commit().await.map_err(store::Error::from)?; // those of no notification are gone
                return Ok(sent);
            }
            let message = |due: &store::scheduled::Due| {
                let id = self.clock().new_id();
                deliver(due.id, due.notification_type, due.key_type, id, trace)
            };
            let messages: Vec<_> = due.iter().map(message).collect::<Result<_, _>>()?;
            self.commit_with(tx, &messages).await?;
            sent += due.len();
        }
    }
}
