//! Text messages by MMG's JSON API.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{
    Client, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use crate::{
    ConfigError, Error, Sms, SmsAccepted, SmsSender,
    error::Refusal,
    http::{self, exchange, milliseconds},
    measure::measured,
    sms::receipt_url,
};

/// How to reach MMG.
#[derive(clap::Args, Clone, Debug)]
pub struct MmgConfig {
    /// Where MMG takes messages
    #[arg(long, env = "MMG_URL", default_value = "https://api.mmg.co.uk/jsonv2a/api.php")]
    pub mmg_url: Url,
    /// Key for MMG, sent as it is after the word `Basic`; without one MMG is not used
    #[arg(long, env = "MMG_API_KEY", hide_env_values = true)]
    pub mmg_api_key: Option<SecretString>,
    /// Where MMG shall post receipts; unset: as set up at MMG
    #[arg(long, env = "MMG_RECEIPT_URL")]
    pub mmg_receipt_url: Option<Url>,
    /// User and password that MMG shall present there, as JSON: `["user", "password"]`
    #[arg(
        long,
        env = "MMG_DELIVERY_STATUS_CALLBACK_BASIC_AUTH_CREDENTIALS",
        hide_env_values = true
    )]
    pub mmg_receipt_credentials: Option<SecretString>,
    /// Longest wait for MMG's answer, in milliseconds
    #[arg(long = "mmg-timeout-ms", env = "POSTROOM_MMG_TIMEOUT_MS", default_value = "10000", value_parser = milliseconds)]
    pub mmg_timeout: Duration,
}

/// Sends through MMG. No error of its is permanent: MMG's codes are not documented.
pub struct Mmg {
    client: Client,
    url: Url,
    authorization: HeaderValue,
    receipt_url: Option<SecretString>,
}

impl Mmg {
    /// The sender, or `None` when no key is configured.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting that is unusable.
    pub fn from_config(config: &MmgConfig) -> Result<Option<Self>, ConfigError> {
        let Some(key) = &config.mmg_api_key else {
            return Ok(None);
        };
        let mut authorization = HeaderValue::try_from(format!("Basic {}", key.expose_secret()))
            .map_err(|error| ConfigError::new("MMG_API_KEY", error))?;
        authorization.set_sensitive(true);
        Ok(Some(Self {
            client: http::client(config.mmg_timeout)
                .map_err(|error| ConfigError::new("The HTTP client for MMG", error))?,
            url: config.mmg_url.clone(),
            authorization,
            receipt_url: receipt_url(
                config.mmg_receipt_url.as_ref(),
                config.mmg_receipt_credentials.as_ref(),
                "MMG_DELIVERY_STATUS_CALLBACK_BASIC_AUTH_CREDENTIALS",
            )?,
        }))
    }

    async fn post(&self, sms: &Sms<'_>) -> Result<SmsAccepted, Error> {
        let body = ascii_json(&Request {
            req_type: "BULK",
            msisdn: sms.to,
            msg: sms.content,
            sender: sms.sender,
            cid: sms.reference,
            multi: true,
            delurl: self.receipt_url.as_ref().map(ExposeSecret::expose_secret),
        });
        let request = self
            .client
            .post(self.url.clone())
            .header(AUTHORIZATION, &self.authorization)
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        let answer = exchange(request).await?;
        let json = serde_json::from_slice::<Value>(&answer.body);
        match json {
            Ok(_) if answer.status.is_success() => {
                Ok(SmsAccepted { reference: None, receipts: true })
            }
            Err(error) if answer.status.is_success() => Err(Error::Temporary {
                what: "The answer is not JSON",
                maybe_taken: true,
                throttled: false,
                source: Some(error.into()),
            }),
            json => {
                let code = json.map(|json| json["Error"].to_string());
                Err(Error::Temporary {
                    what: "The request was refused",
                    maybe_taken: false,
                    throttled: answer.status == StatusCode::TOO_MANY_REQUESTS,
                    source: Some(
                        Refusal::new(answer.status.as_u16(), &code.unwrap_or_default()).into(),
                    ),
                })
            }
        }
    }
}

#[async_trait]
impl SmsSender for Mmg {
    fn name(&self) -> &'static str {
        "mmg"
    }

    async fn send(&self, sms: &Sms<'_>) -> Result<SmsAccepted, Error> {
        measured(self.name(), self.post(sms)).await
    }
}

#[derive(Serialize)]
struct Request<'a> {
    #[serde(rename = "reqType")]
    req_type: &'static str,
    #[serde(rename = "MSISDN")]
    msisdn: &'a str,
    msg: &'a str,
    sender: Option<&'a str>,
    cid: Uuid,
    /// MMG splits long texts itself.
    multi: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    delurl: Option<&'a str>,
}

/// JSON with everything outside ASCII as `\uXXXX`, which is what MMG is used to.
fn ascii_json(request: &Request<'_>) -> String {
    let json = serde_json::to_string(request).expect("text, a number and booleans are valid JSON");
    let mut ascii = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    ascii
}

#[cfg(test)]
mod tests {
    use super::{Request, Uuid, ascii_json};

    #[test]
    fn text_outside_ascii_is_escaped() {
        let json = ascii_json(&Request {
            req_type: "BULK",
            msisdn: "447700900001",
            msg: "\"Tŷ\" 🐘\n",
            sender: None,
            cid: Uuid::nil(),
            multi: true,
            delurl: None,
        });
        assert_eq!(
            json,
            r#"{"reqType":"BULK","MSISDN":"447700900001","msg":"\"T\u0177\" \ud83d\udc18\n","sender":null,"cid":"00000000-0000-0000-0000-000000000000","multi":true}"#
        );
    }
}
