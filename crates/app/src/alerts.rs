//! The one way in which the system calls for its operators. Every alert is a log line and a metric,
//! and names the section of `deploy/runbook.md` that says what to do; some are also a ticket, where
//! tickets are switched on.

use ::providers::zendesk::{Ticket, Zendesk, ZendeskConfig};
use domain::london;
use time::Duration;
use tracing::{error, warn};

use crate::{App, Error};

/// How long it is remembered that a ticket was made: nobody gets the same one twice on a day.
const TICKET_KEPT: Duration = Duration::hours(24);

/// Settings of alerts.
#[derive(clap::Args, Clone, Debug)]
pub struct AlertsConfig {
    /// Name of this installation, at the beginning of the subjects of tickets
    #[arg(long, env = "NOTIFY_ENVIRONMENT", default_value = "development")]
    pub environment: String,
    /// Age in seconds from which a message that is still `created` is a reason for an alert
    #[arg(long, env = "POSTROOM_STILL_CREATED_ALERT_SECONDS", default_value_t = 3600)]
    pub still_created_alert_seconds: u32,
    /// Tickets
    #[command(flatten)]
    pub zendesk: ZendeskConfig,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Somebody should look in working hours.
    Warning,
    /// Somebody should look now.
    Error,
}

/// Something that operators should know.
#[derive(Clone, Debug)]
pub struct Alert<'a> {
    /// Its name: the label of the metric, and the section of the runbook.
    name: &'static str,
    severity: Severity,
    text: &'a str,
    ticket: Option<TicketKind>,
}

/// What the ticket of an alert looks like.
#[derive(Clone, Copy, Debug)]
pub struct TicketKind {
    /// The subject.
    pub subject: &'static str,
    /// Whether the subject begins with the installation's name.
    pub names_environment: bool,
    /// The operators' own word for this kind of task.
    pub task_type: &'static str,
}

impl<'a> Alert<'a> {
    /// An alert without a ticket. `text` names no person, number or address.
    #[must_use]
    pub fn new(name: &'static str, severity: Severity, text: &'a str) -> Self {
        Self { name, severity, text, ticket: None }
    }

    /// The same with a ticket.
    #[must_use]
    pub fn with_ticket(self, ticket: TicketKind) -> Self {
        Self { ticket: Some(ticket), ..self }
    }
}

impl App {
    /// Calls for the operators.
    ///
    /// # Errors
    /// [`Error::Internal`] when there should be a ticket and it could not be made.
    pub async fn raise(&self, alert: &Alert<'_>) -> Result<(), Error> {
        let (name, text) = (alert.name, alert.text);
        let runbook = format!("deploy/runbook.md#{name}");
        metrics::counter!("alerts_total", "alert" => name).increment(1);
        match alert.severity {
            Severity::Warning => warn!(alert = name, runbook, "{text}"),
            Severity::Error => error!(alert = name, runbook, "{text}"),
        }
        let (Some(kind), Some(zendesk)) = (alert.ticket, &self.0.zendesk) else { return Ok(()) };
        self.file(zendesk, name, kind, text).await
    }

    /// Makes the ticket, once a day.
    async fn file(
        &self,
        zendesk: &Zendesk,
        name: &str,
        kind: TicketKind,
        text: &str,
    ) -> Result<(), Error> {
        let now = self.clock().now();
        let day = london::in_london(now).unwrap_or(now).date();
        let key = format!("ticket-{name}-{day}");
        if !self.0.limits.is_first(&key, TICKET_KEPT).await {
            return Ok(());
        }
        let environment = &self.0.environment;
        let subject = match kind.names_environment {
            true => format!("[{environment}] {}", kind.subject),
            false => kind.subject.to_owned(),
        };
        let body = format!("{text}\n\nWhat to do: deploy/runbook.md#{name}");
        let ticket = Ticket { subject: &subject, body: &body, task_type: kind.task_type };
        if let Err(error) = zendesk.create(&ticket).await {
            self.0.limits.forget_first(&key).await;
            return Err(anyhow::Error::from(error).context("making a ticket").into());
        }
        Ok(())
    }
}
