//! One handler per task.
//!
//! A handler loads the row, decides from its state, acts, records. It is delivered at least once,
//! perhaps late, perhaps twice; what it returns is the retry decision. Handlers hold no state: what
//! they share is in [`Context`]. [`registry::registry`] lists them all.

pub mod aggregation;
mod breaker;
pub mod callbacks;
pub mod delivery;
pub mod housekeeping;
pub mod jobs;
pub mod leftovers;
pub mod letter_monitors;
pub mod letters;
pub mod monitoring;
pub mod printing;
pub mod receipts;
pub mod registry;
pub mod reports;
pub mod retention;
mod rooms;
mod senders;

use std::{num::NonZeroU16, str::FromStr, sync::Arc};

use anyhow::{Context as _, bail};
use app::App;
use clap::builder::PossibleValuesParser;
use domain::NotificationType;
use providers::callbacks::CallbackClient;
use queue::{Broker, Consume};
use tokio_util::sync::CancellationToken;
use tracing::info;

pub use breaker::BreakerConfig;
use rooms::Rooms;
pub use senders::{ProviderConfig, Senders};

/// Retries of one channel that wait for its providers at once, when these are prompt and when they
/// are slow: three quarters and half of what the role runs.
const RETRIES_OF_A_CHANNEL: [usize; 2] = [24, 16];
/// Callbacks that wait for one endpoint at once, when it is prompt and when it is slow: three
/// quarters and a quarter of what the roles run.
const CALLBACKS_OF_AN_ENDPOINT: [usize; 2] = [48, 16];

/// Which queues a worker process serves.
#[derive(clap::Args, Clone, Debug)]
#[group(id = "worker")]
pub struct Config {
    /// Roles to play, comma-separated
    #[arg(
        long = "role",
        env = "POSTROOM_WORKER_ROLE",
        value_delimiter = ',',
        default_value = "all",
        value_parser = role_names()
    )]
    pub roles: Vec<String>,
    /// Queues to serve instead of a role's, comma-separated
    #[arg(long, env = "POSTROOM_WORKER_QUEUES", value_delimiter = ',')]
    pub queues: Vec<String>,
    /// Tasks run at once for each queue, instead of the role's figure
    #[arg(long, env = "CONCURRENCY")]
    pub concurrency: Option<u16>,
    /// Messages fetched for each of those
    #[arg(long, env = "CELERYD_PREFETCH_MULTIPLIER")]
    pub prefetch_multiplier: Option<u16>,
    /// Single queues, instead of all that was said before: QUEUE=TASKS or QUEUE=TASKS/MESSAGES, the
    /// tasks run at once and the messages fetched, comma-separated
    #[arg(long, env = "POSTROOM_QUEUE_LIMITS", value_delimiter = ',')]
    pub queue_limits: Vec<QueueLimit>,
}

/// How much of one queue a worker process takes at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueLimit {
    queue: String,
    concurrency: NonZeroU16,
    prefetch: Option<NonZeroU16>,
}

impl FromStr for QueueLimit {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (queue, limits) =
            text.split_once('=').context("not QUEUE=TASKS or QUEUE=TASKS/MESSAGES")?;
        let (concurrency, prefetch) = match limits.split_once('/') {
            Some((concurrency, prefetch)) => (concurrency, Some(prefetch.parse()?)),
            None => (limits, None),
        };
        Ok(Self { queue: queue.to_owned(), concurrency: concurrency.parse()?, prefetch })
    }
}

/// The values of `--role`.
fn role_names() -> PossibleValuesParser {
    let names = tasks::roles::ALL.iter().map(|role| role.name);
    std::iter::once("all").chain(names).collect::<Vec<_>>().into()
}

