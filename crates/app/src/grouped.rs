//! Grouped statements: callers that come together share one.
//!
//! Whatever queued while the last statement ran goes into the next one, so a lone caller never
//! waits and a crowd pays for one round trip and one commit. After a group, the next one begins no
//! sooner than a moment later: most of what a statement costs is not for its rows, so that many small
//! groups would use up the processors long before the database has too much to do.

use std::{collections::HashSet, future::Future, sync::Arc, time::Duration};

use store::Pool;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    time::Instant,
};
use tracing::warn;
use uuid::Uuid;

use crate::{Error, outbox, receipts, sending};

/// How long after a group the next statement of its kind begins at the earliest.
const PACE: Duration = Duration::from_millis(10);
/// Callers that share one statement.
const LARGEST_GROUP: usize = 256;
/// How long one statement may take, the wait for a connection included.
const LONGEST: Duration = Duration::from_secs(10);
/// Callers that may wait; beyond it they wait before they queue.
pub(crate) const WAITING: usize = 4096;

/// How long a database that is away is waited for: a restart passes unnoticed.
const PATIENCE: Duration = Duration::from_secs(20);
/// The pause before a statement is run again, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// A statement that does for many what each of them asks. Running it again must do no harm: its
/// answer may have been lost.
pub(crate) trait Statement: 'static {
    /// What one caller asks for.
    type Ask: Clone + Send + Sync + 'static;
    /// What it is told.
    type Answer: Send + 'static;

    /// What the caller is about. One statement never has two with the same.
    fn key(ask: &Self::Ask) -> Uuid;

    /// Runs the statement; gives an answer for each ask, in their order.
    fn run(
        db: &Pool,
        asks: &[Self::Ask],
    ) -> impl Future<Output = Result<Vec<Self::Answer>, store::Error>> + Send;
}

/// Runs one kind of statement for its callers.
pub(crate) struct Grouped<S: Statement>(mpsc::Sender<Call<S>>);

struct Call<S: Statement> {
    ask: S::Ask,
    answer: oneshot::Sender<Result<S::Answer, store::Error>>,
}

impl<S: Statement> Grouped<S> {
    /// Starts the background task. It ends, all groups done, when this is dropped.
    pub(crate) fn start(db: Pool) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING);
        tokio::spawn(in_groups(waiting, 1, PACE, move |calls, lane| {
            let db = db.clone();
            async move {
                answer::<S>(&db, calls).await;
                drop(lane);
            }
        }));
        Self(queue)
    }

    /// Has the statement run for `ask`, with whoever else waits. Once begun it is finished even if
    /// the caller goes away.
    ///
    /// # Errors
    /// Database errors only.
    pub(crate) async fn call(&self, ask: S::Ask) -> Result<S::Answer, Error> {
        let (answer, answered) = oneshot::channel();
        let gone = || Error::Internal(anyhow::anyhow!("grouped statements have stopped"));
        self.0.send(Call { ask, answer }).await.map_err(|_| gone())?;
        Ok(answered.await.map_err(|_| gone())??)
    }
}

/// Hands over what waits, a group at a time: after more than one, the next no sooner than `pace`.
/// `work` keeps one of the `lanes` for as long as the next group had better grow.
pub(crate) async fn in_groups<T, W>(
    mut waiting: mpsc::Receiver<T>,
    lanes: usize,
    pace: Duration,
    work: impl Fn(Vec<T>, OwnedSemaphorePermit) -> W,
) where
    W: Future<Output = ()> + Send + 'static,
{
    let lanes = Arc::new(Semaphore::new(lanes));
    let mut next = Instant::now();
    loop {
        let lane = Arc::clone(&lanes).acquire_owned().await.expect("nobody closes this semaphore");
        tokio::time::sleep_until(next).await;
        let mut group = Vec::new();
        if waiting.recv_many(&mut group, LARGEST_GROUP).await == 0 {
            return;
        }
        // Only a crowd is made to wait.
        next = Instant::now() + if group.len() > 1 { pace } else { Duration::ZERO };
        tokio::spawn(work(group, lane));
    }
}

/// Gives up on what takes too long.
pub(crate) async fn in_time<T>(
    statement: impl Future<Output = Result<T, store::Error>>,
) -> Result<T, store::Error> {
    tokio::time::timeout(LONGEST, statement).await.unwrap_or(Err(store::Error::TimedOut))
}

/// The statements that every message passes through.
pub(crate) struct Groups {
    pub(crate) claims: Grouped<sending::Claims>,
    pub(crate) sent: Grouped<sending::SentRecords>,
    pub(crate) receivables: Grouped<receipts::Receivables>,
    pub(crate) outcomes: Grouped<receipts::Outcomes>,
    pub(crate) published: Grouped<outbox::Published>,
}

impl Groups {
    pub(crate) fn start(db: &Pool) -> Self {
        Self {
            claims: Grouped::start(db.clone()),
            sent: Grouped::start(db.clone()),
            receivables: Grouped::start(db.clone()),
            outcomes: Grouped::start(db.clone()),
            published: Grouped::start(db.clone()),
        }
    }
}

async fn answer<S: Statement>(db: &Pool, mut calls: Vec<Call<S>>) {
    while !calls.is_empty() {
        // Statements that lock the same rows do so in the same order.
        calls.sort_by_key(|call| S::key(&call.ask));
        let mut keys = HashSet::new();
        let (now, later) = calls.into_iter().partition(|call| keys.insert(S::key(&call.ask)));
        answer_group(db, now).await;
        calls = later;
    }
}

