//! `postroom queues`: how full they are, how old, who works on them, and how fast.

use std::time::Duration;

use anyhow::{Context, ensure};
use domain::Clock;
use queue::{Broker, dead_letters, survey};

use crate::{broker::BrokerOptions, processes::source};

/// `postroom queues`
#[derive(clap::Args)]
pub(crate) struct Queues {
    #[command(flatten)]
    broker: BrokerOptions,
    /// Seconds over which the rate is taken
    #[arg(long, default_value_t = 2)]
    seconds: u64,
}

impl Queues {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        runtime::start_command()?;
        let broker = Broker::connect(&self.broker.config(), source(&Clock::system())).await;
        ensure!(broker.is_connected(), "CELERY_BROKER_URL: the broker does not answer");
        let shown = show(&broker, Duration::from_secs(self.seconds)).await;
        broker.close().await;
        shown
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
