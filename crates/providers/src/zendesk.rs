//! Tickets for the operators, at Zendesk (public API contract §11.6).

use std::time::Duration;

use reqwest::{Client, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

use crate::{
    ConfigError, Error,
    error::Refusal,
    http::{self, exchange, milliseconds},
    measure::measured,
};

/// Whether and where tickets are made. The ids are those of the original's operators.
#[derive(clap::Args, Clone, Debug)]
pub struct ZendeskConfig {
    /// 1 makes tickets of some alerts
    #[arg(long, env = "SEND_ZENDESK_ALERTS_ENABLED", default_value = "0")]
    pub zendesk_alerts_enabled: String,
    /// Where Zendesk answers
    #[arg(long, env = "POSTROOM_ZENDESK_URL", default_value = "https://govuk.zendesk.com")]
    pub zendesk_url: Url,
    /// Who makes tickets
    #[arg(
        long,
        env = "POSTROOM_ZENDESK_USER",
        default_value = "zd-api-notify@digital.cabinet-office.gov.uk/token"
    )]
    pub zendesk_user: String,
    /// Their key
    #[arg(long, env = "ZENDESK_API_KEY", hide_env_values = true)]
    pub zendesk_api_key: Option<SecretString>,
    /// Group that gets tickets
    #[arg(long, env = "POSTROOM_ZENDESK_GROUP_ID", default_value_t = 360_000_036_529)]
    pub zendesk_group_id: u64,
    /// Organisation that tickets are for
    #[arg(long, env = "POSTROOM_ZENDESK_ORGANISATION_ID", default_value_t = 21_891_972)]
    pub zendesk_organisation_id: u64,
    /// Form of tickets
    #[arg(long, env = "POSTROOM_ZENDESK_FORM_ID", default_value_t = 14_226_867_890_588)]
    pub zendesk_form_id: u64,
    /// Longest wait for Zendesk's answer, in milliseconds
    #[arg(long = "zendesk-timeout-ms", env = "POSTROOM_ZENDESK_TIMEOUT_MS", default_value = "10000", value_parser = milliseconds)]
    pub zendesk_timeout: Duration,
}

/// A ticket to be made.
#[derive(Clone, Copy, Debug)]
pub struct Ticket<'a> {
    /// What it is about, in a line.
    pub subject: &'a str,
    /// All of it.
    pub body: &'a str,
    /// The operators' own word for this kind of task, e.g. `notify_task_high_failure`.
    pub task_type: &'a str,
}

/// Makes tickets.
pub struct Zendesk {
    client: Client,
    url: String,
    user: String,
    key: SecretString,
    group_id: u64,
    organisation_id: u64,
    form_id: u64,
}

impl Zendesk {
    /// The client, or `None` when tickets are switched off.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting that is missing.
    pub fn from_config(config: &ZendeskConfig) -> Result<Option<Self>, ConfigError> {
        if config.zendesk_alerts_enabled != "1" {
            return Ok(None);
        }
        let key = config.zendesk_api_key.clone().ok_or_else(|| {
            ConfigError::new("ZENDESK_API_KEY", "SEND_ZENDESK_ALERTS_ENABLED=1 needs it")
        })?;
        let url = config.zendesk_url.as_str().trim_end_matches('/');
        Ok(Some(Self {
            client: http::client(config.zendesk_timeout)
                .map_err(|error| ConfigError::new("The HTTP client for Zendesk", error))?,
            url: format!("{url}/api/v2/tickets.json"),
            user: config.zendesk_user.clone(),
            key,
            group_id: config.zendesk_group_id,
            organisation_id: config.zendesk_organisation_id,
            form_id: config.zendesk_form_id,
        }))
    }

    /// Makes a ticket. One that Zendesk does not take because its requester is suspended counts as
    /// made.
    ///
    /// # Errors
    /// [`Error::Temporary`] when there may be none.
    pub async fn create(&self, ticket: &Ticket<'_>) -> Result<(), Error> {
        measured("zendesk", self.post(ticket)).await
    }

    async fn post(&self, ticket: &Ticket<'_>) -> Result<(), Error> {
        let request = self
            .client
            .post(&self.url)
            .basic_auth(&self.user, Some(self.key.expose_secret()))
            .json(&self.request(ticket));
        let answer = exchange(request).await?;
        if answer.status == StatusCode::CREATED || is_suspended(answer.status, &answer.body) {
            return Ok(());
        }
        Err(Error::Temporary {
            what: "The ticket was refused",
            maybe_taken: false,
            throttled: answer.status == StatusCode::TOO_MANY_REQUESTS,
            source: Some(Refusal::new(answer.status.as_u16(), "").into()),
        })
    }

    fn request(&self, ticket: &Ticket<'_>) -> Value {
        let field = |id: &str, value: Value| json!({ "id": id, "value": value });
        json!({ "ticket": {
            "subject": ticket.subject,
            "comment": { "body": ticket.body, "public": true },
            "group_id": self.group_id,
            "organization_id": self.organisation_id,
            "ticket_form_id": self.form_id,
            "priority": "normal",
            "tags": ["govuk_notify_support"],
            "type": "task",
            "custom_fields": [
                field("14229641690396", ticket.task_type.into()),
                // Organisation, its type, service, and when that was made: unknown.
                field("360022943959", Value::Null),
                field("360022943979", Value::Null),
                field("1900000745014", Value::Null),
                field("15925693889308", Value::Null),
                field("1900000744994", "notify_ticket_type_technical".into()),
            ],
        }})
    }
}

fn is_suspended(status: StatusCode, body: &[u8]) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let description = body["details"]["requester"][0]["description"].as_str();
    status == StatusCode::UNPROCESSABLE_ENTITY
        && description.is_some_and(|text| text.contains("suspended"))
}
