//! Emails by Amazon SES, API version 2.

use std::time::Duration;

use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_STANDARD};
use domain::Clock;
use reqwest::{Client, StatusCode, header::HeaderName};
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

use crate::{
    ConfigError, Email, EmailAccepted, EmailSender, Error,
    aws::Signer,
    email::ascii_address,
    error::Refusal,
    http::{self, Answer, exchange, milliseconds},
    measure::measured,
};

/// Refusals of this one message. All others concern the account or the moment.
/// `InvalidParameterValue` is what API version 1 said for the first.
const PERMANENT: [&str; 3] = ["BadRequestException", "MessageRejected", "InvalidParameterValue"];

/// How to reach SES.
#[derive(clap::Args, Clone, Debug)]
pub struct SesConfig {
    /// Where SES answers, if not at the region's usual address
    #[arg(long, env = "AWS_ENDPOINT_URL_SESV2")]
    pub ses_endpoint: Option<Url>,
    /// Region of SES
    #[arg(long, env = "AWS_REGION", default_value = "eu-west-1")]
    pub ses_region: String,
    /// Configuration set of SES that publishes our receipts. Only events of a configuration set
    /// carry the tag with our id, which finds an email whose SES id was lost
    #[arg(long, env = "POSTROOM_SES_CONFIGURATION_SET")]
    pub ses_configuration_set: Option<String>,
    /// Access key for SES; without one SES is not used
    #[arg(long, env = "AWS_ACCESS_KEY_ID", hide_env_values = true)]
    pub ses_access_key_id: Option<SecretString>,
    /// Secret of the access key
    #[arg(long, env = "AWS_SECRET_ACCESS_KEY", hide_env_values = true)]
    pub ses_secret_access_key: Option<SecretString>,
    /// Session token, if the access key is a temporary one
    #[arg(long, env = "AWS_SESSION_TOKEN", hide_env_values = true)]
    pub ses_session_token: Option<SecretString>,
    /// Longest wait for SES's answer, in milliseconds
    #[arg(long = "ses-timeout-ms", env = "POSTROOM_SES_TIMEOUT_MS", default_value = "10000", value_parser = milliseconds)]
    pub ses_timeout: Duration,
}

/// Sends through SES. The notification's id goes along as the tag `notification_id`, so that a
/// receipt can be matched even when the answer with SES's own id was lost.
pub struct Ses {
    client: Client,
    url: Url,
    configuration_set: Option<String>,
    signer: Signer,
}

impl Ses {
    /// The sender, or `None` when no access key is configured.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting that is unusable.
    pub fn from_config(config: &SesConfig, clock: Clock) -> Result<Option<Self>, ConfigError> {
        let (Some(key), Some(secret)) = (&config.ses_access_key_id, &config.ses_secret_access_key)
        else {
            return Ok(None);
        };
        let endpoint = match &config.ses_endpoint {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("https://email.{}.amazonaws.com", config.ses_region),
        };
        Ok(Some(Self {
            client: http::client(config.ses_timeout)
                .map_err(|error| ConfigError::new("The HTTP client for SES", error))?,
            url: format!("{endpoint}/v2/email/outbound-emails").parse().map_err(
                |error: url::ParseError| {
                    ConfigError::new("AWS_ENDPOINT_URL_SESV2 or AWS_REGION", error)
                },
            )?,
            configuration_set: config.ses_configuration_set.clone(),
            signer: Signer::new(
                "ses",
                &config.ses_region,
                (key, secret, config.ses_session_token.as_ref()),
                clock,
            ),
        }))
    }

    async fn post(&self, email: &Email<'_>) -> Result<EmailAccepted, Error> {
        let body = request(email, self.configuration_set.as_deref())?.to_string();
        let request = self.client.post(self.url.clone());
        let answer =
            exchange(self.signer.sign(request, &self.url, "application/json", body)?).await?;
        if !answer.status.is_success() {
            return Err(refused(&answer));
        }
        // A page of something in between says nothing. If SES has the email all the same, its receipt
        // comes before the next attempt.
        let body: Value =
            serde_json::from_slice(&answer.body).map_err(|source| Error::Temporary {
                what: "The answer is not JSON",
                maybe_taken: true,
                throttled: false,
                source: Some(source.into()),
            })?;
        // Accepted is accepted: without an id in it the receipt is matched by the tag alone.
        Ok(EmailAccepted {
            reference: body["MessageId"].as_str().map(str::to_owned),
            receipts: true,
        })
    }
}

