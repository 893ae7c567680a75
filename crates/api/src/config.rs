//! Settings of the API.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use providers::sns::SnsConfig;
use secrecy::{ExposeSecret, SecretString};
use tracing::warn;

use crate::basic_auth::Callers;

/// Settings of the API.
#[derive(clap::Args, Clone, Debug)]
#[group(id = "api")]
pub struct Config {
    /// Port to serve on
    #[arg(long, env = "PORT", default_value_t = 8080)]
    pub port: u16,
    /// Address to serve on
    #[arg(long, env = "POSTROOM_API_HOST", default_value = "0.0.0.0")]
    pub host: String,
    /// Threads that serve requests; one for each core when not given
    #[arg(long, env = "POSTROOM_HTTP_WORKERS")]
    pub http_workers: Option<usize>,
    /// A request is cut off after this many seconds
    #[arg(long, env = "HTTP_SERVE_TIMEOUT_SECONDS", default_value_t = 30)]
    pub http_serve_timeout_seconds: u32,
    /// The head of a request must be here after this many seconds, and its body after as many more
    #[arg(long, env = "POSTROOM_HTTP_READ_SECONDS", default_value_t = 20)]
    pub http_read_seconds: u32,
    /// Path of the metrics page
    #[arg(long, env = "PROMETHEUS_METRICS_PATH", default_value = "/metrics")]
    pub metrics_path: String,
    /// Receipts of SMS providers
    #[command(flatten)]
    pub receipts: ReceiptsConfig,
    /// Text messages that providers bring
    #[command(flatten)]
    pub inbound_sms: InboundSmsConfig,
    /// Receipts of SES
    #[command(flatten)]
    pub sns: SnsConfig,
}

impl Config {
    pub(crate) fn http_workers(&self) -> anyhow::Result<usize> {
        match self.http_workers {
            Some(workers) => Ok(workers.max(1)),
            None => Ok(std::thread::available_parallelism().context("counting cores")?.get()),
        }
    }

    /// How long the head of a request may take to arrive, and then its body.
    pub(crate) fn read_timeout(&self) -> Duration {
        Duration::from_secs(self.http_read_seconds.into())
    }

    /// When the soft time-out fires: half a second before the request would be cut off.
    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.http_serve_timeout_seconds.into())
            .saturating_sub(Duration::from_millis(500))
    }
}

/// How SMS providers prove who they are when they post receipts.
#[derive(clap::Args, Clone, Debug)]
pub struct ReceiptsConfig {
    /// User and password that MMG must present, as JSON: `["user", "password"]`
    #[arg(
        long,
        env = "MMG_DELIVERY_STATUS_CALLBACK_BASIC_AUTH_CREDENTIALS",
        hide_env_values = true
    )]
    pub mmg_receipts_credentials: Option<SecretString>,
    /// User and password that Firetext must present, in the same form
    #[arg(
        long,
        env = "FIRETEXT_DELIVERY_STATUS_CALLBACK_BASIC_AUTH_CREDENTIALS",
        hide_env_values = true
    )]
    pub firetext_receipts_credentials: Option<SecretString>,
    /// User and password that Reach must present, in the same form
    #[arg(long, env = "POSTROOM_REACH_RECEIPTS_CREDENTIALS", hide_env_values = true)]
    pub reach_receipts_credentials: Option<SecretString>,
    /// 1 takes receipts from anybody, for where a proxy checks them
    #[arg(long, env = "POSTROOM_RECEIPTS_WITHOUT_AUTH", default_value = "0")]
    pub receipts_without_auth: String,
}

/// Who may bring receipts.
pub(crate) struct Credentials {
    pub mmg: Callers,
    pub firetext: Callers,
    pub reach: Callers,
}

impl ReceiptsConfig {
    pub(crate) fn credentials(&self) -> anyhow::Result<Credentials> {
        let mmg = "MMG_DELIVERY_STATUS_CALLBACK_BASIC_AUTH_CREDENTIALS";
        let firetext = "FIRETEXT_DELIVERY_STATUS_CALLBACK_BASIC_AUTH_CREDENTIALS";
        let reach = "POSTROOM_REACH_RECEIPTS_CREDENTIALS";
        if self.receipts_without_auth == "1" {
            let anybody = || Callers::Anybody;
            return Ok(Credentials { mmg: anybody(), firetext: anybody(), reach: anybody() });
        }
        let given = [
            (mmg, pair(mmg, self.mmg_receipts_credentials.as_ref())?),
            (firetext, pair(firetext, self.firetext_receipts_credentials.as_ref())?),
            (reach, pair(reach, self.reach_receipts_credentials.as_ref())?),
        ];
        if given.iter().all(|(_, pair)| pair.is_none()) {
            bail!(
                "neither {mmg} nor {firetext} nor {reach} is set, so no text message would get a \
                 receipt; POSTROOM_RECEIPTS_WITHOUT_AUTH=1 does without"
            );
        }
        let [mmg, firetext, reach] = given.map(|(setting, pair)| {
            pair.unwrap_or_else(|| {
                warn!("{setting} is not set: this provider's receipts are refused");
                Callers::NOBODY
            })
        });
        Ok(Credentials { mmg, firetext, reach })
    }
}

