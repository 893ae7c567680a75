//! The broker's settings.

use std::time::Duration;

use clap::{ArgAction, builder::BoolishValueParser};
use queue::{BrokerConfig, Nodename, QueueType};
use secrecy::SecretString;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How to reach the broker, and what queues look like there.
#[derive(clap::Args, Clone, Debug)]
#[group(id = "broker")]
pub(crate) struct BrokerOptions {
    /// RabbitMQ URL: amqp://user:password@host:port/vhost. Its parameter `heartbeat`, in seconds,
    /// says how soon a dead link is noticed: after twice as long. Without it, 3
    #[arg(long, env = "CELERY_BROKER_URL", hide_env_values = true, value_parser = parse_url)]
    broker_url: SecretString,
    /// Put before every queue name
    #[arg(long, env = "NOTIFICATION_QUEUE_PREFIX", default_value = "")]
    queue_prefix: String,
    /// Milliseconds after which an unconfirmed publish is an error
    #[arg(long, env = "POSTROOM_PUBLISH_TIMEOUT_MS", default_value_t = 2000)]
    publish_timeout_ms: u64,
    /// Type of queues we create, classic or quorum; without it, the broker's default, as Celery
    /// does. An existing queue is used as it is
    #[arg(long, env = "POSTROOM_QUEUE_TYPE")]
    queue_type: Option<QueueType>,
    /// Type of the delayed-delivery queues we create: classic or quorum
    #[arg(long, env = "POSTROOM_DELAYED_QUEUE_TYPE", default_value = QueueType::Quorum.name())]
    delayed_queue_type: QueueType,
    /// Headers that a task passes on to the tasks it publishes
    #[arg(
        long, env = "POSTROOM_INHERITED_HEADERS", value_delimiter = ',',
        default_values = tasks::headers::INHERITED
    )]
    inherited_headers: Vec<String>,
    /// The header logged as request.id; where a message has none, its task id takes its place
    #[arg(long, env = "POSTROOM_REQUEST_ID_HEADER", default_value = tasks::headers::REQUEST_ID)]
    request_id_header: String,
    /// Send Celery's events of tasks from the start; remote control can switch them at any time
    #[arg(
        long, env = "POSTROOM_TASK_EVENTS", default_value = "false", action = ArgAction::Set,
        value_parser = BoolishValueParser::new()
    )]
    task_events: bool,
    /// Send Celery's events of workers: online, heartbeat, offline
    #[arg(
        long, env = "POSTROOM_WORKER_EVENTS", default_value = "true", action = ArgAction::Set,
        value_parser = BoolishValueParser::new()
    )]
    worker_events: bool,
    /// Name of a worker in events and remote control: name@host, another one for each process;
    /// without it, worker@HOST-PID
    #[arg(long, env = "POSTROOM_NODENAME")]
    nodename: Option<Nodename>,
    /// Days for which a dead letter is kept
    #[arg(
        long, env = "POSTROOM_DEAD_LETTER_RETENTION_DAYS", default_value_t = 7,
        value_parser = clap::value_parser!(u32).range(1..=49)
    )]
    dead_letter_retention_days: u32,
}

impl BrokerOptions {
    /// What they say, for the crate that uses them.
    pub(crate) fn config(&self) -> BrokerConfig {
        BrokerConfig {
            broker_url: self.broker_url.clone(),
            queue_prefix: self.queue_prefix.clone(),
            publish_timeout_ms: self.publish_timeout_ms,
            queue_type: self.queue_type,
            delayed_queue_type: self.delayed_queue_type,
            inherited_headers: self.inherited_headers.clone(),
            request_id_header: Some(self.request_id_header.clone()),
            join_trace: Some(runtime::join_trace),
            task_events: self.task_events,
            worker_events: self.worker_events,
            nodename: self.nodename.clone(),
            dead_letter_retention: DAY * self.dead_letter_retention_days,
        }
    }
}

fn parse_url(url: &str) -> Result<SecretString, queue::ConfigError> {
    let url = SecretString::from(url);
    BrokerConfig::check_url(&url)?;
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        broker: BrokerOptions,
    }

    #[test]
    fn options_are_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
        let cli: Cli = clap::Parser::parse_from(["any", "--broker-url", "amqp://localhost"]);
        let mut defaults = BrokerConfig::new("amqp://localhost");
        defaults.inherited_headers = tasks::headers::INHERITED.map(str::to_owned).into();
        defaults.request_id_header = Some(tasks::headers::REQUEST_ID.to_owned());
        defaults.join_trace = Some(runtime::join_trace);
        assert_eq!(format!("{:?}", cli.broker.config()), format!("{defaults:?}"));
    }
}