#[async_trait]
impl EmailSender for Ses {
    fn name(&self) -> &'static str {
        "ses"
    }

    async fn send(&self, email: &Email<'_>) -> Result<EmailAccepted, Error> {
        measured(self.name(), self.post(email)).await
    }
}

/// The body of `SendEmail`.
fn request(email: &Email<'_>, configuration_set: Option<&str>) -> Result<Value, Error> {
    let reply_to = email.reply_to.map(ascii_address).transpose()?;
    let headers = email.unsubscribe_link.map(|link| {
        json!([
            {"Name": "List-Unsubscribe", "Value": format!("<{link}>")},
            {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
        ])
    });
    let mut request = json!({
        "FromEmailAddress": format!("{} <{}>", display_name(email.from_name), email.from_address),
        "Destination": {
            "ToAddresses": [ascii_address(email.to)?],
            "CcAddresses": [],
            "BccAddresses": [],
        },
        "Content": {"Simple": {
            "Subject": {"Data": email.subject},
            "Body": {"Text": {"Data": email.text}, "Html": {"Data": email.html}},
            "Headers": headers.unwrap_or_else(|| json!([])),
        }},
        "ReplyToAddresses": reply_to.into_iter().collect::<Vec<_>>(),
        "EmailTags": [{"Name": "notification_id", "Value": email.reference}],
    });
    if let Some(name) = configuration_set {
        request["ConfigurationSetName"] = name.into();
    }
    Ok(request)
}

/// A display name as mail headers take it: quoted, or encoded words outside ASCII, which SES asks
/// of its callers.
///
/// Source: RFC 5322 §3.2.4, RFC 2047 §2.
fn display_name(name: &str) -> String {
    if name.is_ascii() {
        let name = name.replace('\\', r"\\").replace('"', r#"\""#);
        return format!("\"{name}\"");
    }
    // A word may have 75 characters. 12 are its frame, so 63 carry base64 of at most 45 bytes.
    let mut words: Vec<String> = Vec::new();
    for c in name.chars() {
        match words.last_mut() {
            Some(word) if word.len() + c.len_utf8() <= 45 => word.push(c),
            _ => words.push(c.to_string()),
        }
    }
    let encoded = words.iter().map(|word| format!("=?UTF-8?B?{}?=", BASE64_STANDARD.encode(word)));
    encoded.collect::<Vec<_>>().join(" ")
}

/// The error behind an answer that is not a success. Its code stands in a header or in the body,
/// perhaps as `namespace#Code:url`.
fn refused(answer: &Answer) -> Error {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let code = answer
        .header(HeaderName::from_static("x-amzn-errortype"))
        .or_else(|| body["__type"].as_str())
        .or_else(|| body["code"].as_str())
        .unwrap_or_default();
    let code = code.split(':').next().unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default();
    let refusal = Refusal::new(answer.status.as_u16(), code);
    if PERMANENT.contains(&refusal.code.as_str()) {
        return Error::Permanent { reason: refusal.to_string() };
    }
    Error::Temporary {
        what: "The request was refused",
        maybe_taken: false,
        throttled: answer.status == StatusCode::TOO_MANY_REQUESTS
            || refusal.code == "TooManyRequestsException",
        source: Some(refusal.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::display_name;

    #[test]
    fn display_names_are_quoted_or_encoded() {
        assert_eq!(display_name(r#"The "A" \ team"#), r#""The \"A\" \\ team""#);
        assert_eq!(display_name("Tŷ"), "=?UTF-8?B?VMW3?=");
        let long = display_name(&"ŵ".repeat(50));
        assert_eq!(long.split(' ').count(), 3);
        assert!(long.split(' ').all(|word| word.len() <= 75), "{long}");
    }
}