async fn answer_group<S: Statement>(db: &Pool, mut calls: Vec<Call<S>>) {
    let (since, mut pause) = (Instant::now(), FIRST_PAUSE);
    let result = loop {
        // Whoever has given up waiting counts it as failed.
        calls.retain(|call| !call.answer.is_closed());
        if calls.is_empty() {
            return;
        }
        let asks: Vec<S::Ask> = calls.iter().map(|call| call.ask.clone()).collect();
        match in_time(S::run(db, &asks)).await {
            // It may be one locked row that all wait for.
            Err(store::Error::TimedOut) if calls.len() > 1 => {
                return answer_singly(db, calls).await;
            }
            Err(error) if error.is_temporary() && since.elapsed() + pause < PATIENCE => {
                warn!(error = %runtime::chain(&error), "a shared statement is run again");
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            result => break result,
        }
    };
    match result {
        Ok(answers) => {
            for (call, answer) in calls.into_iter().zip(answers) {
                let _ = call.answer.send(Ok(answer)); // the caller may be gone
            }
        }
        // The database is away: for all of them alike.
        Err(error) if error.is_temporary() => refuse(calls, error),
        Err(_) => answer_singly(db, calls).await,
    }
}

/// One bad row fails only its own caller, and so does one that is locked. Where two take too long it
/// is the database.
async fn answer_singly<S: Statement>(db: &Pool, calls: Vec<Call<S>>) {
    let (mut calls, mut slow) = (calls.into_iter(), 0);
    while let Some(call) = calls.next() {
        if call.answer.is_closed() {
            continue;
        }
        let answer = in_time(S::run(db, std::slice::from_ref(&call.ask))).await;
        slow += u32::from(matches!(answer, Err(store::Error::TimedOut)));
        match answer {
            Err(error) if slow > 1 => {
                refuse([call].into_iter().chain(calls), error);
                return;
            }
            answer => {
                let _ = call.answer.send(answer.and_then(|mut one| one.pop().ok_or(LOST)));
            }
        }
    }
}

/// Tells each of them what went wrong for all.
fn refuse<S: Statement>(calls: impl IntoIterator<Item = Call<S>>, error: store::Error) {
    let error = Arc::new(error);
    for call in calls {
        let _ = call.answer.send(Err(store::Error::Shared(Arc::clone(&error))));
    }
}

/// A statement has no answer for its only ask.
const LOST: store::Error = store::Error::NotFound("answer");

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Tells each caller how many shared its statement, and keeps who did.
    struct Counting;

    static GROUPS: Mutex<Vec<Vec<Uuid>>> = Mutex::new(Vec::new());

    const BAD: Uuid = Uuid::from_u128(1);
    const AWAY: Uuid = Uuid::from_u128(2);
    const LOCKED: Uuid = Uuid::from_u128(3);

    impl Statement for Counting {
        type Ask = Uuid;
        type Answer = usize;

        fn key(ask: &Uuid) -> Uuid {
            *ask
        }

        async fn run(_: &Pool, asks: &[Uuid]) -> Result<Vec<usize>, store::Error> {
            GROUPS.lock().unwrap().push(asks.to_vec());
            tokio::task::yield_now().await;
            if asks.contains(&BAD) {
                return Err(store::Error::NotFound("row"));
            }
            if asks.contains(&AWAY) {
                return Err(store::Error::Shared(Arc::new(store::Error::TimedOut)));
            }
            if asks.contains(&LOCKED) {
                std::future::pending::<()>().await;
            }
            Ok(vec![asks.len(); asks.len()])
        }
    }

    fn grouped() -> Grouped<Counting> {
        let config = store::DatabaseConfig {
            database_url: "postgresql://nobody@127.0.0.1/nothing".into(),
            database_pool_size: 1,
            database_statement_timeout_ms: 1,
        };
        Grouped::start(config.pool().unwrap())
    }

    async fn all(asks: &[u128]) -> Vec<Result<usize, Error>> {
        let grouped = grouped();
        let calls = asks.iter().map(|ask| grouped.call(Uuid::from_u128(*ask)));
        futures_util::future::join_all(calls).await
    }

    #[tokio::test]
    async fn callers_that_come_together_share_a_statement_and_two_of_one_key_do_not() {
        let answers = all(&[30, 31, 32, 31]).await;
        let answers: Vec<usize> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers, [3, 3, 3, 1]);
        let groups = GROUPS.lock().unwrap();
        let ours: Vec<_> = groups.iter().filter(|group| group[0].as_u128() >= 30).collect();
        assert_eq!(ours.len(), 2, "{ours:?}");
    }

    #[tokio::test]
    async fn one_bad_row_fails_only_its_own_caller() {
        let answers = all(&[20, 1, 21]).await;
        let failed: Vec<bool> = answers.iter().map(Result::is_err).collect();
        assert_eq!(failed, [false, true, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_locked_row_holds_up_only_its_own_caller() {
        let failed: Vec<bool> = all(&[40, 3, 41]).await.iter().map(Result::is_err).collect();
        assert_eq!(failed, [false, true, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn when_the_database_stays_away_everybody_is_told_and_may_try_again() {
        for answer in all(&[10, 2, 11]).await {
            let Err(error) = answer else { panic!("it was away") };
            let text = runtime::chain(&error).to_string();
            assert!(text.contains("took too long"), "{text}");
            assert_eq!(text.matches("internal error").count(), 1, "{text}");
            assert!(matches!(queue::TaskError::from(error), queue::TaskError::Retry { .. }));
        }
    }
}
