use async_trait::async_trait;
use url::Host;
use uuid::Uuid;

use crate::Error;

/// One email, ready to send.
#[derive(Clone, Copy)]
pub struct Email<'a> {
    /// The sender's display name, any text.
    pub from_name: &'a str,
    /// The sender's address.
    pub from_address: &'a str,
    /// The recipient's address.
    pub to: &'a str,
    /// The subject line.
    pub subject: &'a str,
    /// The body as plain text.
    pub text: &'a str,
    /// The body as an HTML page.
    pub html: &'a str,
    /// Where answers go, if not to the sender.
    pub reply_to: Option<&'a str>,
    /// The one-click unsubscribe link, for the `List-Unsubscribe` headers.
    pub unsubscribe_link: Option<&'a str>,
    /// The notification's id. It comes back in the receipt, if there is one.
    pub reference: Uuid,
}

/// What the provider said when it took an email.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailAccepted {
    /// The provider's own id of the message, which its receipts carry.
    pub reference: Option<String>,
    /// Whether a receipt will follow. If not, `sent` is the email's last status.
    pub receipts: bool,
}

/// Hands emails to one provider.
#[async_trait]
pub trait EmailSender: Send + Sync {
    /// The provider's identifier, as in the database.
    fn name(&self) -> &'static str;

    /// Hands over one email and returns when the provider has accepted it.
    ///
    /// # Errors
    /// [`Error`] when it did not. After a time-out the provider may have it all the same.
    async fn send(&self, email: &Email<'_>) -> Result<EmailAccepted, Error>;
}

/// The address with its host part in the ASCII form that mail servers take (IDNA).
///
/// # Errors
/// [`Error::Permanent`] when it is not `local@host` with exactly one `@` and a valid host.
pub(crate) fn ascii_address(address: &str) -> Result<String, Error> {
    let unusable = || Error::Permanent { reason: "The email address is not valid".to_owned() };
    let (local, host) = address.split_once('@').ok_or_else(unusable)?;
    let host = Host::parse(host).map_err(|_| unusable())?;
    if local.is_empty() || local.chars().any(|c| c.is_control() || c == ' ') {
        return Err(unusable());
    }
    Ok(format!("{local}@{host}"))
}

#[cfg(test)]
mod tests {
    use super::ascii_address;

    #[test]
    fn hosts_become_ascii_and_local_parts_stay() {
        let ascii = |address| ascii_address(address).unwrap();
        assert_eq!(ascii("anna@münchen.example"), "anna@xn--mnchen-3ya.example");
        assert_eq!(ascii("Zoë+tag@Example.com"), "Zoë+tag@example.com");
    }

    #[test]
    fn unusable_addresses_are_permanent_errors_that_keep_them_private() {
        for address in ["", "anna", "@example.com", "a@b@example.com", "a@", "a\r\nb@example.com"] {
            let error = ascii_address(address).unwrap_err();
            assert!(error.is_permanent(), "{address:?}");
            assert_eq!(error.to_string(), "The email address is not valid");
        }
    }
}
