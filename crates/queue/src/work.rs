//! What happens to one delivery, from the moment it arrives until it is acknowledged.

use std::{error::Error as StdError, sync::Arc, time::Duration};

use lapin::{
    Acker,
    message::Delivery,
    options::{BasicAckOptions, BasicNackOptions},
};
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use tracing::{Instrument, Span, debug, error, info, info_span, warn};

use crate::{
    broker::{Pause, answered},
    chain::chain,
    dead_letters::{self, Cause},
    envelope::Envelope,
    node::Node,
    publisher::{PublishError, Publisher, seconds_until},
    registry::{Handler, Known, Registry},
    repr::{args_repr, kwargs_repr},
    running::Run,
    table,
    task::{Attempt, TaskError, TaskResult},
    wire::{self, DecodeError, FIRST_FAILED_AT, Message, REDELIVERIES},
};

/// A message that was lost with its worker so many times is not tried again. More than a few, since
/// one that only waited in a worker when its connection broke cannot be told from one that ran.
const MAX_REDELIVERIES: u32 = 5;
/// A moment this close is now.
const SOON: time::Duration = time::Duration::SECOND;

/// What is published before the delivery is acknowledged.
struct Parcel {
    queue: String,
    message: Message,
    delay_seconds: u32,
}

/// The work of one delivery did not end as it should.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("it took longer than {} s", .0.as_secs())]
    TimeLimit(Duration),
    #[error("its handler panicked")]
    Panic,
    #[error("it was lost with its worker {0} times")]
    Redelivered(u32),
    #[error("no task has this name")]
    Unknown,
    #[error("the task is not run")]
    Reserved,
}

/// Handles the deliveries of one worker.
pub(crate) struct Worker<'a, C> {
    pub(crate) registry: &'a Registry<C>,
    pub(crate) node: &'a Node,
    pub(crate) publisher: &'a Publisher,
}

impl<C: Clone + Send + Sync + 'static> Worker<'_, C> {
    /// Does what `delivery` asks for and acknowledges it, or gives it back to the broker.
    ///
    /// # Errors
    /// [`PublishError`] when it was given back, because what follows from it cannot be published.
    pub(crate) async fn process(
        &self,
        queue: &str,
        delivery: Delivery,
    ) -> Result<(), PublishError> {
        if !delivery.acker.usable() {
            // Its connection broke while it waited here: the broker delivers it again.
            return Ok(());
        }
        let message = Message { properties: delivery.properties, body: delivery.data };
        let read = wire::decode(&message, queue);
        let span = read.as_ref().map_or_else(|_| Span::none(), |envelope| self.span(envelope));
        let work = async {
            let parcel = match read {
                Ok(envelope) => {
                    self.node.took(queue, &envelope);
                    self.decide(Arc::new(envelope), message, delivery.redelivered).await
                }
                Err(error @ DecodeError::ExpectsResult) => {
                    Some(self.reject(queue, message, "expects-result", &error))
                }
                Err(error) => Some(self.reject(queue, message, "unreadable", &error)),
            };
            self.settle(&delivery.acker, parcel).await
        };
        work.instrument(span).await
    }

    /// Gives back a delivery that nobody began to work on. Published anew, and not merely returned,
    /// it does not come back marked as redelivered.
    pub(crate) async fn hand_back(&self, queue: &str, delivery: Delivery) {
        let message = Message { properties: delivery.properties, body: delivery.data }.again([]);
        let parcel = Parcel { queue: queue.to_owned(), message, delay_seconds: 0 };
        // Where this fails the broker returns it, marked.
        let _ = self.settle(&delivery.acker, Some(parcel)).await;
    }

    fn span(&self, envelope: &Envelope) -> Span {
        let config = &self.node.shared.config;
        let request_id = config.request_id(envelope);
        let span = info_span!(
            "task.run",
            task.name = envelope.task,
            task.id = envelope.id,
            task.attempt = envelope.retries,
            queue.name = envelope.queue,
            request.id = request_id,
        );
        if let Some(join_trace) = config.join_trace {
            join_trace(&span, request_id);
        }
        span
    }

