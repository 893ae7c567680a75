//! How to reach the broker, and what queues look like there.

use std::{str::FromStr, time::Duration};

use lapin::{
    types::{AMQPValue, FieldTable, ShortString},
    uri::AMQPUri,
};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    envelope::{EncodeError, Envelope},
    table,
    topology::MAX_QUEUE_NAME_BYTES,
};

/// How to reach the broker, and what queues look like there. [`BrokerConfig::new`] gives the
/// defaults.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// RabbitMQ URL: `amqp://user:password@host:port/vhost`. Its parameter `heartbeat`, in seconds,
    /// says how soon a dead link is noticed: after twice as long. Without it, 3.
    pub broker_url: SecretString,
    /// Put before every queue name.
    pub queue_prefix: String,
    /// Milliseconds after which an unconfirmed publish is an error.
    pub publish_timeout_ms: u64,
    /// Type of queues we create; without it, the broker's default, as Celery does. An existing
    /// queue is used as it is.
    pub queue_type: Option<QueueType>,
    /// Type of the delayed-delivery queues we create.
    pub delayed_queue_type: QueueType,
    /// Headers that a task passes on to the tasks it publishes.
    pub inherited_headers: Vec<String>,
    /// The header logged as `request.id`; where a message has none, its task id takes its place.
    pub request_id_header: Option<String>,
    /// Called with the span of each task before it begins, and with its `request.id`: whoever
    /// collects traces can make the span part of the request's.
    pub join_trace: Option<fn(&tracing::Span, &str)>,
    /// Send Celery's events of tasks from the start; remote control can switch them at any time.
    pub task_events: bool,
    /// Send Celery's events of workers: online, heartbeat, offline.
    pub worker_events: bool,
    /// Name of a worker in events and remote control: `name@host`, another one for each process;
    /// without it, `worker@HOST-PID`.
    pub nodename: Option<Nodename>,
    /// How long a dead letter is kept. AMQP counts this in 32 bits of milliseconds: more than 49
    /// days is taken as that.
    pub dead_letter_retention: Duration,
}

/// The name of a worker: `name@host`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nodename(pub(crate) String);

/// A setting has no meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The broker's URL. It is not repeated: it holds a password.
    #[error("not an amqp:// or amqps:// URL")]
    Url,
    /// The name of a worker.
    #[error("not name@host, or too long")]
    Nodename,
    /// The type of a queue.
    #[error("neither classic nor quorum")]
    QueueType,
}

/// The two kinds of durable queue that RabbitMQ has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueType {
    /// On one node.
    Classic,
    /// Replicated.
    Quorum,
}

impl QueueType {
    const ALL: [Self; 2] = [Self::Classic, Self::Quorum];

    /// As RabbitMQ calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Quorum => "quorum",
        }
    }

    /// The queue argument that asks for this type.
    pub(crate) fn argument(self) -> AMQPValue {
        table::text(self.name())
    }
}

impl FromStr for QueueType {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Self, ConfigError> {
        Self::ALL.into_iter().find(|one| one.name() == name).ok_or(ConfigError::QueueType)
    }
}

impl FromStr for Nodename {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Self, ConfigError> {
        match name.split_once('@') {
            Some((first, host))
                if !first.is_empty() && !host.is_empty() && name.len() <= MAX_QUEUE_NAME_BYTES =>
            {
                Ok(Self(name.to_owned()))
            }
            _ => Err(ConfigError::Nodename),
        }
    }
}

impl BrokerConfig {
    /// The defaults, for this broker.
    #[must_use]
    pub fn new(broker_url: impl Into<SecretString>) -> Self {
        Self {
            broker_url: broker_url.into(),
            queue_prefix: String::new(),
            publish_timeout_ms: 2000,
            queue_type: None,
            delayed_queue_type: QueueType::Quorum,
            inherited_headers: Vec::new(),
            request_id_header: None,
            join_trace: None,
            task_events: false,
            worker_events: true,
            nodename: None,
            dead_letter_retention: Duration::from_secs(7 * 24 * 3600),
        }
    }

