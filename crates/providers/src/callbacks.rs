//! Callbacks to the endpoints that services configure.

use std::{error::Error as StdError, time::Duration};

use reqwest::{
    Client, StatusCode,
    header::{CONTENT_TYPE, HeaderValue},
    redirect::{Attempt, Policy},
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{
    ConfigError,
    http::{self, milliseconds},
    measure::{Label, measured},
    public_address::{NotPublic, PublicOnly, is_literally_private},
};

/// How callbacks are made.
#[derive(clap::Args, Clone, Debug)]
pub struct CallbackConfig {
    /// Let callbacks go to private addresses, e.g. to this machine. For development
    #[arg(
        long,
        env = "POSTROOM_CALLBACK_ALLOW_PRIVATE",
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub callback_allow_private: bool,
    /// Redirects that a callback may follow
    #[arg(long, env = "POSTROOM_CALLBACK_REDIRECTS", default_value_t = 0)]
    pub callback_redirects: usize,
    /// Longest wait for a callback's answer, in milliseconds
    #[arg(long = "callback-timeout-ms", env = "POSTROOM_CALLBACK_TIMEOUT_MS", default_value = "5000", value_parser = milliseconds)]
    pub callback_timeout: Duration,
}

/// How a callback ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint took it.
    Delivered,
    /// No answer in time, or one that asks for another attempt (429, 500 and above).
    Retryable {
        /// The status, if there was an answer.
        status: Option<u16>,
    },
    /// Any other status: the endpoint will not take it.
    Refused(u16),
    /// Never sent: the URL is malformed or leads to a private address.
    BadTarget,
}

impl Label for Outcome {
    fn label(&self) -> &'static str {
        match self {
            Self::Delivered => "accepted",
            Self::Retryable { .. } => "temporary",
            Self::Refused(_) | Self::BadTarget => "permanent",
        }
    }
}

/// Posts callbacks.
pub struct CallbackClient {
    client: Client,
    allow_private: bool,
}

impl CallbackClient {
    /// The client.
    ///
    /// # Errors
    /// When the machine has no usable TLS roots.
    pub fn from_config(config: &CallbackConfig) -> Result<Self, ConfigError> {
        let allow_private = config.callback_allow_private;
        let redirects = config.callback_redirects;
        let mut builder = http::builder(config.callback_timeout)
            .redirect(Policy::custom(move |attempt| follow(attempt, redirects, allow_private)));
        if !allow_private {
            // A proxy would resolve names itself, past our check.
            builder = builder.no_proxy().dns_resolver(PublicOnly);
        }
        Ok(Self {
            client: builder
                .build()
                .map_err(|error| ConfigError::new("The HTTP client for callbacks", error))?,
            allow_private,
        })
    }

    /// Posts `body`, which is JSON, with the service's bearer token and these headers.
    pub async fn post(
        &self,
        url: &str,
        token: &SecretString,
        body: String,
        headers: &[(&'static str, String)],
    ) -> Outcome {
        measured("callback", self.exchange(url, token, body, headers)).await
    }

    async fn exchange(
        &self,
        url: &str,
        token: &SecretString,
        body: String,
        headers: &[(&'static str, String)],
    ) -> Outcome {
        let Ok(url) = Url::parse(url) else {
            return Outcome::BadTarget;
        };
        if !self.allow_private && is_literally_private(&url) {
            return Outcome::BadTarget;
        }
        let mut request = self.client.post(url).bearer_auth(token.expose_secret());
        for (name, value) in headers {
            // Another producer's task may have an id that no header can hold.
            if let Ok(value) = HeaderValue::from_str(value) {
                request = request.header(*name, value);
            }
        }
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        match request.send().await {
            Ok(response) => {
                let outcome = outcome(response.status());
                // Read so that the connection can be used again. What it says does not matter.
                let _ = http::read(response).await;
                outcome
            }
            Err(error) if error.is_builder() || is_not_public(&error) => Outcome::BadTarget,
            Err(_) => Outcome::Retryable { status: None },
        }
    }
}

fn outcome(status: StatusCode) -> Outcome {
    if status.is_success() {
        Outcome::Delivered
    } else if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        Outcome::Retryable { status: Some(status.as_u16()) }
    } else {
        Outcome::Refused(status.as_u16())
    }
}

/// Past `limit` a redirect is the answer. Each hop is checked like the first URL.
fn follow(attempt: Attempt<'_>, limit: usize, allow_private: bool) -> reqwest::redirect::Action {
    if attempt.previous().len() > limit {
        attempt.stop()
    } else if !allow_private && is_literally_private(attempt.url()) {
        attempt.error(NotPublic)
    } else {
        attempt.follow()
    }
}

fn is_not_public(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<NotPublic>() {
            return true;
        }
        cause = error.source();
    }
    false
}
