//! The broker: ended and started from outside, and looked at past all proxies.

use std::{fs, path::PathBuf, process::Stdio};

use anyhow::{Context, ensure};
use lapin::{
    Channel, Connection, ConnectionProperties,
    message::BasicGetMessage,
    options::{BasicGetOptions, QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::FieldTable,
};
use queue::{Task, dead_letters};
use tokio::process::Command;

use crate::{cli, job::Job};

/// Celery's delayed-delivery queues that tasks of ours pass.
const LEVELS: u32 = 28;

/// The broker of this soak.
pub struct Site {
    servers: PathBuf,
    name: String,
    port: u16,
    /// Its URL, without any proxy.
    pub url: String,
}

impl Site {
    /// The broker that `args` name.
    pub fn new(args: &cli::Run) -> Self {
        Self {
            servers: args.servers.clone(),
            name: args.broker.clone(),
            port: args.port,
            url: format!("amqp://guest:guest@127.0.0.1:{}/%2f", args.port),
        }
    }

    /// Kills the broker.
    ///
    /// # Errors
    /// When the script fails.
    pub async fn kill(&self) -> anyhow::Result<()> {
        self.servers(&["kill", &self.name]).await
    }

    /// Starts the broker, and waits until it answers.
    ///
    /// # Errors
    /// When the script fails.
    pub async fn start(&self) -> anyhow::Result<()> {
        self.servers(&["up", &self.name]).await
    }

    /// Makes the broker believe that it has so much memory. With less than it uses, it blocks
    /// whoever publishes.
    ///
    /// # Errors
    /// When the script fails.
    pub async fn set_memory(&self, amount: &str) -> anyhow::Result<()> {
        let command = ["set_vm_memory_high_watermark", "absolute", amount];
        self.servers(&[&["rabbitmqctl", &self.name, "--quiet"][..], &command].concat()).await
    }

    async fn servers(&self, arguments: &[&str]) -> anyhow::Result<()> {
        // Not dropped half-way: it ends by itself.
        let mut command = Command::new(&self.servers);
        let status = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).status();
        let status = status.await.with_context(|| self.servers.display().to_string())?;
        ensure!(status.success(), "servers {}: {status}", arguments.join(" "));
        Ok(())
    }

    /// How many connections the broker has, as the kernel knows.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn connections(&self) -> anyhow::Result<u64> {
        let table = fs::read_to_string("/proc/net/tcp").context("/proc/net/tcp")?;
        Ok(connections_to(&table, self.port))
    }

    /// Forgets what an earlier soak has left.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn clear(&self) -> anyhow::Result<()> {
        let (connection, channel) = self.open().await?;
        for queue in [Job::QUEUE, dead_letters::QUEUE] {
            channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await?;
        }
        for level in 0..LEVELS {
            let queue = format!("celery_delayed_{level}");
            // The refusal of one that does not exist ends its channel.
            let channel = connection.create_channel().await?;
            let _ = channel.queue_purge(queue.into(), QueuePurgeOptions::default()).await;
        }
        // Such channels may be half closed, of which lapin then complains.
        let _ = connection.close(200, "bye".into()).await;
        Ok(())
    }

    /// How many messages there are anywhere, those that a worker has among them, dead letters aside.
    ///
    /// # Errors
    /// When the broker does not tell.
    pub async fn messages(&self) -> anyhow::Result<u64> {
        let arguments =
            ["rabbitmqctl", &self.name, "--quiet", "list_queues", "--no-table-headers", "name"];
        let mut command = Command::new(&self.servers);
        command.args(arguments).arg("messages").stdin(Stdio::null()).stderr(Stdio::inherit());
        let output = command.output().await.with_context(|| self.servers.display().to_string())?;
        ensure!(output.status.success(), "listing the queues: {}", output.status);
        messages_of_tasks(&String::from_utf8_lossy(&output.stdout))
    }

    /// The dead letters. They stay where they are.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn dead_letters(&self) -> anyhow::Result<Vec<Letter>> {
        let (connection, channel) = self.open().await?;
        let passive = QueueDeclareOptions { passive: true, ..Default::default() };
        let found =
            channel.queue_declare(dead_letters::QUEUE.into(), passive, FieldTable::default());
        match found.await {
            // Nobody has needed it so far. The refusal closed the channel.
            Err(error) if is_not_found(&error) => return Ok(Vec::new()),
            found => found?,
        };
        let mut letters = Vec::new();
        let options = BasicGetOptions::default();
        // Unacknowledged: all come back when the connection is closed.
        while let Some(found) = channel.basic_get(dead_letters::QUEUE.into(), options).await? {
            letters.push(letter(&found));
        }
        connection.close(200, "bye".into()).await?;
        Ok(letters)
    }

    async fn open(&self) -> anyhow::Result<(Connection, Channel)> {
        let connection = Connection::connect(&self.url, ConnectionProperties::default()).await;
        let connection = connection.context("connecting to the broker")?;
        let channel = connection.create_channel().await?;
        Ok((connection, channel))
    }
}

