//! The load: so many messages a second, however the system does, each to another recipient.

use std::{
    mem,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use domain::Clock;
use futures_util::{StreamExt, stream::FuturesUnordered};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::system::Settings;

/// From one message to the next: 50 a second.
const PACE: Duration = Duration::from_millis(20);
/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A message that was answered with 201.
pub struct Accepted {
    pub id: String,
    /// When the answer came.
    pub at: OffsetDateTime,
}

/// What the clients were told.
#[derive(Default)]
pub struct Answers {
    pub accepted: Vec<Accepted>,
    /// Answers other than 201, and none at all.
    pub refused: u32,
}

/// A service that sends.
pub struct Load {
    http: reqwest::Client,
    api: String,
    service_id: String,
    secret: EncodingKey,
    sms_template: String,
    email_template: String,
    /// That of its tokens.
    clock: Clock,
    number: AtomicU32,
    answers: Mutex<Answers>,
}

impl Load {
    /// The demo service of `fixtures`, at the API with this address; `clock` is its own.
    ///
    /// # Errors
    /// When something is missing there.
    pub fn new(api: &str, fixtures: &Settings, clock: Clock) -> anyhow::Result<Self> {
        let get = |name: &str| fixtures.get(name).cloned().with_context(|| name.to_owned());
        let key = get("API_KEY")?;
        let secret = key.get(key.len().saturating_sub(36)..).context("API_KEY")?;
        Ok(Self {
            http: reqwest::Client::builder().timeout(PATIENCE).build()?,
            api: api.to_owned(),
            service_id: get("SERVICE_ID")?,
            secret: EncodingKey::from_secret(secret.as_bytes()),
            sms_template: get("SMS_TEMPLATE_ID")?,
            email_template: get("EMAIL_TEMPLATE_ID")?,
            clock,
            number: AtomicU32::new(0),
            answers: Mutex::default(),
        })
    }

    /// Sends until `stop`, and waits for the last answers.
    pub async fn run(&self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(PACE);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut posts = FuturesUnordered::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = tick.tick() => posts.push(self.post()),
                Some(()) = posts.next() => {}
            }
        }
        while posts.next().await.is_some() {}
    }

    /// What came so far, which is then forgotten.
    pub fn take(&self) -> Answers {
        mem::take(&mut *self.answers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn post(&self) {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let answer = self.ask(number).await;
        let at = Clock::system().now();
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(Some(id)) => answers.accepted.push(Accepted { id, at }),
            Ok(None) | Err(_) => answers.refused += 1,
        }
    }

    /// The id of an accepted message; nothing when it was refused.
    async fn ask(&self, number: u32) -> anyhow::Result<Option<String>> {
        let iat = self.clock.now().unix_timestamp();
        let claims = json!({"iss": self.service_id, "iat": iat});
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.secret)?;
        let (path, mut body) = if number.is_multiple_of(2) {
            // Never one of the stub's own numbers, which end in 900 and three digits.
            let to = format!("07712{number:06}").replace("900", "901");
            ("sms", json!({"phone_number": to, "template_id": self.sms_template}))
        } else {
            let to = format!("somebody-{number}@example.com");
            ("email", json!({"email_address": to, "template_id": self.email_template}))
        };
        body["personalisation"] = json!({"name": "Ada"});
        let request = self.http.post(format!("{}/v2/notifications/{path}", self.api));
        let answer = request.bearer_auth(token).json(&body).send().await?;
        if answer.status() != reqwest::StatusCode::CREATED {
            return Ok(None);
        }
        let body: Value = answer.json().await?;
        Ok(body["id"].as_str().map(ToOwned::to_owned))
    }
}