impl Config {
    /// The queues that this asks for.
    ///
    /// # Errors
    /// When a role or queue is not one of ours.
    pub fn consumes(&self) -> anyhow::Result<Vec<Consume>> {
        let mut consumes = Vec::new();
        if self.queues.is_empty() {
            for role in &self.roles {
                if role == "all" {
                    consumes.extend(tasks::roles::ALL.iter().flat_map(|role| role.queues));
                } else {
                    let found = tasks::roles::find(role)
                        .with_context(|| format!("there is no role {role:?}"))?;
                    consumes.extend(found.queues);
                }
            }
        }
        for queue in &self.queues {
            consumes.push(
                tasks::roles::find_queue(queue)
                    .with_context(|| format!("there is no queue {queue:?}"))?,
            );
        }
        for consume in &mut consumes {
            let per_slot = consume.prefetch / consume.concurrency.max(1);
            let limit = self.queue_limits.iter().rfind(|limit| limit.queue == consume.queue);
            consume.concurrency = limit
                .map(|limit| limit.concurrency.get())
                .or(self.concurrency)
                .unwrap_or(consume.concurrency);
            consume.prefetch = limit.and_then(|limit| limit.prefetch).map_or_else(
                || consume.concurrency.saturating_mul(self.prefetch_multiplier.unwrap_or(per_slot)),
                NonZeroU16::get,
            );
        }
        for limit in &self.queue_limits {
            tasks::roles::find_queue(&limit.queue)
                .with_context(|| format!("there is no queue {:?}", limit.queue))?;
        }
        if consumes.is_empty() {
            bail!("a worker needs at least one queue");
        }
        Ok(consumes)
    }
}

/// What handlers share. Cheap to clone.
#[derive(Clone)]
pub struct Context(Arc<Parts>);

struct Parts {
    app: App,
    senders: Senders,
    callbacks: CallbackClient,
    retrying: Rooms<NotificationType>,
    /// By queue and endpoint.
    calling_back: Rooms<(String, String)>,
}

impl Context {
    /// Puts the parts together.
    #[must_use]
    pub fn new(app: App, senders: Senders, callbacks: CallbackClient) -> Self {
        Self(Arc::new(Parts {
            app,
            senders,
            callbacks,
            retrying: Rooms::new(RETRIES_OF_A_CHANNEL),
            calling_back: Rooms::new(CALLBACKS_OF_AN_ENDPOINT),
        }))
    }

    fn app(&self) -> &App {
        &self.0.app
    }
}

/// Serves the queues until `stop`; then finishes what is under way and returns.
///
/// # Errors
/// When the broker refuses what we need for good.
pub async fn run(
    context: Context,
    broker: &Broker,
    queues: &[Consume],
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let names: Vec<&str> = queues.iter().map(|consume| consume.queue).collect();
    info!(queues = names.join(","), "the worker starts");
    let app = context.app().clone();
    let relay = tokio_util::task::AbortOnDropHandle::new(tokio::spawn({
        let (app, stop) = (app.clone(), stop.clone());
        async move { app.relay(stop).await }
    }));
    queue::consume(broker, registry::registry(context), queues, stop)
        .await
        .context("consuming the queues")?;
    // The relay stops at the same signal; its last batch is on its way.
    let _ = relay.await;
    app.finish().await;
    info!("the worker has stopped");
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        worker: Config,
    }

    /// Concurrency and prefetch of each queue.
    fn limits(arguments: &[&str]) -> anyhow::Result<Vec<(&'static str, u16, u16)>> {
        let cli = Cli::try_parse_from([&["worker"], arguments].concat())?;
        let consumes = cli.worker.consumes()?;
        Ok(consumes.iter().map(|one| (one.queue, one.concurrency, one.prefetch)).collect())
    }

    #[test]
    fn a_queue_has_its_roles_limits_or_its_own() {
        assert_eq!(limits(&["--role", "retry"]).unwrap(), [("retry-tasks", 32, 128)]);
        let delivery = limits(&[
            "--role=delivery",
            "--concurrency=4",
            "--queue-limits=send-sms-tasks=100,send-email-tasks=50/60",
        ]);
        let expected = [("send-sms-tasks", 100, 400), ("send-email-tasks", 50, 60)];
        assert_eq!(delivery.unwrap(), expected);
        let both = limits(&["--queues=job-tasks", "--concurrency=8", "--prefetch-multiplier=3"]);
        assert_eq!(both.unwrap(), [("job-tasks", 8, 24)]);
    }

    #[test]
    fn limits_without_a_meaning_are_refused() {
        for bad in ["job-tasks", "job-tasks=0", "job-tasks=1/0", "job-tasks=x", "no-such-queue=1"] {
            assert!(limits(&["--queue-limits", bad]).is_err(), "{bad}");
        }
    }
}
