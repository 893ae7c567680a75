//! Storing notifications, grouped: requests that arrive together share one statement and one commit
//! ([`crate::grouped`]).
//!
//! After the commit the group's task messages are published together; a request is answered when
//! both are durable.

use std::time::Duration;

use queue::Envelope;
use store::{Pool, notifications::NewNotification, pool::Lease};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};

use crate::{
    Error,
    grouped::{WAITING, in_groups, in_time},
    outbox::Outbox,
};

/// Statements under way at once. More lanes make smaller groups, and a group is what saves work.
const LANES: usize = 2;
/// How long after a group the next statement begins at the earliest.
const PACE: Duration = Duration::from_millis(5);

/// One request's row and the message that gets it sent.
struct Pending {
    row: NewNotification,
    nudge: Option<Envelope>,
    done: oneshot::Sender<Result<bool, store::Error>>,
    /// Whether it was there before.
    again: bool,
}

pub(crate) struct Inserts(mpsc::Sender<Pending>);

impl Inserts {
    /// Starts the background task. It ends, all groups done, when this is dropped.
    pub(crate) fn start(db: Pool, outbox: Outbox) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING);
        tokio::spawn(in_groups(waiting, LANES, PACE, move |mut group: Vec<Pending>, lane| {
            let (db, outbox) = (db.clone(), outbox.clone());
            async move {
                // Whoever has given up waiting was told so, and may have sent it again.
                group.retain(|pending| !pending.done.is_closed());
                metrics::histogram!("insert_group_rows").record(group.len() as f64);
                let stored = insert(&db, group).await;
                drop(lane);
                publish(&outbox, stored).await;
            }
        }));
        Self(queue)
    }

    /// Stores a notification and sees to its task message, if it has one. Once this has begun it is
    /// finished even if the caller goes away. False when there was one of this id before.
    pub(crate) async fn insert(
        &self,
        row: NewNotification,
        nudge: Option<Envelope>,
    ) -> Result<bool, Error> {
        let (done, outcome) = oneshot::channel();
        let gone = || Error::Internal(anyhow::anyhow!("grouped inserts have stopped"));
        self.0.send(Pending { row, nudge, done, again: false }).await.map_err(|_| gone())?;
        Ok(outcome.await.map_err(|_| gone())??)
    }
}

/// Stores a group; answers those that failed, and returns the others.
async fn insert(db: &Pool, group: Vec<Pending>) -> Vec<Pending> {
    let rows: Vec<NewNotification> = group.iter().map(|pending| pending.row.clone()).collect();
    match insert_rows(db, &rows).await {
        Ok(()) => group,
        // The database is away or was interrupted: for all of them alike.
        Err(error) if error.is_temporary() => match insert_rows(db, &rows).await {
            Ok(()) => group,
            Err(store::Error::Conflict { .. }) => insert_singly(db, group).await,
            Err(error) => {
                warn!(error = %runtime::chain(&error), rows = rows.len(), "nothing was stored");
                Vec::new() // dropped: each of them is told
            }
        },
        Err(_) => insert_singly(db, group).await,
    }
}

/// One bad row fails only its own request.
async fn insert_singly(db: &Pool, group: Vec<Pending>) -> Vec<Pending> {
    let mut stored = Vec::new();
    for mut pending in group {
        match insert_rows(db, std::slice::from_ref(&pending.row)).await {
            Ok(()) => stored.push(pending),
            // The statement of the group was committed although its answer was lost; or a task that
            // stores it has come twice.
            Err(store::Error::Conflict { constraint, .. })
                if constraint == "notifications_pkey" =>
            {
                pending.again = true;
                stored.push(pending);
            }
            Err(error) => {
                let _ = pending.done.send(Err(error)); // the client may be gone
            }
        }
    }
    stored
}

async fn insert_rows(db: &Pool, rows: &[NewNotification]) -> Result<(), store::Error> {
    in_time(async {
        let lease = Lease::of(db).await?;
        let inserted = store::notifications::insert_many(&*lease, rows).await;
        lease.end();
        inserted
    })
    .await
}

/// Publishes the group's messages and answers its requests.
async fn publish(outbox: &Outbox, stored: Vec<Pending>) {
    let (mut nudges, mut waiting) = (Vec::new(), Vec::new());
    for pending in stored {
        nudges.extend(pending.nudge);
        waiting.push((pending.done, !pending.again));
    }
    if let Err(error) = outbox.publish(&nudges).await {
        // The rows are committed; replay finds them.
        error!(
            error = %runtime::chain(&error),
            "neither the broker nor the outbox took the messages of stored notifications"
        );
    }
    for (done, new) in waiting {
        let _ = done.send(Ok(new)); // the client may be gone
    }
}
