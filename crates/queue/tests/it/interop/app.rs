//! The Celery app of a test.

use lapin::{
    Connection, ConnectionProperties,
    options::{ExchangeDeleteOptions, QueueDeleteOptions},
};
use secrecy::ExposeSecret;
use serde_json::Value;
use testkit::{Celery, Process};

use crate::support::{QUEUES, TestBroker};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/interop");

/// The vhosts of tests that need one to themselves. Those below 10 are of other modules.
pub mod vhost {
    // One for each version from the number on.
    pub const WAITING: usize = 10;
    pub const EXPIRED: usize = 12;
    pub const CONTROL: usize = 14;
    pub const EVENTS: usize = 16;
    // Of the newest alone.
    pub const QUORUM_LEVELS: usize = 18;
    pub const CLASSIC_LEVELS: usize = 19;
    pub const DELAYS: usize = 20;
    pub const FLOWER: usize = 21;
}

/// What the tests are run against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Oldest,
    Newest,
}

impl Version {
    /// With the broker and the queues of a test.
    pub fn beside(self, t: &TestBroker) -> Celery {
        self.at(t.config.broker_url.expose_secret(), &t.config.queue_prefix)
    }

    /// With the broker at `url`, and queues with this prefix.
    pub fn at(self, url: &str, prefix: &str) -> Celery {
        let celery = match self {
            Self::Oldest => Celery::oldest(FOLDER),
            Self::Newest => Celery::newest(FOLDER),
        };
        celery.with("BROKER_URL", url).with("QUEUE_PREFIX", prefix)
    }
}

/// A worker of the queue `others`, which is ready. Other tests have nothing to tell it.
pub async fn worker(celery: &Celery, prefix: &str) -> Process {
    let quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"];
    worker_with(celery, prefix, &quiet).await
}

/// A worker of the queue `others`, which is ready.
pub async fn worker_with(celery: &Celery, prefix: &str, options: &[&str]) -> Process {
    let (name, queue) = (format!("{prefix}py@host"), format!("{prefix}others"));
    let arguments = ["worker", "-n", &name, "-Q", &queue, "-P", "threads", "-c", "2", "-l", "INFO"];
    let mut worker = celery.start(&[&arguments, options].concat());
    worker.says(" ready.").await;
    worker
}

/// What each of these commands prints. They are run in one process, as starting takes most of the
/// time.
pub async fn run(celery: &Celery, commands: &[String]) -> Vec<String> {
    let script = format!(
        "
from celery.bin.celery import celery

for command in {commands:?}:
    celery.main(['-A', 'app', *command.split()], standalone_mode=False)
    print('-- done --')
"
    );
    let printed = celery.python(&script).await;
    let outputs: Vec<_> = printed.split_terminator("-- done --\n").map(str::to_owned).collect();
    assert_eq!(outputs.len(), commands.len(), "{printed}");
    outputs
}

/// What a node answered to a command that printed JSON.
pub fn answer_of(node: &str, printed: &str) -> Value {
    match serde_json::from_str(printed).unwrap() {
        // `control` puts in a list what `inspect` prints.
        Value::Array(mut answers) => answers[0][node].take(),
        mut answers => answers[node].take(),
    }
}

/// Deletes queues, and the exchanges of their names that Celery makes for quorum queues.
pub async fn forget(url: &str, prefix: &str) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    for queue in QUEUES {
        let name = format!("{prefix}{queue}");
        channel.queue_delete(name.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
        channel.exchange_delete(name.into(), ExchangeDeleteOptions::default()).await.unwrap();
    }
    connection.close(200, "done".into()).await.unwrap();
}
