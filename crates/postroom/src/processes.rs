//! The processes: settings in, parts put together, run until asked to stop.

use std::sync::Arc;

use anyhow::Context;
use app::App;
use domain::Clock;
use queue::{Broker, Source};
use runtime::Health;
use store::{DatabaseConfig, Limits, RedisConfig};
use time::macros::format_description;
use worker::Senders;

use crate::broker::BrokerOptions;

/// `postroom api`
#[derive(clap::Args)]
pub(crate) struct Api {
    #[command(flatten)]
    runtime: runtime::Config,
    #[command(flatten)]
    shared: Shared,
    #[command(flatten)]
    api: api::Config,
}

/// `postroom worker`
#[derive(clap::Args)]
pub(crate) struct Worker {
    #[command(flatten)]
    runtime: runtime::Config,
    #[command(flatten)]
    shared: Shared,
    #[command(flatten)]
    worker: worker::Config,
    #[command(flatten)]
    providers: worker::ProviderConfig,
    #[command(flatten)]
    callbacks: providers::callbacks::CallbackConfig,
}

/// `postroom beat`
#[derive(clap::Args)]
#[command(subcommand_negates_reqs = true)]
pub(crate) struct Beat {
    #[command(flatten)]
    runtime: runtime::Config,
    /// Not needed for `schedule`.
    #[command(flatten)]
    database: Option<DatabaseConfig>,
    #[command(subcommand)]
    action: Option<BeatAction>,
}

/// What can be asked of beat besides running it.
#[derive(clap::Subcommand)]
enum BeatAction {
    /// Print each entry with its next five times, in UTC and in London
    Schedule,
    /// Fire an entry once, now, whatever its schedule says
    Run {
        #[command(flatten)]
        database: DatabaseConfig,
        /// Name of the entry, as `schedule` prints it
        entry: String,
    },
}

/// `postroom migrate`
#[derive(clap::Args)]
pub(crate) struct Migrate {
    #[command(flatten)]
    runtime: runtime::Config,
    #[command(flatten)]
    database: DatabaseConfig,
    /// Name of this installation; part of one row of a new database
    #[arg(long, env = "NOTIFY_ENVIRONMENT", default_value = "development")]
    environment: String,
}

/// What the API and the workers have in common.
#[derive(clap::Args)]
pub(crate) struct Shared {
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(flatten)]
    redis: RedisConfig,
    #[command(flatten)]
    broker: BrokerOptions,
    #[command(flatten)]
    app: app::Config,
}

impl Shared {
    /// Connections of its own, for a command's queries.
    pub(crate) fn pool(&self) -> anyhow::Result<store::Pool> {
        Ok(self.database.pool()?)
    }

    pub(crate) async fn start(&self) -> anyhow::Result<(App, Broker)> {
        let clock = Clock::system();
        let limits = Limits::connect(&self.redis, clock.clone())?;
        let broker = Broker::connect(&self.broker.config(), source(&clock)).await;
        let pool = self.database.pool()?;
        tokio::spawn(store::pool::watch(pool.clone()));
        let app = App::new(&self.app, pool, limits, &broker, clock)?;
        Ok((app, broker))
    }
}

pub(crate) fn source(clock: &Clock) -> Source {
    let (now, ids) = (clock.clone(), clock.clone());
    Source::new(move || now.now(), move || ids.new_id())
}

impl Api {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let process = runtime::start(&self.runtime)?;
        let (app, broker) = self.shared.start().await?;
        manage(&self.runtime, &process, Arc::new(|| true)).await?;
        let relay = tokio::spawn({
            let (app, stop) = (app.clone(), process.stop.clone());
            async move { app.relay(stop).await }
        });
        api::serve(self.api, app, process.metrics, process.stop.clone()).await?;
        process.stop.cancel();
        relay.await.context("the outbox relay")?;
        broker.close().await;
        Ok(())
    }
}

impl Worker {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let process = runtime::start(&self.runtime)?;
        let queues = self.worker.consumes()?;
        let (app, broker) = self.shared.start().await?;
        let senders = Senders::from_config(&self.providers, app.clock())?;
        let callbacks = providers::callbacks::CallbackClient::from_config(&self.callbacks)?;
        let broker = Arc::new(broker);
        let health = Arc::clone(&broker);
        manage(&self.runtime, &process, Arc::new(move || health.is_connected())).await?;
        let context = worker::Context::new(app, senders, callbacks);
        worker::run(context, &broker, &queues, process.stop).await?;
        broker.close().await;
        Ok(())
    }
}

impl Beat {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match (self.action, self.database) {
            (Some(BeatAction::Schedule), _) => print_schedule(&Clock::system()),
            (Some(BeatAction::Run { database, entry }), _) => {
                beat::fire_now(&database.pool()?, &Clock::system(), &entry).await
            }
            (None, Some(database)) => {
                let process = runtime::start(&self.runtime)?;
                manage(&self.runtime, &process, Arc::new(|| true)).await?;
                beat::run(database.pool()?, Clock::system(), process.stop).await
            }
            (None, None) => anyhow::bail!("SQLALCHEMY_DATABASE_URI is not set"),
        }
    }
}

impl Migrate {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        runtime::start(&self.runtime)?;
        let outcome = store::migrate::run(&self.database.driver()?, &self.environment)
            .await
            .context("migrating the database")?;
        tracing::info!(%outcome, "the database is migrated");
        Ok(())
    }
}

fn print_schedule(clock: &Clock) -> anyhow::Result<()> {
    let minute = format_description!("[year]-[month]-[day] [hour]:[minute]");
    for (name, times) in beat::next_times(clock.now(), 5)? {
        println!("{name}");
        for time in times {
            let local = beat::on_londons_clock(time)?.format(minute)?;
            println!("    {} UTC    {local} London", time.format(minute)?);
        }
    }
    Ok(())
}

/// Serves health and metrics where the settings ask for it.
async fn manage(
    config: &runtime::Config,
    process: &runtime::Runtime,
    health: Health,
) -> anyhow::Result<()> {
    let Some(address) = config.management_addr else { return Ok(()) };
    runtime::serve_management(address, process.metrics.clone(), health, process.stop.clone())
        .await
        .with_context(|| format!("POSTROOM_MANAGEMENT_ADDR: cannot listen on {address}"))
}
