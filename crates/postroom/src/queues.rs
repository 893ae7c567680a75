//! `postroom queues`: how full they are, how old, who works on them, and how fast; and what waits in
//! the database for the broker.

use std::time::Duration;

use anyhow::{Context, ensure};
use domain::Clock;
use queue::{Broker, dead_letters, survey};
use store::{DatabaseConfig, Pool};

use crate::{broker::BrokerOptions, processes::source};

/// `postroom queues`
#[derive(clap::Args)]
pub(crate) struct Queues {
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(flatten)]
    broker: BrokerOptions,
    /// Seconds over which the rate is taken
    #[arg(long, default_value_t = 2)]
    seconds: u64,
}

impl Queues {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        runtime::start_command()?;
        let clock = Clock::system();
        let pool = self.database.pool()?;
        let broker = Broker::connect(&self.broker.config(), source(&clock)).await;
        ensure!(broker.is_connected(), "CELERY_BROKER_URL: the broker does not answer");
        let shown = show(&broker, Duration::from_secs(self.seconds)).await;
        broker.close().await;
        shown?;
        show_outbox(&pool, &clock).await
    }
}

async fn show(broker: &Broker, period: Duration) -> anyhow::Result<()> {
    let ours = tasks::roles::ALL.iter().flat_map(|role| role.queues).map(|consume| consume.queue);
    let names: Vec<_> = ours.chain([dead_letters::QUEUE]).collect();
    let context = "looking at the queues";
    let before = survey(broker, &names).await.context(context)?;
    tokio::time::sleep(period).await;
    let after = survey(broker, &names).await.context(context)?;
    // Asking takes a second more, both times.
    let seconds = period.as_secs_f64() + 1.0;
    println!(
        "{:<36} {:>8} {:>9} {:>9} {:>8}",
        "queue", "messages", "consumers", "oldest s", "per s"
    );
    for name in names {
        let Some(state) = after.get(name) else {
            println!("{name:<36} {:>8}", "none yet");
            continue;
        };
        let taken = before.get(name).map_or(0, |before| state.taken.saturating_sub(before.taken));
        let oldest = match state.oldest_seconds {
            _ if state.messages == 0 => "-".to_owned(),
            Some(seconds) => format!("{seconds:.1}"),
            None => "unknown".to_owned(),
        };
        let (messages, consumers, rate) = (state.messages, state.consumers, taken as f64 / seconds);
        println!("{name:<36} {messages:>8} {consumers:>9} {oldest:>9} {rate:>8.1}");
    }
    Ok(())
}

async fn show_outbox(pool: &Pool, clock: &Clock) -> anyhow::Result<()> {
    let db = pool.get().await.context("connecting to the database")?;
    let waiting = store::outbox::waiting(&db).await?;
    let messages: i64 = waiting.iter().map(|(_, messages, _)| messages).sum();
    let oldest = match waiting.iter().map(|(_, _, since)| *since).min() {
        Some(since) => format!("{:.1}", (clock.now() - since).as_seconds_f64()),
        None => "-".to_owned(),
    };
    println!("\n{:<36} {messages:>8} {:>9} {oldest:>9}", "outbox, in the database", "");
    Ok(())
}
