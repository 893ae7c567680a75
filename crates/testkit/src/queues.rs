//! Queues of a test, handled past the code under test.

use lapin::{
    Channel, Connection, ConnectionProperties,
    options::{QueueDeleteOptions, QueuePurgeOptions},
};

/// The queues of one test at the broker: those of a prefix.
pub struct Queues {
    url: String,
    prefix: String,
    names: Vec<&'static str>,
}

impl Queues {
    /// The queues `names`, each after `prefix`, at the broker at `url`.
    #[must_use]
    pub fn new(url: &str, prefix: &str, names: Vec<&'static str>) -> Self {
        Self { url: url.to_owned(), prefix: prefix.to_owned(), names }
    }

    /// Loses every message that waits in one of them.
    ///
    /// # Panics
    /// When the broker refuses, say because the queue does not exist.
    pub async fn purge(&self, name: &str) {
        let (_connection, channel) = self.channel().await;
        let name = format!("{}{name}", self.prefix);
        channel.queue_purge(name.into(), QueuePurgeOptions::default()).await.unwrap();
    }

    /// Deletes those that exist.
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn delete(&self) {
        let (_connection, channel) = self.channel().await;
        for name in &self.names {
            let name = format!("{}{name}", self.prefix);
            channel.queue_delete(name.into(), QueueDeleteOptions::default()).await.unwrap();
        }
    }

    async fn channel(&self) -> (Connection, Channel) {
        let properties = ConnectionProperties::default();
        let connection = Connection::connect(&self.url, properties).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        (connection, channel)
    }
}