    /// Runs the task, unless there is a reason not to. Gives what is to be published for it.
    async fn decide(
        &self,
        envelope: Arc<Envelope>,
        message: Message,
        redelivered: bool,
    ) -> Option<Parcel> {
        let queue = envelope.queue.clone();
        self.node.tell("task-received", &envelope.id, || received(&envelope));
        let handler = match self.registry.get(&envelope.task) {
            Some(Known::Runs(handler)) => handler,
            Some(Known::Reserved(reason)) => {
                return Some(self.reject(&queue, message, reason, &Fault::Reserved));
            }
            None => return Some(self.reject(&queue, message, "unknown", &Fault::Unknown)),
        };
        let now = self.node.shared.now();
        let expired = envelope.expires.is_some_and(|expires| expires <= now);
        if expired || self.node.revoked.contains(&envelope.id) {
            let why = if expired { "expired" } else { "revoked" };
            debug!("task {} is {why}", handler.name);
            count_run(handler.name, &queue, why);
            self.node.tell(
                "task-revoked",
                &envelope.id,
                || json!({"terminated": false, "signum": null, "expired": expired}),
            );
            return None;
        }
        let lost = message.header_count(REDELIVERIES).saturating_add(u32::from(redelivered));
        if lost >= MAX_REDELIVERIES {
            return Some(self.reject(&queue, message, "redelivered", &Fault::Redelivered(lost)));
        }
        if redelivered {
            // The count must be safe before a run that may kill us too.
            metrics::counter!("queue_redeliveries_total", "queue" => queue.clone()).increment(1);
            let message = message.again([(REDELIVERIES, Some(table::count(lost)))]);
            return Some(Parcel { queue, message, delay_seconds: 0 });
        }
        if let Some(wait) = envelope.eta.map(|eta| eta - now).filter(|wait| *wait > SOON) {
            let message = message.again([]);
            return Some(Parcel { queue, message, delay_seconds: seconds_until(wait) });
        }
        self.run(handler, envelope, message, lost > 0).await
    }

    async fn run(
        &self,
        handler: &Handler<C>,
        envelope: Arc<Envelope>,
        message: Message,
        redelivered: bool,
    ) -> Option<Parcel> {
        let (name, queue) = (handler.name, &envelope.queue);
        let inherited = self.inherited(&envelope);
        let attempt = Attempt::new(&envelope, &handler.retry, redelivered, inherited);
        let context = self.registry.context.clone();
        let work = match (handler.start)(context, &envelope, attempt.clone()) {
            Ok(work) => work,
            Err(error) => return Some(self.reject(queue, message, "unreadable", &error)),
        };
        debug!("task {name} started");
        self.node.tell("task-started", &envelope.id, || json!({}));
        let started_at = self.node.shared.now();
        let run = Run { envelope: Arc::clone(&envelope), redelivered, started_at };
        let listed = self.node.running.begin(name, run);
        let started = Instant::now();
        let result = supervise(work, handler.time_limit).await;
        let elapsed = started.elapsed();
        let (outcome, parcel) = match result {
            Ok(()) => {
                let runtime = elapsed.as_secs_f64();
                info!(elapsed_ms = millis(elapsed), "task {name} took {runtime:.4} s");
                let fields = || json!({"result": "None", "runtime": runtime});
                self.node.tell("task-succeeded", &envelope.id, fields);
                ("success", None)
            }
            Err(TaskError::Fail { source }) => {
                self.node.tell("task-failed", &envelope.id, || failed(&*source));
                ("failure", Some(self.bury(queue, message, "failed", &*source)))
            }
            Err(TaskError::Postpone { source, after }) => {
                debug!(error = chain(&*source), "task {name} is postponed by {after:?}");
                self.node.tell("task-retried", &envelope.id, || failed(&*source));
                let delay_seconds = seconds_until(after.try_into().unwrap_or(time::Duration::MAX));
                let queue = queue.clone();
                ("postponed", Some(Parcel { queue, message: message.again([]), delay_seconds }))
            }
            Err(TaskError::Retry { source, after }) => match attempt.retry_delay() {
                Some(delay) => {
                    let delay = after.unwrap_or(delay);
                    let (error, elapsed_ms) = (chain(&*source), millis(elapsed));
                    warn!(error, elapsed_ms, "task {name} is tried again in {delay:?}");
                    self.node.tell("task-retried", &envelope.id, || failed(&*source));
                    let queue = handler.retry.queue().unwrap_or(queue);
                    ("retry", Some(self.retry(queue, &envelope, message, delay)))
                }
                None => {
                    self.node.tell("task-failed", &envelope.id, || failed(&*source));
                    self.last_words(handler, &envelope, attempt).await;
                    let over_limit = matches!(source.downcast_ref(), Some(Fault::TimeLimit(_)));
                    let reason = if over_limit { "over-limit" } else { "exhausted" };
                    ("failure", Some(self.bury(queue, message, reason, &*source)))
                }
            },
        };
        drop(listed);
        count_run(name, queue, outcome);
        metrics::histogram!(
            "queue_task_seconds",
            "task" => name, "queue" => queue.clone(), "outcome" => outcome
        )
        .record(elapsed.as_secs_f64());
        parcel
    }

