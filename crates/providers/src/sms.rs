use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use uuid::Uuid;

use crate::{ConfigError, Error};

/// One text message, ready to send.
#[derive(Clone, Copy)]
pub struct Sms<'a> {
    /// The number in international digits without `+`, e.g. `447700900123`.
    pub to: &'a str,
    /// The final text, prefix included. However long: the provider splits it.
    pub content: &'a str,
    /// Shown as the sender: a name or a number.
    pub sender: Option<&'a str>,
    /// The notification's id. It comes back in the receipt.
    pub reference: Uuid,
    /// Whether the number is outside the United Kingdom.
    pub international: bool,
}

/// What the provider said when it took a text message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmsAccepted {
    /// The provider's own id of the message, where it matters.
    pub reference: Option<String>,
    /// Whether a receipt will follow. If not, `sent` is the message's last status.
    pub receipts: bool,
}

/// Hands text messages to one provider.
#[async_trait]
pub trait SmsSender: Send + Sync {
    /// The provider's identifier, as in the database.
    fn name(&self) -> &'static str;

    /// Hands over one message and returns when the provider has accepted it.
    ///
    /// # Errors
    /// [`Error`] when it did not. After a time-out the provider may have it all the same.
    async fn send(&self, sms: &Sms<'_>) -> Result<SmsAccepted, Error>;
}

/// `scheme://user:password@host/path`: where a provider shall post its receipts. Providers take the
/// credentials literally, so nothing in them is percent-encoded.
///
/// # Errors
/// [`ConfigError`] names `setting` when `credentials` is neither `null` nor a list of two texts.
pub(crate) fn receipt_url(
    url: Option<&Url>,
    credentials: Option<&SecretString>,
    setting: &'static str,
) -> Result<Option<SecretString>, ConfigError> {
    let Some(url) = url else {
        return Ok(None);
    };
    let credentials: Option<(String, String)> = match credentials {
        Some(json) => serde_json::from_str(json.expose_secret()).map_err(|_| {
            // serde_json's message can quote the value.
            ConfigError::new(setting, "it must be JSON: null, or a list of user and password")
        })?,
        None => None,
    };
    let url = match credentials {
        Some((user, password)) => {
            url.as_str().replacen("://", &format!("://{user}:{password}@"), 1)
        }
        None => url.to_string(),
    };
    Ok(Some(url.into()))
}
