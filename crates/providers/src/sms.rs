use async_trait::async_trait;
use uuid::Uuid;

use crate::Error;

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

/// Hands text messages to one provider.
#[async_trait]
pub trait SmsSender: Send + Sync {
    /// The provider's identifier, as in the database.
    fn name(&self) -> &'static str;

    /// Hands over one message and returns when the provider has accepted it.
    ///
    /// # Errors
    /// [`Error`] when it did not. After a time-out the provider may have it all the same.
    async fn send(&self, sms: &Sms<'_>) -> Result<(), Error>;
}
