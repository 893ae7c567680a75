//! Greets until Ctrl-C: `CELERY_BROKER_URL=amqp://… cargo run -p queue --example worker`
//!
//! Meanwhile `celery inspect`, `celery events` and Flower see it. Nobody called Bob is greeted: each
//! try fails, and after the last one the message is among the dead letters.

mod greeting;

use greeting::Greet;
use queue::{Attempt, Consume, Registry, Task, TaskError, TaskResult};
use tokio_util::sync::CancellationToken;

/// A handler: what all share, the payload, and which run this is.
async fn greet(greetings: &'static str, task: Greet, attempt: Attempt) -> TaskResult {
    if task.name == "Bob" {
        return Err(TaskError::retry(format!("Bob again, run {}", attempt.number())));
    }
    println!("{greetings}, {}{}", task.name, if task.loud { "!" } else { "." });
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let broker = greeting::broker().await?;
    let registry = Registry::new("Hello").on(greet);
    let queues = [Consume { queue: Greet::QUEUE, concurrency: 4, prefetch: 16 }];
    let stop = CancellationToken::new();
    let on_signal = stop.clone();
    tokio::spawn(async move {
        let _ = tokio::signal::ctrl_c().await;
        on_signal.cancel();
    });
    queue::consume(&broker, registry, &queues, stop).await?;
    broker.close().await;
    Ok(())
}
