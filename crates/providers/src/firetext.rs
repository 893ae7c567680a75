//! Text messages by Firetext's form API (public API contract §11.2).

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use crate::{
    ConfigError, Error, Sms, SmsAccepted, SmsSender,
    error::Refusal,
    http::{self, exchange, milliseconds},
    measure::measured,
    sms::receipt_url,
};

/// How to reach Firetext.
#[derive(clap::Args, Clone, Debug)]
pub struct FiretextConfig {
    /// Where Firetext takes messages
    #[arg(
        long,
        env = "FIRETEXT_URL",
        default_value = "https://www.firetext.co.uk/api/sendsms/json"
    )]
    pub firetext_url: Url,
    /// Key for Firetext; without one Firetext is not used
    #[arg(long, env = "FIRETEXT_API_KEY", hide_env_values = true)]
    pub firetext_api_key: Option<SecretString>,
    /// Key for messages that go abroad
    #[arg(
        long,
        env = "FIRETEXT_INTERNATIONAL_API_KEY",
        hide_env_values = true,
        default_value = "placeholder"
    )]
    pub firetext_international_api_key: SecretString,
    /// Where Firetext shall post receipts; unset: as set up at Firetext
    #[arg(long, env = "FIRETEXT_RECEIPT_URL")]
    pub firetext_receipt_url: Option<Url>,
    /// User and password that Firetext shall present there, as JSON: `["user", "password"]`
    #[arg(
        long,
        env = "FIRETEXT_DELIVERY_STATUS_CALLBACK_BASIC_AUTH_CREDENTIALS",
        hide_env_values = true
    )]
    pub firetext_receipt_credentials: Option<SecretString>,
    /// Longest wait for Firetext's answer, in milliseconds
    #[arg(long = "firetext-timeout-ms", env = "POSTROOM_FIRETEXT_TIMEOUT_MS", default_value = "10000", value_parser = milliseconds)]
    pub firetext_timeout: Duration,
}

/// Sends through Firetext. No error of its is permanent: Firetext's codes are not documented.
pub struct Firetext {
    client: Client,
    url: Url,
    key: SecretString,
    international_key: SecretString,
    receipt_url: Option<SecretString>,
}

impl Firetext {
    /// The sender, or `None` when no key is configured.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting that is unusable.
    pub fn from_config(config: &FiretextConfig) -> Result<Option<Self>, ConfigError> {
        let Some(key) = &config.firetext_api_key else {
            return Ok(None);
        };
        Ok(Some(Self {
            client: http::client(config.firetext_timeout)
                .map_err(|error| ConfigError::new("The HTTP client for Firetext", error))?,
            url: config.firetext_url.clone(),
            key: key.clone(),
            international_key: config.firetext_international_api_key.clone(),
            receipt_url: receipt_url(
                config.firetext_receipt_url.as_ref(),
                config.firetext_receipt_credentials.as_ref(),
                "FIRETEXT_DELIVERY_STATUS_CALLBACK_BASIC_AUTH_CREDENTIALS",
            )?,
        }))
    }

    async fn post(&self, sms: &Sms<'_>) -> Result<SmsAccepted, Error> {
        let key = if sms.international { &self.international_key } else { &self.key };
        let (to, reference) = (sms.to.replace('+', ""), sms.reference.to_string());
        let mut form = vec![
            ("apiKey", key.expose_secret()),
            ("to", &to),
            ("message", sms.content),
            ("reference", &reference),
        ];
        form.extend(sms.sender.map(|sender| ("from", sender)));
        form.extend(self.receipt_url.as_ref().map(|url| ("receipt", url.expose_secret())));
        let answer = exchange(self.client.post(self.url.clone()).form(&form)).await?;
        let json = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
        let code = &json["code"];
        if !answer.status.is_success() {
            return Err(Error::Temporary {
                what: "The request was refused",
                maybe_taken: false,
                throttled: answer.status == StatusCode::TOO_MANY_REQUESTS,
                source: Some(Refusal::new(answer.status.as_u16(), &code.to_string()).into()),
            });
        }
        match code.as_i64() {
            Some(0) => Ok(SmsAccepted { reference: None, receipts: true }),
            code => Err(Error::Temporary {
                what: "The answer is not one of success",
                // A code is a refusal; without one nobody knows.
                maybe_taken: code.is_none(),
                throttled: false,
                source: code
                    .map(|code| Refusal::new(answer.status.as_u16(), &code.to_string()).into()),
            }),
        }
    }
}

#[async_trait]
impl SmsSender for Firetext {
    fn name(&self) -> &'static str {
        "firetext"
    }

    async fn send(&self, sms: &Sms<'_>) -> Result<SmsAccepted, Error> {
        measured(self.name(), self.post(sms)).await
    }
}
