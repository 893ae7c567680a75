//! Emails by any SMTP server.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use domain::Clock;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
    transport::smtp,
};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    ConfigError, Email, EmailAccepted, EmailSender, Error, email::ascii_address, error::Refusal,
    http::milliseconds, measure::measured,
};

/// Final answers about one recipient or message. Other codes of the 500s complain about
/// the connection or our credentials, which the next attempt may find in order.
///
/// Source: RFC 5321 §4.2.3, RFC 7504.
const PERMANENT: [u16; 6] = [550, 551, 552, 553, 554, 556];

/// Answers by which servers slow us down: closing, out of resources, sending rate exceeded.
const THROTTLED: [u16; 3] = [421, 452, 454];

/// How to reach the SMTP server.
#[derive(clap::Args, Clone, Debug)]
pub struct SmtpConfig {
    /// SMTP server, `smtp://user:password@host:port` (with `?tls=required` for STARTTLS) or
    /// `smtps://…`; unset: SMTP is not used
    #[arg(long, env = "POSTROOM_SMTP_URL", hide_env_values = true)]
    pub smtp_url: Option<SecretString>,
    /// Longest wait for the SMTP server, in milliseconds: for each of its answers, and three times
    /// that for a whole email
    #[arg(long = "smtp-timeout-ms", env = "POSTROOM_SMTP_TIMEOUT_MS", default_value = "10000", value_parser = milliseconds)]
    pub smtp_timeout: Duration,
}

/// Sends by SMTP over pooled connections. There are no receipts: what the server took is `sent`.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    timeout: Duration,
    clock: Clock,
}

impl Smtp {
    /// The sender, or `None` when no server is configured. Connects at the first email.
    ///
    /// # Errors
    /// [`ConfigError`] when the URL is unusable.
    pub fn from_config(config: &SmtpConfig, clock: Clock) -> Result<Option<Self>, ConfigError> {
        let Some(url) = &config.smtp_url else {
            return Ok(None);
        };
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret())
            .map_err(|error| ConfigError::new("POSTROOM_SMTP_URL", error))?;
        Ok(Some(Self {
            transport: builder.timeout(Some(config.smtp_timeout)).build(),
            timeout: config.smtp_timeout * 3,
            clock,
        }))
    }

    async fn deliver(&self, email: &Email<'_>) -> Result<EmailAccepted, Error> {
        let message = message(email, self.clock.now().into())?;
        let sending = self.transport.send(message);
        match tokio::time::timeout(self.timeout, sending).await {
            Ok(Ok(_)) => Ok(EmailAccepted { reference: None, receipts: false }),
            Ok(Err(error)) => Err(failed(error)),
            Err(elapsed) => Err(Error::Temporary {
                what: "No answer in time",
                maybe_taken: true,
                throttled: false,
                source: Some(elapsed.into()),
            }),
        }
    }
}

#[async_trait]
impl EmailSender for Smtp {
    fn name(&self) -> &'static str {
        "smtp"
    }

    async fn send(&self, email: &Email<'_>) -> Result<EmailAccepted, Error> {
        measured(self.name(), self.deliver(email)).await
    }
}

/// The message as sent: text and HTML as alternatives, under an id made of the notification's, so
/// that a repeated attempt can be recognised as the same message.
fn message(email: &Email<'_>, date: SystemTime) -> Result<Message, Error> {
    let host = email.from_address.rsplit('@').next().unwrap_or_default();
    let mut builder = Message::builder()
        .message_id(Some(format!("<{}@{host}>", email.reference)))
        .date(date)
        .from(mailbox(Some(email.from_name), email.from_address)?)
        .to(mailbox(None, email.to)?)
        .subject(email.subject);
    if let Some(address) = email.reply_to {
        builder = builder.reply_to(mailbox(None, address)?);
    }
    let body = MultiPart::alternative_plain_html(email.text.to_owned(), email.html.to_owned());
    let mut message = builder
        .multipart(body)
        .map_err(|_| Error::Permanent { reason: "The email has no valid form".to_owned() })?;
    if let Some(link) = email.unsubscribe_link {
        for (name, value) in [
            ("List-Unsubscribe", format!("<{link}>")),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()),
        ] {
            let name = HeaderName::new_from_ascii_str(name);
            message.headers_mut().insert_raw(HeaderValue::new(name, value));
        }
    }
    Ok(message)
}

fn mailbox(name: Option<&str>, address: &str) -> Result<Mailbox, Error> {
    // The parser's error would quote the address.
    let address = ascii_address(address)?
        .parse()
        .map_err(|_| Error::Permanent { reason: "The email address is not valid".to_owned() })?;
    Ok(Mailbox::new(name.map(str::to_owned), address))
}

/// Keeps only the code of a negative answer: its text tends to repeat the recipient.
fn failed(error: smtp::Error) -> Error {
    let Some(code) = error.status().map(u16::from) else {
        return Error::Temporary {
            what: if error.is_timeout() { "No answer in time" } else { "No answer" },
            // lettre does not tell a connection that was never made from one that broke.
            maybe_taken: true,
            throttled: false,
            source: Some(error.into()),
        };
    };
    let refusal = Refusal::new(code, "");
    if PERMANENT.contains(&code) {
        return Error::Permanent { reason: refusal.to_string() };
    }
    Error::Temporary {
        what: "The email was refused",
        maybe_taken: false,
        throttled: THROTTLED.contains(&code),
        source: Some(refusal.into()),
    }
}
