//! Messages that cannot be run, kept with the reason.
//!
//! They lie in a queue of their own, each as it came, with these headers added: `x-postroom-reason`,
//! `-queue`, `-task-id`, `-first-failed-at`, `-last-failed-at` and `-error`. Of headers that are
//! longer than 48 KiB together the longest are dropped, as they would not fit a frame with these.
//! They may hold personal data, so none lies there for longer than
//! [`BrokerConfig::dead_letter_retention`](crate::BrokerConfig::dead_letter_retention).

use std::{fmt, time::Duration};

use lapin::{
    Channel,
    message::BasicGetMessage,
    options::{BasicAckOptions, BasicGetOptions, BasicNackOptions, BasicPublishOptions},
    types::{AMQPValue, ShortString},
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

/// RabbitMQ refuses a longer life than this, in milliseconds.
const MAX_LIFE_MS: u128 = 4_294_967_295;
/// Headers must fit one AMQP frame, so a text of ours is cut here.
const MAX_CHARS: usize = 1000;

/// What is known of a dead letter. Its arguments are left where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Why it is here: `unreadable`, `expects-result`, `unknown`, `failed`, `exhausted` (of retries),
    /// `over-limit` (of time, in its last run), `redelivered` (killed its worker), or what [`Registry::reserve`](crate::Registry::reserve) gave.
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
    arguments: Arguments,
}

/// The arguments as the producer abbreviated them. They may be personal data, so nothing prints them.
#[derive(Clone, PartialEq, Eq)]
struct Arguments(String);

impl DeadLetter {
    /// Whether its arguments, as far as its producer tells them in a header, contain `text`, such as
    /// the id of what it is about.
    #[must_use]
    pub fn mentions(&self, text: &str) -> bool {
        self.arguments.0.contains(text)
    }
}

impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
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
/// Each verdict is one transaction at the broker: whenever this is interrupted, a letter is either
/// still here or back on its queue, so doing it again doubles nothing.
///
/// # Errors
/// [`Error`] when the broker fails.
pub async fn sift(
    broker: &Broker,
    mut judge: impl FnMut(&DeadLetter) -> Verdict,
) -> Result<usize, Error> {
    let publisher = broker.publisher();
    let session = publisher.session()?;
    let config = &broker.shared.config;
    let queue = config.wire_name(QUEUE)?;
    session.declare(&broker.shared, &queue).await?;
    let channel = answered(session.connection.create_channel()).await?;
    answered(channel.tx_select()).await?;
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
        let verdict = judge(&letter);
        if verdict == Verdict::Keep {
            continue;
        }
        if verdict == Verdict::Requeue {
            let home = config.wire_name(&letter.queue)?;
            session.declare(&broker.shared, &home).await?;
            publish(&channel, home, &revive(message.clone())).await?;
        }
        answered(delivery.acker.ack(BasicAckOptions::default())).await?;
        if !commit(&channel).await? {
            publisher.send(QUEUE, &message, 0).await?;
        }
    }
    // All that are not acknowledged (tag 0) go back to their places. Closing the channel would do it
    // too, but some time after this returns.
    let give_back = BasicNackOptions { multiple: true, requeue: true };
    answered(channel.basic_nack(0, give_back)).await?;
    commit(&channel).await?;
    answered(channel.close(200, "done".into())).await?;
    Ok(seen)
}

async fn publish(channel: &Channel, queue: ShortString, message: &Message) -> lapin::Result<()> {
    let options = BasicPublishOptions { mandatory: true, immediate: false };
    let properties = message.properties.clone();
    // In a transaction there is nothing to confirm but its end.
    let publish = channel.basic_publish("".into(), queue, options, &message.body, properties);
    answered(publish).await.map(|_| ())
}

/// Ends a transaction. False when its message came back, because somebody deleted the queue after we
/// had declared it.
async fn commit(channel: &Channel) -> lapin::Result<bool> {
    answered(channel.tx_commit()).await?;
    Ok(answered(channel.wait_for_confirms()).await?.is_empty())
}

/// Why a message becomes a dead letter.
pub(crate) struct Cause<'a> {
    pub(crate) reason: &'a str,
    /// It must hold no personal data.
    pub(crate) error: &'a str,
}

/// The message, taken from `queue`, as a dead letter that is kept for `retention`.
pub(crate) fn write(
    message: Message,
    queue: &str,
    cause: &Cause<'_>,
    now: OffsetDateTime,
    retention: Duration,
) -> Message {
    let Cause { reason, error } = *cause;
    let now = wire::iso(now);
    let message = message.without_long_headers();
    let first = cut(message.header_text(FIRST_FAILED_AT).unwrap_or(&now));
    let task_id = message.header_text("id").map(cut);
    let changes = [
        (REASON, Some(table::text(reason))),
        (FROM_QUEUE, Some(table::text(queue))),
        (TASK_ID, Some(table::text_or_void(task_id))),
        (FIRST, Some(table::text(first))),
        (LAST, Some(table::text(now))),
        (ERROR, Some(table::text(cut(error)))),
    ];
    let Message { properties, body } = message.again(changes);
    let life_ms = retention.as_millis().min(MAX_LIFE_MS);
    // Persistent, also if the task was not.
    let properties = properties.with_delivery_mode(2).with_expiration(life_ms.to_string().into());
    Message { properties, body }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_CHARS).collect()
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
        arguments: Arguments(
            ["argsrepr", "kwargsrepr"]
                .iter()
                .filter_map(|name| message.header_text(name))
                .collect(),
        ),
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
