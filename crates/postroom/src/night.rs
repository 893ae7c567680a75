//! `postroom night`: the night's tasks when an operator wants them, and how far a night has come.

use anyhow::{Context, bail, ensure};
use app::{App, night::Choice};
use domain::{NotificationType, ServiceId, london::Day};
use queue::{Broker, Trace, dead_letters, survey};
use store::{
    Pool,
    facts::{self, Progress},
};
use tasks::{
    CreateNightlyBilling, CreateNightlyNotificationStatus,
    CreateNightlyNotificationStatusForServiceAndDay, CreateOrUpdateFtBillingForDay,
    CreateOrUpdateFtBillingLetterDespatchForDay, DeleteNotificationsOlderThanRetention,
    SaveDailyNotificationProcessingTime, Task,
    queues::{PERIODIC, REPORTING},
};
use time::{Date, OffsetDateTime, macros::format_description};

use crate::processes::Shared;

/// `postroom night`
#[derive(clap::Args)]
pub(crate) struct Night {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Queue a task of the night. Doing so twice does no harm
    ///
    /// Without --day, as its schedule would. With --day, that day alone is done again, all of it or
    /// what --type and --service say: statistics (create-nightly-notification-status), bills
    /// (create-nightly-billing, create-or-update-ft-billing-for-day; letters by despatch:
    /// create-or-update-ft-billing-letter-despatch-for-day), how quickly messages went out
    /// (save-daily-notification-processing-time), or the removal of what was past its retention that
    /// night (delete-notifications-older-than-retention)
    Run {
        /// Its name
        task: String,
        /// The London day, such as 2026-11-23
        #[arg(long, value_parser = date)]
        day: Option<Date>,
        /// Only this channel: sms, email or letter
        #[arg(long = "type", requires = "day")]
        notification_type: Option<NotificationType>,
        /// Only this service
        #[arg(long, requires = "day")]
        service: Option<ServiceId>,
    },
    /// Show what has been made of the last days, and what still waits
    Progress {
        /// How many days, going back from yesterday
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=400))]
        days: u16,
    },
}

impl Night {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        runtime::start_command()?;
        let (app, broker) = self.shared.start().await?;
        let pool = self.shared.pool()?;
        let done = match &self.action {
            Action::Run { task, day, notification_type, service } => {
                let choice =
                    day.map(|date| Choice { date, channel: *notification_type, service: *service });
                queue(&app, &pool, task, choice).await
            }
            Action::Progress { days } => progress(&pool, app.clock().now(), &broker, *days).await,
        };
        broker.close().await;
        done
    }
}

async fn queue(app: &App, pool: &Pool, task: &str, choice: Option<Choice>) -> anyhow::Result<()> {
    let trace = Trace::default();
    let Some(choice) = choice else {
        beat::fire_now(pool, app.clock(), task).await?;
        println!("{task} is queued");
        return Ok(());
    };
    let is_whole = choice.channel.is_none() && choice.service.is_none();
    match task {
        CreateNightlyNotificationStatus::NAME
        | CreateNightlyNotificationStatusForServiceAndDay::NAME => {
            let parts = app.count_again(&choice, &trace).await?;
            println!("{parts} parts of {} are going to be counted", choice.date);
            return Ok(());
        }
        DeleteNotificationsOlderThanRetention::NAME => {
            let parts = app.remove_again(&choice, &trace).await?;
            println!("{parts} parts of {} are going to be removed", choice.date);
            return Ok(());
        }
        CreateNightlyBilling::NAME | CreateOrUpdateFtBillingForDay::NAME => {
            app.bill_again(&choice, &trace).await?;
        }
        CreateOrUpdateFtBillingLetterDespatchForDay::NAME => {
            ensure!(is_whole, "{task} takes neither --type nor --service");
            app.bill_despatched_again(choice.date, &trace).await?;
        }
        SaveDailyNotificationProcessingTime::NAME => {
            ensure!(is_whole, "{task} takes neither --type nor --service");
            app.time_again(choice.date, &trace).await?;
        }
        _ => bail!("{task} takes no --day"),
    }
    println!("{task} is queued for {}", choice.date);
    Ok(())
}

async fn progress(
    pool: &Pool,
    now: OffsetDateTime,
    broker: &Broker,
    days: u16,
) -> anyhow::Result<()> {
    let today = Day::ago(now, 0).context("no such day")?;
    let (first, last) = (today.before(days), today.before(1));
    let (first, last) = (first.context("no such day")?, last.context("no such day")?);
    let db = pool.get().await.context("connecting to the database")?;
    println!(
        "{:<10}  {:<7}  {:<6}  {:>8}  {:>8}  {:>10}  {:>8}  last made",
        "day", "facts of", "type", "services", "facts", "messages", "tonight"
    );
    for Progress { date, facts, channel, services, rows, messages, last_made, made_since } in
        facts::progress(&db, first.date, last.date, today.start).await?
    {
        println!(
            "{date}  {facts:<8}  {channel:<6}  {services:>8}  {rows:>8}  {messages:>10}  \
             {made_since:>8}  {last_made}"
        );
    }
    let waiting = store::outbox::waiting(&db).await?;
    println!("\n{:<52}  {:>8}  since", "in the outbox", "messages");
    for (task, count, since) in waiting {
        println!("{task:<52}  {count:>8}  {since}");
    }
    println!("\n{:<20}  {:>8}  {:>9}", "queue", "messages", "consumers");
    ensure!(broker.is_connected(), "CELERY_BROKER_URL: the broker does not answer");
    let names = [REPORTING, PERIODIC, dead_letters::QUEUE];
    let states = survey(broker, &names).await.context("looking at the queues")?;
    for name in names {
        match states.get(name) {
            Some(state) => println!("{name:<20}  {:>8}  {:>9}", state.messages, state.consumers),
            None => println!("{name:<20}  {:>8}", "none yet"),
        }
    }
    Ok(())
}

fn date(text: &str) -> Result<Date, time::error::Parse> {
    Date::parse(text, format_description!("[year]-[month]-[day]"))
}
