//! One worker process.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    sync::Arc,
};

use anyhow::Context as _;
use domain::Clock;
use queue::{Attempt, Consume, Registry, Task, TaskError, TaskResult};
use runtime::{LogFormat, Runtime};

use crate::{
    cli,
    job::{Job, Plan, connect, now_ms},
    ledger::Effect,
};

const QUEUES: [Consume; 1] = [Consume { queue: Job::QUEUE, concurrency: 32, prefetch: 128 }];

#[derive(Clone)]
struct Context {
    effects: Arc<File>,
    clock: Clock,
}

/// Works until it is told to stop.
///
/// # Errors
/// When it cannot start.
pub async fn work(args: cli::Worker) -> anyhow::Result<()> {
    let config = runtime::Config {
        log_level: "warn".to_owned(),
        log_format: LogFormat::Text,
        management_addr: None,
        otlp_endpoint: None,
        otlp_service_name: "soak".to_owned(),
    };
    let Runtime { stop, .. } = runtime::start(&config)?;
    let effects = OpenOptions::new().create(true).append(true).open(&args.effects);
    let effects = Arc::new(effects.context("opening the file of effects")?);
    let context = Context { effects, clock: Clock::system() };
    let broker = connect(&args.common).await;
    queue::consume(&broker, Registry::new(context).on(run), &QUEUES, stop).await?;
    broker.close().await;
    Ok(())
}

/// The effect is there once this has returned, and each is one write, so a kill leaves whole lines.
async fn run(context: Context, job: Job, attempt: Attempt) -> TaskResult {
    let plan = Plan::of(job.number);
    let effect = Effect {
        number: job.number,
        attempt: attempt.number(),
        is_redelivered: attempt.redelivered(),
        at: now_ms(&context.clock),
        not_before: job.not_before.unwrap_or_default(),
    };
    if let Plan::Slow(time) = plan {
        tokio::time::sleep(time).await;
    }
    (&*context.effects).write_all(effect.to_line().as_bytes()).map_err(TaskError::fail)?;
    match plan {
        Plan::Again(delay) if attempt.number() == 0 => Err(TaskError::retry_in("again", delay)),
        _ => Ok(()),
    }
}