    /// Calls the hook of a task that had its last run in vain.
    async fn last_words(&self, handler: &Handler<C>, envelope: &Envelope, attempt: Attempt) {
        let Some(hook) = &handler.exhausted else { return };
        // The arguments were read before the run.
        let Ok(work) = hook(self.registry.context.clone(), envelope, attempt) else { return };
        if let Err(
            TaskError::Fail { source }
            | TaskError::Retry { source, .. }
            | TaskError::Postpone { source, .. },
        ) = supervise(work, handler.time_limit).await
        {
            error!(
                error = chain(&*source),
                "the hook of the exhausted task {} failed", handler.name
            );
        }
    }

    /// The headers that subtasks get. Where no request caused the task, its id stands for one, so
    /// that all that follows from it can be found together.
    fn inherited(&self, envelope: &Envelope) -> Map<String, Value> {
        let config = &self.node.shared.config;
        let mut headers = Map::new();
        for name in &config.inherited_headers {
            if Some(name) == config.request_id_header.as_ref() {
                headers.insert(name.clone(), config.request_id(envelope).into());
            } else if let Some(value) = envelope.headers.get(name) {
                headers.insert(name.clone(), value.clone());
            }
        }
        headers
    }

    /// The same message for the next run, as Celery makes it.
    fn retry(&self, queue: &str, envelope: &Envelope, message: Message, delay: Duration) -> Parcel {
        let now = self.node.shared.now();
        let delay_seconds = seconds_until(delay.try_into().unwrap_or(time::Duration::MAX));
        let eta = (delay_seconds > 0)
            .then(|| wire::iso(now.saturating_add(time::Duration::seconds(delay_seconds.into()))));
        let first =
            message.header_text(FIRST_FAILED_AT).map_or_else(|| wire::iso(now), str::to_owned);
        let message = message.again([
            ("retries", Some(table::count(envelope.retries.saturating_add(1)))),
            ("parent_id", Some(table::text(&envelope.id))),
            ("eta", Some(table::text_or_void(eta))),
            (FIRST_FAILED_AT, Some(table::text(first))),
            // It did come to an end, so it does not kill its worker.
            (REDELIVERIES, None),
        ]);
        Parcel { queue: queue.to_owned(), message, delay_seconds }
    }

