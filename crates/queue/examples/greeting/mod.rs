//! What the producer and the worker of the examples share: a task, and how they reach the broker.

use queue::{Broker, BrokerConfig, Retry, Source, Task};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Says hello. In Python: `@app.task(name="greet") def greet(name, loud=False)`.
#[derive(Serialize, Deserialize)]
pub struct Greet {
    pub name: String,
    #[serde(default)]
    pub loud: bool,
}

impl Task for Greet {
    const NAME: &'static str = "greet";
    const QUEUE: &'static str = "greetings";
    const ARGS: &'static [&'static str] = &["name", "loud"];
    const RETRY: Retry =
        Retry::doubling(Duration::from_secs(1), Duration::from_secs(60), 5).jittered(50);
    const TIME_LIMIT: Duration = Duration::from_secs(10);
}

#[expect(clippy::disallowed_methods, reason = "here nothing is above that could pass them in")]
pub async fn broker() -> Result<Broker, Box<dyn std::error::Error>> {
    let mut config = BrokerConfig::new(std::env::var("CELERY_BROKER_URL")?);
    config.task_events = true;
    let source = Source::new(time::OffsetDateTime::now_utc, uuid::Uuid::new_v4);
    Ok(Broker::connect(&config, source).await)
}
