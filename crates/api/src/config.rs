//! Settings of the API.

use std::time::Duration;

use anyhow::Context;
use providers::sns::SnsConfig;
use secrecy::{ExposeSecret, SecretString};

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
    /// Path of the metrics page
    #[arg(long, env = "PROMETHEUS_METRICS_PATH", default_value = "/metrics")]
    pub metrics_path: String,
    /// Receipts of SMS providers
    #[command(flatten)]
    pub receipts: ReceiptsConfig,
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
    /// 1 takes receipts from anybody, for where a proxy checks them
    #[arg(long, env = "POSTROOM_RECEIPTS_WITHOUT_AUTH", default_value = "0")]
    pub receipts_without_auth: String,
}

/// What a provider must present with its receipts.
pub(crate) struct Credentials {
    /// `user:password`; `None` when an operator has opted out.
    pub mmg: Option<SecretString>,
}

impl ReceiptsConfig {
    pub(crate) fn credentials(&self) -> anyhow::Result<Credentials> {
        const SETTING: &str = "MMG_DELIVERY_STATUS_CALLBACK_BASIC_AUTH_CREDENTIALS";
        if self.receipts_without_auth == "1" {
            return Ok(Credentials { mmg: None });
        }
        let pair = self.mmg_receipts_credentials.as_ref().with_context(|| {
            format!("{SETTING} is not set; POSTROOM_RECEIPTS_WITHOUT_AUTH=1 does without")
        })?;
        // The parser's own error could repeat the password.
        let (user, password): (String, String) = serde_json::from_str(pair.expose_secret())
            .map_err(|_| anyhow::anyhow!("{SETTING} is not a JSON list of two texts"))?;
        Ok(Credentials { mmg: Some(format!("{user}:{password}").into()) })
    }
}