/// How providers prove who they are when they bring text messages.
#[derive(clap::Args, Clone, Debug)]
pub struct InboundSmsConfig {
    /// Users that MMG may present, as a JSON list
    #[arg(long, env = "MMG_INBOUND_SMS_USERNAME", default_value = "[]")]
    pub mmg_inbound_users: String,
    /// Passwords that MMG may present, as a JSON list
    #[arg(long, env = "MMG_INBOUND_SMS_AUTH", hide_env_values = true, default_value = "[]")]
    pub mmg_inbound_passwords: SecretString,
    /// Passwords that Firetext may present with the user `notify`, as a JSON list
    #[arg(long, env = "FIRETEXT_INBOUND_SMS_AUTH", hide_env_values = true, default_value = "[]")]
    pub firetext_inbound_passwords: SecretString,
}

/// Who may bring text messages.
pub(crate) struct InboundCredentials {
    pub mmg: Callers,
    pub firetext: Callers,
}

impl InboundSmsConfig {
    pub(crate) fn credentials(&self) -> anyhow::Result<InboundCredentials> {
        let mmg_users = list("MMG_INBOUND_SMS_USERNAME", &self.mmg_inbound_users)?;
        let mmg = list("MMG_INBOUND_SMS_AUTH", self.mmg_inbound_passwords.expose_secret())?;
        let firetext =
            list("FIRETEXT_INBOUND_SMS_AUTH", self.firetext_inbound_passwords.expose_secret())?;
        Ok(InboundCredentials {
            mmg: known(mmg_users, mmg),
            firetext: known(vec!["notify".to_owned()], firetext),
        })
    }
}

fn known(users: Vec<String>, passwords: Vec<String>) -> Callers {
    Callers::Known { users, passwords: passwords.into_iter().map(SecretString::from).collect() }
}

/// A JSON list of user and password; `null` is none. The parser's own error could repeat the
/// password.
fn pair(setting: &str, json: Option<&SecretString>) -> anyhow::Result<Option<Callers>> {
    let Some(json) = json else { return Ok(None) };
    let pair: Option<(String, String)> = serde_json::from_str(json.expose_secret())
        .map_err(|_| anyhow!("{setting} is not a JSON list of two texts"))?;
    Ok(pair.map(|(user, password)| known(vec![user], vec![password])))
}

/// A JSON list of texts; nothing at all is an empty one.
fn list(setting: &str, json: &str) -> anyhow::Result<Vec<String>> {
    let json = if json.is_empty() { "[]" } else { json };
    serde_json::from_str(json).map_err(|_| anyhow!("{setting} is not a JSON list of texts"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(mmg: Option<&str>, without_auth: &str) -> anyhow::Result<Credentials> {
        let config = ReceiptsConfig {
            mmg_receipts_credentials: mmg.map(SecretString::from),
            firetext_receipts_credentials: None,
            reach_receipts_credentials: None,
            receipts_without_auth: without_auth.to_owned(),
        };
        config.credentials()
    }

    #[test]
    fn receipts_need_credentials_unless_an_operator_opts_out() {
        assert!(credentials(None, "0").is_err());
        assert!(credentials(Some("null"), "0").is_err());
        let given = credentials(Some(r#"["u", "p"]"#), "0").unwrap();
        assert!(matches!(given.mmg, Callers::Known { users, .. } if users == ["u"]));
        assert!(matches!(given.firetext, Callers::Known { users, .. } if users.is_empty()));
        let open = credentials(None, "1").unwrap();
        assert!(matches!((open.mmg, open.reach), (Callers::Anybody, Callers::Anybody)));
    }

    #[test]
    fn unreadable_credentials_are_named_and_not_repeated() {
        let error = credentials(Some(r#"["u", "secret""#), "0").err().unwrap().to_string();
        assert!(error.starts_with("MMG_DELIVERY_STATUS") && !error.contains("secret"), "{error}");
        assert!(list("X", "[1]").is_err() && list("X", "").unwrap().is_empty());
    }
}