    /// Makes it a dead letter without having run it.
    fn reject(
        &self,
        queue: &str,
        message: Message,
        reason: &'static str,
        error: &(dyn StdError + 'static),
    ) -> Parcel {
        if let Some(id) = message.header_text("id") {
            self.node.tell("task-rejected", id, || json!({"requeue": false}));
        }
        self.bury(queue, message, reason, error)
    }

    /// Makes it a dead letter.
    fn bury(
        &self,
        queue: &str,
        message: Message,
        reason: &'static str,
        error: &(dyn StdError + 'static),
    ) -> Parcel {
        let task = message.header_text("task").unwrap_or_default();
        let error = chain(error);
        error!(error, queue.name = queue, task.name = task, "dead letter: {reason}");
        metrics::counter!(
            "queue_dead_letters_total", "queue" => queue.to_owned(), "reason" => reason
        )
        .increment(1);
        let retention = self.node.shared.config.dead_letter_retention;
        let cause = Cause { reason, error: &error };
        let message =
            dead_letters::write(message, queue, &cause, self.node.shared.now(), retention);
        Parcel { queue: dead_letters::QUEUE.to_owned(), message, delay_seconds: 0 }
    }

    /// Publishes what follows, then acknowledges. A publish that fails is tried again for as long as
    /// the delivery is ours: giving it back each time would only make it look like one that kills
    /// its worker. Only a worker that stops gives it back.
    async fn settle(&self, acker: &Acker, parcel: Option<Parcel>) -> Result<(), PublishError> {
        if !acker.usable() {
            debug!("a delivery outlived its connection: the broker delivers it again");
            return Ok(());
        }
        if let Some(Parcel { queue, message, delay_seconds }) = parcel {
            let mut pause = Pause::default();
            while let Err(error) = self.publisher.send(&queue, &message, delay_seconds).await {
                warn!(error = chain(&error), "cannot pass a message on to {queue}");
                if !acker.usable() || !pause.wait(&self.node.stop).await {
                    let requeue = BasicNackOptions { multiple: false, requeue: true };
                    let _ = answered(acker.nack(requeue)).await;
                    return Err(error);
                }
            }
        }
        if !answered(acker.ack(BasicAckOptions::default())).await.unwrap_or(false) {
            debug!("a delivery could not be acknowledged: the broker delivers it again");
        }
        Ok(())
    }
}

/// Runs a handler in a task of its own, so that a panic ends that alone, and cancels it at its time
/// limit.
async fn supervise(
    work: impl Future<Output = TaskResult> + Send + 'static,
    limit: Duration,
) -> TaskResult {
    let mut work = tokio::spawn(work.in_current_span());
    let joined = match tokio::time::timeout(limit, &mut work).await {
        Ok(joined) => joined,
        Err(_) => {
            work.abort();
            // It may have ended just now; and while it has not, the next run must not begin.
            work.await
        }
    };
    match joined {
        Ok(result) => result,
        Err(error) if error.is_cancelled() => Err(TaskError::retry(Fault::TimeLimit(limit))),
        Err(_) => Err(TaskError::retry(Fault::Panic)),
    }
}

/// What the event of a task's arrival tells of it.
fn received(envelope: &Envelope) -> Value {
    json!({
        "name": envelope.task,
        "args": args_repr(&envelope.args),
        "kwargs": kwargs_repr(&envelope.kwargs),
        "root_id": envelope.root_id,
        "parent_id": envelope.parent_id,
        "retries": envelope.retries,
        "eta": envelope.eta.map(wire::iso),
        "expires": envelope.expires.map(wire::iso),
    })
}

/// What the event of a failed run tells of its error.
fn failed(error: &(dyn StdError + 'static)) -> Value {
    json!({"exception": chain(error), "traceback": null})
}

fn millis(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

fn count_run(task: &'static str, queue: &str, outcome: &'static str) {
    metrics::counter!(
        "queue_tasks_total", "task" => task, "queue" => queue.to_owned(), "outcome" => outcome
    )
    .increment(1);
}
