//! `postroom dead-letters`: what could not be run, for operators to look at and decide on.

use anyhow::Context;
use clap::{Args, Subcommand};
use domain::Clock;
use queue::{
    Broker,
    dead_letters::{DeadLetter, Verdict, sift},
};

use crate::{broker::BrokerOptions, processes::source};

/// `postroom dead-letters`
#[derive(Args)]
pub(crate) struct DeadLetters {
    #[command(flatten)]
    broker: BrokerOptions,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List them, a line each
    List(Filter),
    /// Show one whole: its reason, queue, times and errors
    Show {
        /// Id of the task
        id: String,
    },
    /// Put them back on the queue they came from; one that fails again comes back here
    Requeue(Choice),
    /// Delete them for good
    Delete(Choice),
}

/// Which dead letters.
#[derive(Args, Clone, Default)]
struct Filter {
    /// Only those with this reason: unreadable, unknown, exhausted, over-limit, failed,
    /// redelivered, expects-result, later, retired
    #[arg(long)]
    reason: Option<String>,
    /// Only those of this task
    #[arg(long)]
    task: Option<String>,
    /// Only those that came from this queue
    #[arg(long)]
    queue: Option<String>,
}

/// Which dead letters something is done to. Nothing is done to all of them by accident.
#[derive(Args)]
struct Choice {
    #[command(flatten)]
    filter: Filter,
    /// Only those of these task ids
    #[arg(required_unless_present_any = ["reason", "task", "queue", "all"])]
    ids: Vec<String>,
    /// All of them
    #[arg(long)]
    all: bool,
}

impl Filter {
    fn fits(&self, letter: &DeadLetter) -> bool {
        self.reason.as_ref().is_none_or(|reason| *reason == letter.reason)
            && self.queue.as_ref().is_none_or(|queue| *queue == letter.queue)
            && self.task.as_ref().is_none_or(|task| letter.task.as_ref() == Some(task))
    }
}

impl DeadLetters {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        runtime::start_command()?;
        let broker = Broker::connect(&self.broker.config(), source(&Clock::system())).await;
        anyhow::ensure!(broker.is_connected(), "CELERY_BROKER_URL: the broker does not answer");
        let done = act(&broker, &self.action).await;
        broker.close().await;
        done
    }
}

async fn act(broker: &Broker, action: &Action) -> anyhow::Result<()> {
    let context = "going through the dead letters";
    match action {
        Action::List(filter) => {
            sift(broker, |letter| {
                if filter.fits(letter) {
                    println!("{}", line(letter));
                }
                Verdict::Keep
            })
            .await
            .context(context)?;
        }
        Action::Show { id } => {
            let mut found = false;
            sift(broker, |letter| {
                if letter.task_id.as_deref() == Some(id) {
                    found = true;
                    println!("{}", whole(letter));
                }
                Verdict::Keep
            })
            .await
            .context(context)?;
            anyhow::ensure!(found, "there is no dead letter of task {id}");
        }
        Action::Requeue(choice) => decide(broker, choice, Verdict::Requeue, "re-queued").await?,
        Action::Delete(choice) => decide(broker, choice, Verdict::Delete, "deleted").await?,
    }
    Ok(())
}

async fn decide(
    broker: &Broker,
    choice: &Choice,
    verdict: Verdict,
    done: &str,
) -> anyhow::Result<()> {
    let mut count = 0;
    let chosen = |letter: &DeadLetter| {
        let named = |id: &str| choice.ids.iter().any(|wanted| wanted == id);
        (choice.ids.is_empty() || letter.task_id.as_deref().is_some_and(named))
            && choice.filter.fits(letter)
    };
    sift(broker, |letter| {
        if !chosen(letter) {
            return Verdict::Keep;
        }
        count += 1;
        println!("{done}: {}", line(letter));
        verdict
    })
    .await
    .context("going through the dead letters")?;
    println!("{count} {done}");
    Ok(())
}

/// Unreadable letters have neither name nor id.
fn or_dash(text: Option<&String>) -> &str {
    text.map_or("-", String::as_str)
}

fn line(letter: &DeadLetter) -> String {
    format!(
        "{}  {}  {}  {}  {}",
        letter.last_failed_at,
        letter.reason,
        or_dash(letter.task.as_ref()),
        or_dash(letter.task_id.as_ref()),
        letter.queue
    )
}

fn whole(letter: &DeadLetter) -> String {
    format!(
        "task          {}\ntask id       {}\nreason        {}\nqueue         {}\n\
         first failed  {}\nlast failed   {}\nerror         {}",
        or_dash(letter.task.as_ref()),
        or_dash(letter.task_id.as_ref()),
        letter.reason,
        letter.queue,
        letter.first_failed_at,
        letter.last_failed_at,
        letter.error
    )
}
