//! What the queues hold and what the workers do with it, for operators.

use std::{collections::BTreeMap, time::Duration};

use futures_util::StreamExt;
use lapin::{
    Channel,
    options::{BasicConsumeOptions, BasicPublishOptions, QueueBindOptions, QueueDeclareOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{FieldTable, ShortString},
};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::{
    broker::{Broker, Error, answered},
    control::{ANSWERS, REQUESTS, declare_exchanges},
    events::transient_json,
    table,
};

/// A worker that has not answered by then is taken for dead.
const PATIENCE: Duration = Duration::from_secs(1);

/// One queue as it stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueueState {
    /// Messages that wait in the broker. Those that a worker has taken do not count.
    pub messages: u32,
    /// Workers that consume from it, of ours or not.
    pub consumers: u32,
    /// What our workers have taken off it since they started.
    pub taken: u64,
    /// How long the message that was taken last had waited, in seconds, in the worker where it was
    /// longest: about the age of the oldest one that waits. `None` where no worker of ours knows.
    pub oldest_seconds: Option<f64>,
}

/// Looks at `queues` (without prefix) and asks every worker; takes about a second. A queue that
/// does not exist is left out.
///
/// # Errors
/// [`Error`] when the broker fails.
pub async fn survey<'a>(
    broker: &Broker,
    queues: &[&'a str],
) -> Result<BTreeMap<&'a str, QueueState>, Error> {
    let publisher = broker.publisher();
    let connection = &publisher.session()?.connection;
    let mut found = BTreeMap::new();
    for &queue in queues {
        let name = broker.shared.config.wire_name(queue)?;
        // A refusal closes the channel.
        let channel = answered(connection.create_channel()).await?;
        let passive = QueueDeclareOptions { passive: true, ..Default::default() };
        match answered(channel.queue_declare(name, passive, FieldTable::default())).await {
            Err(error) if is_not_found(&error) => {}
            state => {
                let state = state?;
                let (messages, consumers) = (state.message_count(), state.consumer_count());
                found.insert(queue, QueueState { messages, consumers, ..Default::default() });
                answered(channel.close(200, "bye".into())).await?;
            }
        }
    }
    let channel = answered(connection.create_channel()).await?;
    for stats in ask(broker, &channel, "stats").await?.values() {
        for (queue, state) in &mut found {
            let name = broker.shared.config.wire_name(queue)?;
            let of_worker = &stats["queues"][name.as_str()];
            state.taken += of_worker["taken"].as_u64().unwrap_or_default();
            if let Some(waited) = of_worker["oldest_seconds"].as_f64() {
                let longest = state.oldest_seconds.unwrap_or_default().max(waited);
                state.oldest_seconds = Some(longest);
            }
        }
    }
    answered(channel.close(200, "bye".into())).await?;
    Ok(found)
}

/// What every worker that answers says to a request of Celery's remote control, by the node's name.
async fn ask(
    broker: &Broker,
    channel: &Channel,
    method: &str,
) -> Result<Map<String, Value>, Error> {
    // Who asks has an address of its own.
    let key = broker.shared.new_id().to_string();
    let queue: ShortString = format!("{key}.{ANSWERS}").into();
    answered(declare_exchanges(channel)).await?;
    let ours = QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
    answered(channel.queue_declare(queue.clone(), ours, FieldTable::default())).await?;
    let bind = QueueBindOptions::default();
    let to: ShortString = key.as_str().into();
    let none = FieldTable::default;
    answered(channel.queue_bind(queue.clone(), ANSWERS.into(), to, bind, none())).await?;
    let no_ack = BasicConsumeOptions { no_ack: true, ..Default::default() };
    let mut answers = answered(channel.basic_consume(queue, "".into(), no_ack, none())).await?;
    let request = json!({
        "method": method, "arguments": {}, "destination": null, "pattern": null, "matcher": null,
        "ticket": key, "reply_to": { "exchange": ANSWERS, "routing_key": key },
    });
    let (options, body) = (BasicPublishOptions::default(), request.to_string());
    let properties = transient_json(FieldTable::default());
    let sent =
        channel.basic_publish(REQUESTS.into(), "".into(), options, body.as_bytes(), properties);
    answered(sent).await?;
    let (deadline, mut said) = (Instant::now() + PATIENCE, Map::new());
    while let Ok(Some(answer)) = tokio::time::timeout_at(deadline, answers.next()).await {
        let answer = answer?;
        let headers = answer.properties.headers().as_ref();
        let ticket = headers.and_then(|headers| headers.inner().get("ticket"));
        if ticket.and_then(table::as_text) == Some(&key)
            && let Ok(Value::Object(answer)) = serde_json::from_slice(&answer.data)
        {
            said.extend(answer);
        }
    }
    Ok(said)
}

fn is_not_found(error: &lapin::Error) -> bool {
    let not_found = AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND);
    matches!(error.kind(), lapin::ErrorKind::ProtocolError(error) if *error.kind() == not_found)
}