    /// Checks a broker URL without trying it.
    ///
    /// # Errors
    /// [`ConfigError::Url`] when it is none.
    pub fn check_url(url: &SecretString) -> Result<(), ConfigError> {
        // The parser's own message would repeat the URL, password and all.
        parse_uri(url).map(|_| ()).map_err(|_| ConfigError::Url)
    }

    pub(crate) fn publish_timeout(&self) -> Duration {
        Duration::from_millis(self.publish_timeout_ms)
    }

    /// The name of `queue` at the broker.
    pub(crate) fn wire_name(&self, queue: &str) -> Result<ShortString, EncodeError> {
        let name = format!("{}{queue}", self.queue_prefix);
        if name.len() > MAX_QUEUE_NAME_BYTES {
            return Err(EncodeError::LongName);
        }
        table::name(&name)
    }

    /// The arguments of the queues we create. None by default, so that Celery can declare the same
    /// queue: the two must be equal.
    pub(crate) fn queue_arguments(&self) -> FieldTable {
        let mut arguments = FieldTable::default();
        if let Some(queue_type) = self.queue_type {
            arguments.insert("x-queue-type".into(), queue_type.argument());
        }
        arguments
    }

    /// The id of the request that `envelope` belongs to: of a task that no request caused, its own.
    pub(crate) fn request_id<'a>(&self, envelope: &'a Envelope) -> &'a str {
        let header = self.request_id_header.as_ref();
        let id = header.and_then(|name| envelope.headers.get(name)?.as_str());
        id.filter(|id| !id.is_empty()).unwrap_or(&envelope.id)
    }
}

/// lapin looks at the link every half beat, so a dead one is replaced within 8 seconds.
const HEARTBEAT_SECONDS: u16 = 3;

/// Reads a broker URL. Celery writes the default vhost as nothing, `/` or `//`.
pub(crate) fn parse_uri(url: &SecretString) -> Result<AMQPUri, String> {
    let mut uri: AMQPUri = url.expose_secret().parse()?;
    if uri.vhost.is_empty() {
        "/".clone_into(&mut uri.vhost);
    }
    // A dead peer is noticed after two missed beats; the server's own default is a minute each.
    uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vhost(url: &str) -> String {
        parse_uri(&SecretString::from(url)).unwrap().vhost
    }

    #[test]
    fn the_default_vhost_has_several_spellings() {
        assert_eq!(vhost("amqp://guest:guest@localhost:5672"), "/");
        assert_eq!(vhost("amqp://guest:guest@localhost:5672/"), "/");
        assert_eq!(vhost("amqp://guest:guest@localhost:5672//"), "/");
        assert_eq!(vhost("amqp://guest:guest@localhost:5672/%2f"), "/");
        assert_eq!(vhost("amqp://guest:guest@localhost:5672/shop"), "shop");
    }

    #[test]
    fn the_url_is_never_shown() {
        let config = BrokerConfig::new("amqp://guest:secret@localhost/");
        assert!(!format!("{config:?}").contains("secret"));
        let bad = BrokerConfig::check_url(&"http://guest:secret@localhost/".into());
        assert_eq!(bad, Err(ConfigError::Url));
        assert!(!ConfigError::Url.to_string().contains("secret"));
    }

    #[test]
    fn a_nodename_has_two_parts() {
        assert_eq!("w1@host".parse(), Ok(Nodename("w1@host".to_owned())));
        for bad in ["", "w1", "@host", "w1@", &format!("w@{}", "h".repeat(300))] {
            assert_eq!(bad.parse::<Nodename>(), Err(ConfigError::Nodename), "{bad}");
        }
    }

    #[test]
    fn a_queue_type_has_the_brokers_name() {
        assert_eq!("quorum".parse(), Ok(QueueType::Quorum));
        assert_eq!("Quorum".parse::<QueueType>(), Err(ConfigError::QueueType));
    }
}
