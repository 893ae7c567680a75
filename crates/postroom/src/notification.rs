//! `postroom notification show`: what became of one message, and why.

use anyhow::{Context, ensure};
use domain::{Clock, NotificationId, NotificationStatus};
use queue::{Broker, dead_letters::Verdict};
use store::{DatabaseConfig, stories, stories::Story};
use time::OffsetDateTime;

use crate::{broker::BrokerOptions, processes::source};

/// `postroom notification`
#[derive(clap::Args)]
pub(crate) struct Notification {
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(flatten)]
    broker: BrokerOptions,
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Show all that is known of one message, without its recipient and its text
    Show {
        /// Its id
        id: NotificationId,
    },
}

impl Notification {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        runtime::start_command()?;
        let Action::Show { id } = self.action;
        let clock = Clock::system();
        let db = self.database.pool()?.get().await.context("connecting to the database")?;
        let story = stories::find(&db, id).await?;
        let story = story.with_context(|| format!("there is no notification {id}"))?;
        println!("notification  {id}");
        for (name, value) in facts(&story, clock.now()) {
            println!("{name:<13} {value}");
        }
        for waiting in stories::waiting(&db, id).await? {
            let stories::Waiting { task, queue, since } = waiting;
            println!("in the outbox {task} for {queue}, since {since}");
        }
        let broker = Broker::connect(&self.broker.config(), source(&clock)).await;
        let letters = dead_letters(&broker, id).await;
        broker.close().await;
        letters
    }
}

/// Each fact with its name, in the order of time.
fn facts(story: &Story, now: OffsetDateTime) -> Vec<(&'static str, String)> {
    let Story { service_id, service_name, template_id, template_version, .. } = story;
    let mut facts = vec![
        ("service", format!("{service_id} {service_name}")),
        ("template", format!("{template_id} version {template_version}")),
        ("type", format!("{}, with a {} key", story.notification_type, story.key_type)),
    ];
    if let Some((job, row)) = story.job {
        let row = row.map(|row| format!(", row {row}")).unwrap_or_default();
        facts.push(("job", format!("{job}{row}")));
    }
    facts.push(("accepted", story.created_at.to_string()));
    if let Some(at) = story.sent_at {
        let by = story.sent_by.as_deref().unwrap_or("an unknown provider");
        let reference = story.reference.as_ref().map(|id| format!(", as {id}"));
        facts.push(("sent", format!("{at} by {by}{}", reference.unwrap_or_default())));
    }
    let since = story.updated_at.map(|at| format!(", since {at}")).unwrap_or_default();
    let archived = if story.archived { "; archived" } else { "" };
    facts.push(("status", format!("{}{since}{archived}", story.status)));
    if story.billable_units > 0 {
        facts.push(("billed units", story.billable_units.to_string()));
    }
    if story.status == NotificationStatus::Created {
        facts.push(("not sent yet", waits_for(story, now)));
    }
    if let Some(error) = &story.sending.last_error {
        facts.push(("last error", error.clone()));
    }
    facts
}

/// What a message that is still `created` waits for.
fn waits_for(story: &Story, now: OffsetDateTime) -> String {
    let attempt = story.sending.attempt.unwrap_or_default();
    match (story.sending.claimed_until, story.sending.next_attempt_at) {
        (Some(until), _) if until > now => {
            format!("a worker is at attempt {attempt}, and holds it until {until}")
        }
        (Some(until), _) => {
            format!("the worker of attempt {attempt} died with it; its claim ran out at {until}")
        }
        (None, Some(due)) => format!("attempt {attempt} is due at {due}"),
        (None, None) => "no worker has taken it: its task waits in its queue or in the outbox; \
                         if both have lost it, it is queued again an hour after it was accepted"
            .to_owned(),
    }
}

/// The dead letters of tasks that name the notification.
async fn dead_letters(broker: &Broker, id: NotificationId) -> anyhow::Result<()> {
    ensure!(broker.is_connected(), "CELERY_BROKER_URL: the broker does not answer");
    let id = id.to_string();
    queue::dead_letters::sift(broker, |letter| {
        if letter.mentions(&id) {
            let task = letter.task.as_deref().unwrap_or("unknown");
            println!("dead letter   {task}, {}: {}", letter.reason, letter.error);
        }
        Verdict::Keep
    })
    .await
    .context("going through the dead letters")?;
    Ok(())
}
