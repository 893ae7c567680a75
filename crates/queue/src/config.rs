//! How to reach the broker, and what queues look like there.

use std::time::Duration;

use clap::{ArgAction, builder::BoolishValueParser};
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

const PUBLISH_TIMEOUT_MS: u64 = 2000;
const REQUEST_ID_HEADER: &str = "notify_request_id";
const GROUP_ID_HEADER: &str = "notify_message_group_id";

/// How to reach the broker, and what queues look like there.
#[derive(clap::Args, Clone, Debug)]
pub struct BrokerConfig {
    /// RabbitMQ URL: amqp://user:password@host:port/vhost
    #[arg(long, env = "CELERY_BROKER_URL", hide_env_values = true, value_parser = parse_url)]
    pub broker_url: SecretString,
    /// Put before every queue name
    #[arg(long, env = "NOTIFICATION_QUEUE_PREFIX", default_value = "")]
    pub queue_prefix: String,
    /// Milliseconds after which an unconfirmed publish is an error
    #[arg(long, env = "POSTROOM_PUBLISH_TIMEOUT_MS", default_value_t = PUBLISH_TIMEOUT_MS)]
    pub publish_timeout_ms: u64,
    /// Type of queues we create; without it, the broker's default, as Celery does. An existing
    /// queue is used as it is
    #[arg(long, env = "POSTROOM_QUEUE_TYPE")]
    pub queue_type: Option<QueueType>,
    /// Type of the delayed-delivery queues we create
    #[arg(long, env = "POSTROOM_DELAYED_QUEUE_TYPE", default_value = "quorum")]
    pub delayed_queue_type: QueueType,
    /// Headers that a task passes on to the tasks it publishes
    #[arg(
        long, env = "POSTROOM_INHERITED_HEADERS", value_delimiter = ',',
        default_values = [REQUEST_ID_HEADER, GROUP_ID_HEADER]
    )]
    pub inherited_headers: Vec<String>,
    /// The header logged as request.id; where a message has none, its task id takes its place
    #[arg(long, env = "POSTROOM_REQUEST_ID_HEADER", default_value = REQUEST_ID_HEADER)]
    pub request_id_header: String,
    /// Send Celery's events of tasks from the start; remote control can switch them at any time
    #[arg(
        long, env = "POSTROOM_TASK_EVENTS", default_value = "false", action = ArgAction::Set,
        value_parser = BoolishValueParser::new()
    )]
    pub task_events: bool,
    /// Send Celery's events of workers: online, heartbeat, offline
    #[arg(
        long, env = "POSTROOM_WORKER_EVENTS", default_value = "true", action = ArgAction::Set,
        value_parser = BoolishValueParser::new()
    )]
    pub worker_events: bool,
    /// Name of a worker in events and remote control: name@host, another one for each process;
    /// without it, postroom@HOST-PID
    #[arg(long, env = "POSTROOM_NODENAME", value_parser = parse_nodename)]
    pub nodename: Option<String>,
}

/// The two kinds of durable queue that RabbitMQ has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum QueueType {
    /// On one node.
    Classic,
    /// Replicated.
    Quorum,
}

impl QueueType {
    /// The queue argument that asks for this type.
    pub(crate) fn argument(self) -> AMQPValue {
        table::text(match self {
            Self::Classic => "classic",
            Self::Quorum => "quorum",
        })
    }
}

impl BrokerConfig {
    /// The defaults, for this broker.
    #[must_use]
    pub fn new(broker_url: impl Into<SecretString>) -> Self {
        Self {
            broker_url: broker_url.into(),
            queue_prefix: String::new(),
            publish_timeout_ms: PUBLISH_TIMEOUT_MS,
            queue_type: None,
            delayed_queue_type: QueueType::Quorum,
            inherited_headers: vec![REQUEST_ID_HEADER.to_owned(), GROUP_ID_HEADER.to_owned()],
            request_id_header: REQUEST_ID_HEADER.to_owned(),
            task_events: false,
            worker_events: true,
            nodename: None,
        }
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
        let id = envelope.headers.get(&self.request_id_header).and_then(|value| value.as_str());
        id.filter(|id| !id.is_empty()).unwrap_or(&envelope.id)
    }
}

/// Reads a broker URL. Celery writes the default vhost as nothing, `/` or `//`.
pub(crate) fn parse_uri(url: &SecretString) -> Result<AMQPUri, String> {
    let mut uri: AMQPUri = url.expose_secret().parse()?;
    if uri.vhost.is_empty() {
        "/".clone_into(&mut uri.vhost);
    }
    // A dead peer is noticed after two missed beats; the server's own default is a minute each.
    uri.query.heartbeat.get_or_insert(15);
    Ok(uri)
}

fn parse_url(url: &str) -> Result<SecretString, &'static str> {
    let url = SecretString::from(url);
    // The parser's own message would repeat the URL, password and all.
    parse_uri(&url).map_err(|_| "not an amqp:// or amqps:// URL")?;
    Ok(url)
}

fn parse_nodename(name: &str) -> Result<String, &'static str> {
    match name.split_once('@') {
        Some((first, host)) if !first.is_empty() && !host.is_empty() => {}
        _ => return Err("not name@host"),
    }
    if name.len() > MAX_QUEUE_NAME_BYTES {
        return Err("too long");
    }
    Ok(name.to_owned())
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
        assert_eq!(vhost("amqp://guest:guest@localhost:5672/notify"), "notify");
    }

    #[test]
    fn the_url_is_never_shown() {
        let config = BrokerConfig::new("amqp://guest:secret@localhost/");
        assert!(!format!("{config:?}").contains("secret"));
        assert!(!parse_url("http://guest:secret@localhost/").unwrap_err().contains("secret"));
    }

    #[test]
    fn a_nodename_has_two_parts() {
        assert_eq!(parse_nodename("w1@host").as_deref(), Ok("w1@host"));
        for bad in ["", "w1", "@host", "w1@", &format!("w@{}", "h".repeat(300))] {
            assert!(parse_nodename(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn options_are_consistent() {
        #[derive(clap::Parser)]
        struct Cli {
            #[command(flatten)]
            broker: BrokerConfig,
        }
        <Cli as clap::CommandFactory>::command().debug_assert();
        let cli: Cli = clap::Parser::parse_from(["any", "--broker-url", "amqp://localhost"]);
        let defaults = BrokerConfig::new("amqp://localhost");
        assert_eq!(format!("{:?}", cli.broker), format!("{defaults:?}"));
    }
}
