//! Amazon SNS messages over HTTP, in which the receipts of SES arrive: who signed them.

use std::{fmt::Write, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use moka::future::Cache;
use reqwest::Client;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RsaParameters,
    UnparsedPublicKey,
};
use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use url::Url;
use x509_cert::{Certificate, der::DecodePem};

use crate::{
    ConfigError, Error,
    error::Refusal,
    http::{self, exchange, milliseconds},
    measure::measured,
};

/// Oldest message that is taken. SNS itself gives up after an hour, or a day where the
/// subscription's retry policy is stretched.
const OLDEST: time::Duration = time::Duration::days(1);
/// How far SNS's clock may be ahead of ours. The age is only about repeats of what SNS has signed: a
/// machine whose clock is wrong must not lose receipts, which are not sent again.
const AHEAD: time::Duration = time::Duration::days(1);
/// Certificates kept, and for how long. SNS uses one per region and changes it about once a year.
const CERTIFICATES: u64 = 16;
const CERTIFICATE_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Which SNS messages are believed.
#[derive(clap::Args, Clone, Debug)]
pub struct SnsConfig {
    /// ARNs of the topics whose messages are taken, separated by commas; without any, none are
    #[arg(long, env = "POSTROOM_SNS_TOPIC_ARNS", value_delimiter = ',')]
    pub sns_topic_arns: Vec<String>,
    /// URL below which a stand-in for SNS may have its certificate and confirmation links. For
    /// development
    #[arg(long, env = "POSTROOM_SNS_CERT_URL_PREFIX")]
    pub sns_cert_url_prefix: Option<Url>,
    /// Longest wait for a certificate or a confirmation, in milliseconds
    #[arg(long = "sns-timeout-ms", env = "POSTROOM_SNS_TIMEOUT_MS", default_value = "5000", value_parser = milliseconds)]
    pub sns_timeout: Duration,
}

/// What SNS posts. Field names are SNS's own.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Envelope {
    /// What kind of message it is.
    #[serde(rename = "Type")]
    pub kind: Kind,
    /// SNS's id of the message.
    pub message_id: String,
    /// The topic it was published to.
    pub topic_arn: String,
    /// The title, if it was published with one.
    pub subject: Option<String>,
    /// What was published; from SES, JSON text.
    pub message: String,
    /// When it was published, RFC 3339.
    pub timestamp: String,
    /// Which hash the signature is over.
    pub signature_version: String,
    /// The signature, in base64.
    pub signature: String,
    /// Where the signer's certificate is.
    #[serde(rename = "SigningCertURL", alias = "SigningCertUrl")]
    pub signing_cert_url: String,
    /// Of confirmations: the token that stands in the URL.
    pub token: Option<String>,
    /// Of confirmations: the URL that confirms the subscription when it is fetched.
    #[serde(rename = "SubscribeURL", alias = "SubscribeUrl")]
    pub subscribe_url: Option<String>,
}

/// The kinds of SNS messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Kind {
    /// Something was published.
    Notification,
    /// Somebody subscribed our URL: answer with [`Verifier::confirm`].
    SubscriptionConfirmation,
    /// Somebody ended our subscription.
    UnsubscribeConfirmation,
}

/// Why an SNS message is not believed.
#[derive(Debug, thiserror::Error)]
pub enum Untrusted {
    /// The topic is not one of ours.
    #[error("the topic is not configured")]
    Topic,
    /// It is too old, or from the future, or says no time.
    #[error("the timestamp is not of today")]
    Timestamp,
    /// A URL in it does not lead to SNS.
    #[error("a URL in the message does not lead to SNS")]
    Url,
    /// The signature is not that of the certificate's key, or of an unknown version.
    #[error("the signature is wrong")]
    Signature,
    /// The certificate could not be had. Another delivery of the same message may be believed.
    #[error("the certificate could not be fetched")]
    Certificate(#[source] std::sync::Arc<Error>),
}

/// Tells SNS's messages from forged ones.
pub struct Verifier {
    client: Client,
    topics: Vec<String>,
    stand_in: Option<Url>,
    /// Public keys (PKCS #1) by the URL of their certificate.
    keys: Cache<Url, Vec<u8>>,
}

impl Verifier {
    /// The verifier.
    ///
    /// # Errors
    /// When the machine has no usable TLS roots.
    pub fn from_config(config: &SnsConfig) -> Result<Self, ConfigError> {
        let client = http::builder(config.sns_timeout)
            // Elsewhere is not where we meant to go.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| ConfigError::new("The HTTP client for SNS", error))?;
        Ok(Self {
            client,
            topics: config.sns_topic_arns.clone(),
            stand_in: config.sns_cert_url_prefix.clone(),
            keys: Cache::builder()
                .max_capacity(CERTIFICATES)
                .time_to_live(CERTIFICATE_LIFETIME)
                .build(),
        })
    }

