//! Messages that cannot be run, kept with the reason.
//!
//! They lie in a queue of their own, each as it came, with these headers added: `x-postroom-reason`,
//! `-queue`, `-task-id`, `-first-failed-at`, `-last-failed-at` and `-error`. They may hold personal
//! data, so they must not lie there for ever.

use lapin::{
    message::BasicGetMessage,
    options::{BasicAckOptions, BasicGetOptions, BasicNackOptions},
    types::AMQPValue,
};
use time::OffsetDateTime;

use crate::{
    broker::{Broker, Error, answered},
    table,
    wire::{self, FIRST_FAILED_AT, Message, REDELIVERIES},
};

/// The name of the queue, without prefix.
pub const QUEUE: &str = "dead-letters";

const REASON: &str = "x-postroom-reason";
const FROM_QUEUE: &str = "x-postroom-queue";
const TASK_ID: &str = "x-postroom-task-id";
const FIRST: &str = "x-postroom-first-failed-at";
const LAST: &str = "x-postroom-last-failed-at";
const ERROR: &str = "x-postroom-error";

/// Headers must fit one AMQP frame, so an error's text is cut here.
const MAX_ERROR_CHARS: usize = 1000;

/// What is known of a dead letter. Its arguments are left where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Why it is here: `unreadable`, `callbacks`, `unknown`, `failed`, `exhausted`, `redelivered`,
    /// or what [`Registry::reserve`](crate::Registry::reserve) gave.
    pub reason: String,
    /// The queue it came from, without prefix.
    pub queue: String,
    /// The task, if it was readable.
    pub task: Option<String>,
    /// The id of the task, if it was readable.
    pub task_id: Option<String>,
    /// When its first run failed. ISO 8601, UTC.
    pub first_failed_at: String,
    /// When its last run failed. ISO 8601, UTC.
    pub last_failed_at: String,
    /// The chain of errors.
    pub error: String,
}

/// What to do with a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Leave it.
    Keep,
    /// Put it back on the queue it came from, as if it had never been run.
    Requeue,
    /// Forget it.
    Delete,
}

/// Shows each dead letter, oldest first, to `judge`, and does what it says. Returns how many there
/// were.
///
/// None is lost when this is interrupted; one that was just re-queued may then remain as well.
///
/// # Errors
/// [`Error`] when the broker fails.
pub async fn sift(
    broker: &Broker,
    mut judge: impl FnMut(&DeadLetter) -> Verdict,
) -> Result<usize, Error> {
    let publisher = broker.publisher();
    let session = publisher.session()?;
    let queue = broker.shared.config.wire_name(QUEUE)?;
    session.declare(&broker.shared, &queue).await?;
    let channel = session.connection.create_channel().await?;
    let mut seen = 0;
    let mut left = 1;
    while left > 0
        && let Some(found) =
            answered(channel.basic_get(queue.clone(), BasicGetOptions::default())).await?
    {
        let BasicGetMessage { delivery, message_count } = found;
        // Those that come while we look are left for another time: they may be the ones just put
        // back, failed again.
        left = if seen == 0 { message_count } else { left - 1 };
        seen += 1;
        let message = Message { properties: delivery.properties, body: delivery.data };
        let letter = read(&message);
        match judge(&letter) {
            Verdict::Keep => continue,
            Verdict::Requeue => publisher.send(&letter.queue, &revive(message), 0).await?,
            Verdict::Delete => {}
        }
        delivery.acker.ack(BasicAckOptions::default()).await?;
    }
    // All that are not acknowledged (tag 0) go back to their places. Closing the channel would do it
    // too, but some time after this returns.
    channel.basic_nack(0, BasicNackOptions { multiple: true, requeue: true }).await?;
    channel.close(200, "done".into()).await?;
    Ok(seen)
}

/// The message as a dead letter. `error` is why; it must hold no personal data.
pub(crate) fn write(
    message: Message,
    queue: &str,
    reason: &str,
    error: &str,
    now: OffsetDateTime,
) -> Message {
    let now = wire::iso(now);
    let first = message.header_text(FIRST_FAILED_AT).unwrap_or(&now).to_owned();
    let task_id = message.header_text("id").map(str::to_owned);
    let changes = [
        (REASON, Some(table::text(reason))),
        (FROM_QUEUE, Some(table::text(queue))),
        (TASK_ID, Some(table::text_or_void(task_id))),
        (FIRST, Some(table::text(first))),
        (LAST, Some(table::text(now))),
        (ERROR, Some(table::text(error.chars().take(MAX_ERROR_CHARS).collect::<String>()))),
    ];
    let Message { properties, body } = message.again(changes);
    // Persistent, also if the task was not.
    Message { properties: properties.with_delivery_mode(2), body }
}

fn read(message: &Message) -> DeadLetter {
    let text = |name| message.header_text(name).map(str::to_owned);
    DeadLetter {
        reason: text(REASON).unwrap_or_default(),
        queue: text(FROM_QUEUE).unwrap_or_default(),
        task: text("task"),
        task_id: text(TASK_ID),
        first_failed_at: text(FIRST).unwrap_or_default(),
        last_failed_at: text(LAST).unwrap_or_default(),
        error: text(ERROR).unwrap_or_default(),
    }
}

fn revive(message: Message) -> Message {
    message.again([
        (REASON, None),
        (FROM_QUEUE, None),
        (TASK_ID, None),
        (FIRST, None),
        (LAST, None),
        (ERROR, None),
        (FIRST_FAILED_AT, None),
        (REDELIVERIES, None),
        ("retries", Some(table::count(0))),
        ("eta", Some(AMQPValue::Void)),
        ("expires", Some(AMQPValue::Void)),
    ])
}
