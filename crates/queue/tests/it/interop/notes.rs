//! A task that takes anything.

use std::time::Duration;

use queue::{
    Attempt, Envelope, Registry, Retry, Task, TaskError, TaskResult, Trace,
    dead_letters::{DeadLetter, Verdict, sift},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::sync::mpsc;

use crate::support::{TestBroker, Worker, new_id, now};

/// Takes anything.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Note {
    #[serde(default)]
    pub value: Value,
    #[serde(default)]
    pub other: Value,
}

impl Task for Note {
    const NAME: &'static str = "note";
    const QUEUE: &'static str = "jobs";
    const ARGS: &'static [&'static str] = &["value", "other"];
    const RETRY: Retry = Retry::every(Duration::ZERO, 9).on("others");
}

/// One run of a [`Note`].
pub struct Noted {
    pub value: Value,
    pub other: Value,
    pub attempt: Attempt,
    pub at: OffsetDateTime,
}

/// A note that nothing caused.
pub fn envelope(value: Value, other: Value) -> Envelope {
    Envelope::new(&Note { value, other }, new_id(), &Trace::default()).unwrap()
}

/// The runs of a worker of notes.
pub struct Notes(mpsc::UnboundedReceiver<Noted>);

type Tell = mpsc::UnboundedSender<Noted>;

/// A registry that knows notes.
pub fn notes() -> (Registry<Tell>, Notes) {
    let (tell, seen) = mpsc::unbounded_channel();
    (Registry::new(tell).on(note), Notes(seen))
}

/// Asks for a retry, on the queue of Celery's worker, in the run that `value["back"]` names.
async fn note(tell: Tell, note: Note, attempt: Attempt) -> TaskResult {
    let Note { value, other } = note;
    let is_to_go_back = value["back"] == attempt.number();
    tell.send(Noted { value, other, attempt, at: now() }).unwrap();
    if is_to_go_back { Err(TaskError::retry("back to Celery")) } else { Ok(()) }
}

impl Notes {
    /// The next run.
    pub async fn next(&mut self) -> Noted {
        let next = tokio::time::timeout(Duration::from_secs(60), self.0.recv()).await;
        next.expect("a note comes within a minute").unwrap()
    }

    /// The runs that nobody has asked for yet.
    pub fn so_far(&mut self) -> Vec<Noted> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}

/// Runs the notes that lie in `jobs` and `retries`.
pub async fn drain(t: &TestBroker) -> Vec<Noted> {
    let (registry, mut notes) = notes();
    queue::drain(&t.broker, &registry, &["jobs", "retries"]).await.unwrap();
    notes.so_far()
}

/// What could not be run.
pub async fn letters(t: &TestBroker) -> Vec<DeadLetter> {
    let mut found = Vec::new();
    let keep = |letter: &DeadLetter| {
        found.push(letter.clone());
        Verdict::Keep
    };
    sift(&t.broker, keep).await.unwrap();
    found
}

/// A worker of ours that consumes already.
pub async fn worker(t: &TestBroker, prefetch: u16) -> (Worker, Notes) {
    let (registry, mut notes) = notes();
    let worker = Worker::start(t, registry, prefetch).await;
    t.publish(&envelope("awake".into(), Value::Null)).await;
    notes.next().await;
    (worker, notes)
}
