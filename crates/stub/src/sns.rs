use std::{
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use actix_web::{
    HttpResponse,
    error::ErrorInternalServerError,
    web::{Data, Query},
};
use anyhow::Context;
use base64::{Engine, prelude::BASE64_STANDARD};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use rsa::{
    RsaPrivateKey,
    pkcs1v15::SigningKey,
    pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding},
    rand_core::OsRng,
    signature::{Keypair, SignatureEncoding, Signer},
};
use serde::Deserialize;
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::Sha256;
use tokio::sync::OnceCell;
use url::Url;
use uuid::Uuid;
use x509_cert::{
    builder::{Builder, CertificateBuilder, Profile},
    der::EncodePem,
    name::Name,
    serial_number::SerialNumber,
    spki::SubjectPublicKeyInfoOwned,
    time::Validity,
};

use crate::{State, new_id, timestamp};

/// The topic of all messages.
pub(crate) const TOPIC_ARN: &str = "arn:aws:sns:eu-west-1:000000000000:ses-events";

/// Signs messages for one subscriber.
pub(crate) struct Sns {
    url: String,
    version: u8,
    subscriber: Option<Url>,
    /// Made when first needed, as it takes a moment and many never need it.
    identity: OnceCell<Identity>,
    /// The token of the confirmation link.
    token: Uuid,
    confirmed: AtomicBool,
}

impl Sns {
    /// For a stub that answers at `url` and signs by `version`.
    pub(crate) fn new(url: String, version: u8, subscriber: Option<Url>) -> Self {
        Self {
            url,
            version,
            subscriber,
            identity: OnceCell::new(),
            token: new_id(),
            confirmed: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_confirmed(&self) -> bool {
        self.confirmed.load(Relaxed)
    }

    async fn identity(&self) -> anyhow::Result<&Identity> {
        let make = || async { tokio::task::spawn_blocking(Identity::generate).await? };
        self.identity.get_or_try_init(make).await
    }

    /// Adds to a message what SNS adds to all, the signature last.
    async fn envelop(&self, mut message: Value) -> anyhow::Result<Value> {
        message["MessageId"] = json!(new_id());
        message["TopicArn"] = json!(TOPIC_ARN);
        message["Timestamp"] = json!(timestamp());
        message["SignatureVersion"] = json!(self.version.to_string());
        message["SigningCertURL"] = json!(format!("{}/sns/cert.pem", self.url));
        let signature = self.identity().await?.sign(self.version, &signed_text(&message))?;
        message["Signature"] = json!(BASE64_STANDARD.encode(signature));
        Ok(message)
    }
}

impl State {
    /// Posts an event of SES to the subscriber, if there is one, as a notification.
    pub(crate) async fn publish(self: Arc<Self>, event: Value) {
        let notification = json!({
            "Type": "Notification",
            "Message": event.to_string(),
            "UnsubscribeURL": format!("{}/sns/unsubscribe", self.sns.url),
        });
        self.post_message(notification).await;
    }

    async fn post_message(self: Arc<Self>, message: Value) {
        let Some(subscriber) = self.sns.subscriber.clone() else {
            return;
        };
        let state = Arc::clone(&self);
        let request = async move {
            let message = state.sns.envelop(message).await?;
            let text = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
            let client = state.receipts.client();
            Ok(client
                .post(subscriber)
                .header("content-type", "text/plain; charset=UTF-8")
                .header("x-amz-sns-message-type", text("Type"))
                .header("x-amz-sns-message-id", text("MessageId"))
                .header("x-amz-sns-topic-arn", TOPIC_ARN)
                .body(message.to_string()))
        };
        self.receipts.post(request).await;
    }
}

/// `GET /sns/cert.pem`: the certificate.
pub(crate) async fn certificate(state: Data<State>) -> actix_web::Result<HttpResponse> {
    let identity = state.sns.identity().await.map_err(ErrorInternalServerError)?;
    Ok(HttpResponse::Ok()
        .content_type("application/x-pem-file")
        .body(identity.certificate_pem.clone()))
}

/// `POST /sns/subscribe`: posts a subscription confirmation to the subscriber (204).
pub(crate) async fn subscribe(state: Data<State>) -> HttpResponse {
    let (url, token) = (&state.sns.url, state.sns.token);
    let confirmation = json!({
        "Type": "SubscriptionConfirmation",
        "Token": token,
        "Message": format!("You have chosen to subscribe to the topic {TOPIC_ARN}."),
        "SubscribeURL": format!(
            "{url}/sns/confirm?Action=ConfirmSubscription&TopicArn={TOPIC_ARN}&Token={token}"
        ),
    });
    state.into_inner().post_message(confirmation).await;
    HttpResponse::NoContent().finish()
}

/// The part of a confirmation link that matters.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Confirmation {
    token: Uuid,
}

/// `GET /sns/confirm`: confirms the subscription, given the token that was posted.
pub(crate) async fn confirm(state: Data<State>, link: Query<Confirmation>) -> HttpResponse {
    if link.token != state.sns.token {
        return HttpResponse::BadRequest().finish();
    }
    state.sns.confirmed.store(true, Relaxed);
    HttpResponse::Ok().content_type("text/xml").body("<ConfirmSubscriptionResponse/>")
}

/// The text that SNS signs.
fn signed_text(message: &Value) -> String {
    let fields = match message["Type"].as_str() {
        Some("Notification") => {
            &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"][..]
        }
        _ => &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
    };
    let mut text = String::new();
    for field in fields {
        if let Some(value) = message[field].as_str() {
            writeln!(text, "{field}\n{value}").expect("a String takes all text");
        }
    }
    text
}

/// The key that signs, and the certificate that vouches for it.
struct Identity {
    /// For version 1, which ring does not sign.
    sha1: SigningKey<Sha1>,
    /// The same key for version 2, several times as fast: an email costs one signature.
    sha256: RsaKeyPair,
    certificate_pem: String,
}

impl Identity {
    fn generate() -> anyhow::Result<Self> {
        let key = RsaPrivateKey::new(&mut OsRng, 2048).context("making an RSA key")?;
        let signer = SigningKey::<Sha256>::new(key.clone());
        let public = signer.verifying_key().to_public_key_der()?;
        let builder = CertificateBuilder::new(
            Profile::Root,
            SerialNumber::from(1u8),
            Validity::from_now(Duration::from_secs(365 * 24 * 60 * 60))?,
            "CN=sns.stub.invalid".parse::<Name>()?,
            SubjectPublicKeyInfoOwned::try_from(public.as_bytes())?,
            &signer,
        )?;
        let certificate = builder.build::<rsa::pkcs1v15::Signature>()?;
        Ok(Self {
            sha256: RsaKeyPair::from_pkcs8(key.to_pkcs8_der()?.as_bytes())
                .map_err(anyhow::Error::msg)?,
            sha1: SigningKey::new(key),
            certificate_pem: certificate.to_pem(LineEnding::LF)?,
        })
    }

    fn sign(&self, version: u8, text: &str) -> anyhow::Result<Vec<u8>> {
        if version == 1 {
            return Ok(self.sha1.try_sign(text.as_bytes())?.to_vec());
        }
        let mut signature = vec![0; self.sha256.public().modulus_len()];
        let random = SystemRandom::new();
        self.sha256
            .sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature)
            .map_err(anyhow::Error::msg)?;
        Ok(signature)
    }
}
