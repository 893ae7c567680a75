//! Queues of a test, handled past the code under test.

use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{
        BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
        QueueDeleteOptions, QueuePurgeOptions,
    },
    types::{AMQPValue, FieldTable},
};
use serde_json::{Value, json};

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

    /// What stands before each name.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
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

    /// Makes one that refuses messages when it holds so many.
    ///
    /// # Panics
    /// When it exists already.
    pub async fn limit(&self, name: &str, messages: i32) {
        let (_connection, channel) = self.channel().await;
        let name = format!("{}{name}", self.prefix);
        let mut arguments = FieldTable::default();
        arguments.insert("x-max-length".into(), messages.into());
        let refuse = AMQPValue::LongString("reject-publish".into());
        arguments.insert("x-overflow".into(), refuse);
        let options = QueueDeclareOptions { durable: true, ..Default::default() };
        channel.queue_declare(name.into(), options, arguments).await.unwrap();
    }

    /// Takes every message that waits in one of them, and returns the ids of their tasks.
    ///
    /// # Panics
    /// When the queue does not exist, or a message has no id.
    pub async fn take(&self, name: &str) -> Vec<String> {
        let (_connection, channel) = self.channel().await;
        let name = format!("{}{name}", self.prefix);
        let mut ids = Vec::new();
        let options = BasicGetOptions { no_ack: true };
        while let Some(message) = channel.basic_get(name.as_str().into(), options).await.unwrap() {
            let headers = message.delivery.properties.headers().as_ref().unwrap();
            let id = headers.inner()["id"].as_long_string().unwrap();
            ids.push(id.to_string());
        }
        ids
    }

    /// Takes every task that waits in one of them: its name, and its arguments as `[args, kwargs]`.
    ///
    /// # Panics
    /// When the queue does not exist, or a message is no task.
    pub async fn take_tasks(&self, name: &str) -> Vec<(String, Value)> {
        let (_connection, channel) = self.channel().await;
        let name = format!("{}{name}", self.prefix);
        let mut tasks = Vec::new();
        let options = BasicGetOptions { no_ack: true };
        while let Some(message) = channel.basic_get(name.as_str().into(), options).await.unwrap() {
            let headers = message.delivery.properties.headers().as_ref().unwrap();
            let task = headers.inner()["task"].as_long_string().unwrap().to_string();
            let body: Value = serde_json::from_slice(&message.delivery.data).unwrap();
            tasks.push((task, json!([body[0], body[1]])));
        }
        tasks
    }

    /// Publishes a task as Celery would for another app.
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn send(&self, name: &str, task: &str, args: Value, kwargs: Value) {
        let (_connection, channel) = self.channel().await;
        // Else it may not be there yet when the test looks for it.
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        let name = format!("{}{name}", self.prefix);
        let options = QueueDeclareOptions { durable: true, ..Default::default() };
        channel.queue_declare(name.as_str().into(), options, FieldTable::default()).await.unwrap();
        let mut headers = FieldTable::default();
        let id = crate::unique("");
        for (key, value) in [("lang", "py"), ("task", task), ("id", &id), ("root_id", &id)] {
            headers.insert(key.into(), AMQPValue::LongString(value.into()));
        }
        headers.insert("retries".into(), AMQPValue::LongInt(0));
        let properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_content_encoding("utf-8".into())
            .with_correlation_id(id.as_str().into())
            .with_delivery_mode(2)
            .with_headers(headers);
        let embed = json!({ "callbacks": null, "errbacks": null, "chain": null, "chord": null });
        let body = serde_json::to_vec(&json!([args, kwargs, embed])).unwrap();
        let options = BasicPublishOptions::default();
        let published =
            channel.basic_publish("".into(), name.as_str().into(), options, &body, properties);
        assert!(published.await.unwrap().await.unwrap().is_ack());
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