    /// Checks that SNS sent this message, to a topic of ours, lately. Fetches the certificate the
    /// first time.
    ///
    /// # Errors
    /// [`Untrusted`] otherwise.
    ///
    /// Source: Amazon SNS Developer Guide, "Verifying the signatures of Amazon SNS messages".
    pub async fn verify(&self, envelope: &Envelope, now: OffsetDateTime) -> Result<(), Untrusted> {
        if !self.topics.contains(&envelope.topic_arn) {
            return Err(Untrusted::Topic);
        }
        let sent = OffsetDateTime::parse(&envelope.timestamp, &Rfc3339)
            .map_err(|_| Untrusted::Timestamp)?;
        if now - sent > OLDEST || sent - now > AHEAD {
            return Err(Untrusted::Timestamp);
        }
        let algorithm: &RsaParameters = match envelope.signature_version.as_str() {
            "1" => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            "2" => &RSA_PKCS1_2048_8192_SHA256,
            _ => return Err(Untrusted::Signature),
        };
        let signature =
            BASE64_STANDARD.decode(&envelope.signature).map_err(|_| Untrusted::Signature)?;
        let url = self.trusted_url(&envelope.signing_cert_url)?;
        if !url.path().ends_with(".pem") {
            return Err(Untrusted::Url);
        }
        let key = self
            .keys
            .try_get_with_by_ref(&url, measured("sns", self.fetch_key(&url)))
            .await
            .map_err(Untrusted::Certificate)?;
        UnparsedPublicKey::new(algorithm, key)
            .verify(signed_text(envelope).as_bytes(), &signature)
            .map_err(|_| Untrusted::Signature)
    }

    /// Confirms the subscription that a verified [`Kind::SubscriptionConfirmation`] is about.
    ///
    /// # Errors
    /// [`Error::Permanent`] when the link does not lead to SNS, [`Error::Temporary`] when SNS did
    /// not answer as it should.
    pub async fn confirm(&self, envelope: &Envelope) -> Result<(), Error> {
        let url = envelope.subscribe_url.as_deref().unwrap_or_default();
        let url = self
            .trusted_url(url)
            .map_err(|error| Error::Permanent { reason: error.to_string() })?;
        measured("sns", self.fetch(url)).await.map(drop)
    }

    /// The URL, if it is one of SNS's own or of the configured stand-in.
    fn trusted_url(&self, url: &str) -> Result<Url, Untrusted> {
        let url = Url::parse(url).map_err(|_| Untrusted::Url)?;
        let of_sns = url.scheme() == "https"
            && url.port().is_none()
            && url.host_str().is_some_and(is_sns_host);
        let of_stand_in = self.stand_in.as_ref().is_some_and(|prefix| {
            url.origin() == prefix.origin() && url.path().starts_with(prefix.path())
        });
        (of_sns || of_stand_in).then_some(url).ok_or(Untrusted::Url)
    }

    async fn fetch_key(&self, url: &Url) -> Result<Vec<u8>, Error> {
        let pem = self.fetch(url.clone()).await?;
        let certificate = Certificate::from_pem(pem).map_err(|error| Error::Temporary {
            what: "The certificate cannot be read",
            maybe_taken: false,
            throttled: false,
            source: Some(error.into()),
        })?;
        let key = certificate.tbs_certificate.subject_public_key_info.subject_public_key;
        Ok(key.raw_bytes().to_vec())
    }

    async fn fetch(&self, url: Url) -> Result<Vec<u8>, Error> {
        let answer = exchange(self.client.get(url)).await?;
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        Err(Error::Temporary {
            what: "The request was refused",
            maybe_taken: false,
            throttled: false,
            source: Some(Refusal::new(answer.status.as_u16(), "").into()),
        })
    }
}

/// Whether the host is `sns.{region}.amazonaws.com`, perhaps with `.cn`.
fn is_sns_host(host: &str) -> bool {
    let host = host.strip_suffix(".cn").unwrap_or(host);
    let region = host.strip_prefix("sns.").and_then(|rest| rest.strip_suffix(".amazonaws.com"));
    region.is_some_and(|region| {
        !region.is_empty()
            && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    })
}

/// The text that the signature is over: names and values of fixed fields in alphabetical order,
/// each on its line, absent ones left out.
fn signed_text(envelope: &Envelope) -> String {
    let subscribes = envelope.kind != Kind::Notification;
    let kind = match envelope.kind {
        Kind::Notification => "Notification",
        Kind::SubscriptionConfirmation => "SubscriptionConfirmation",
        Kind::UnsubscribeConfirmation => "UnsubscribeConfirmation",
    };
    let fields = [
        ("Message", Some(envelope.message.as_str())),
        ("MessageId", Some(&envelope.message_id)),
        ("Subject", envelope.subject.as_deref().filter(|_| !subscribes)),
        ("SubscribeURL", envelope.subscribe_url.as_deref().filter(|_| subscribes)),
        ("Timestamp", Some(&envelope.timestamp)),
        ("Token", envelope.token.as_deref().filter(|_| subscribes)),
        ("TopicArn", Some(&envelope.topic_arn)),
        ("Type", Some(kind)),
    ];
    let mut text = String::new();
    for (name, value) in fields {
        if let Some(value) = value {
            writeln!(text, "{name}\n{value}").expect("a String takes all text");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::is_sns_host;

    #[test]
    fn only_hosts_of_sns_itself_pass() {
        assert!(is_sns_host("sns.eu-west-1.amazonaws.com"));
        assert!(is_sns_host("sns.cn-north-1.amazonaws.com.cn"));
        for host in [
            "sns.eu-west-1.amazonaws.com.evil.example",
            "sns.a.b.amazonaws.com",
            "sns..amazonaws.com",
            "sns.amazonaws.com",
            "evilsns.eu-west-1.amazonaws.com",
            "s3.eu-west-1.amazonaws.com",
        ] {
            assert!(!is_sns_host(host), "{host}");
        }
    }
}