fn is_not_found(error: &lapin::Error) -> bool {
    let not_found = AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND);
    matches!(error.kind(), lapin::ErrorKind::ProtocolError(error) if *error.kind() == not_found)
}

/// A dead letter.
pub struct Letter {
    /// The number of the task, if it is one of ours.
    pub number: Option<u32>,
    pub reason: String,
    pub error: String,
}

fn letter(message: &BasicGetMessage) -> Letter {
    let headers = message.properties.headers().as_ref();
    let header = |name: &str| {
        let value = headers.and_then(|headers| headers.inner().get(name))?;
        Some(value.as_long_string()?.to_string())
    };
    let [reason, error] =
        ["reason", "error"].map(|name| header(&format!("x-postroom-{name}")).unwrap_or_default());
    let body: serde_json::Value = serde_json::from_slice(&message.data).unwrap_or_default();
    let number = body[0][0].as_u64().and_then(|number| number.try_into().ok());
    Letter { number, reason, error }
}

/// The messages of the queues that tasks of ours are in, out of a list of `name<TAB>count`.
fn messages_of_tasks(list: &str) -> anyhow::Result<u64> {
    let mut messages = 0;
    for line in list.lines() {
        let (queue, count) = line.split_once('\t').with_context(|| format!("queue {line:?}"))?;
        if queue == Job::QUEUE || queue.starts_with("celery_delayed_") {
            messages += count.parse::<u64>().with_context(|| format!("queue {line:?}"))?;
        }
    }
    Ok(messages)
}

/// The established connections to `port` of this machine in `/proc/net/tcp`.
fn connections_to(table: &str, port: u16) -> u64 {
    let to_port = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let remote = fields.get(2).and_then(|address| address.split_once(':'));
        let port_matches = remote.is_some_and(|(_, hex)| u16::from_str_radix(hex, 16) == Ok(port));
        port_matches && fields.get(3) == Some(&"01")
    };
    table.lines().filter(|line| to_port(line)).count() as u64
}

#[cfg(test)]
mod tests {
    #[test]
    fn messages_are_counted_where_tasks_are() {
        let list = "soak\t2\ncelery_delayed_0\t3\ndead-letters\t5\n";
        assert_eq!(super::messages_of_tasks(list).unwrap(), 5);
        assert!(super::messages_of_tasks("Listing queues").is_err());
    }

    #[test]
    fn connections_are_counted_at_one_end() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000
   1: 0100007F:1F90 0100007F:C001 01 00000000:00000000
   2: 0100007F:C001 0100007F:1F90 01 00000000:00000000
   3: 0100007F:C002 0100007F:1F90 06 00000000:00000000";
        assert_eq!(super::connections_to(table, 8080), 1);
    }
}
