//! Use cases: what both the API and the workers do. Accept a message, claim it for sending, record
//! what became of it, show it, tell its service.
//!
//! The order that everything here keeps: **commit first, publish after**. The row is the truth,
//! the task message a nudge. A nudge that cannot be published waits in the outbox ([`outbox`]);
//! one that died with its process is repaired by [`replay`]; a doubled one is harmless, because
//! sending begins with a claim on the row ([`sending`]).
//!
//! Start reading at [`accept`].

pub mod accept;
pub mod accounts;
pub mod aggregation;
pub mod alerts;
pub mod billing;
mod branding;
mod caches;
pub mod callbacks;
mod cancelling;
mod costs;
mod counted;
mod days;
pub mod documents;
mod email_files;
mod error;
mod grouped;
pub mod inbound_sms;
mod inserts;
pub mod jobs;
mod leftovers;
pub mod letters;
pub mod monitors;
pub mod night;
pub mod once;
pub mod outbox;
pub mod own_services;
pub mod providers;
pub mod receipts;
pub mod received_texts;
pub mod replay;
pub mod reports;
pub mod retention;
mod scheduled;
pub mod sending;
pub mod templates;
pub mod timeouts;
pub mod unsubscribing;
pub mod view;

use std::{
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};

use ::providers::antivirus::{AntivirusConfig, Clamd, VirusScanner};
use ::providers::documents::DocumentsConfig;
use ::providers::objects::{Objects, ObjectsConfig};
use ::providers::zendesk::Zendesk;
use anyhow::Context;
use domain::{Clock, fernet::Fernet, signing::Signer};
use queue::{Broker, Publisher};
use secrecy::SecretString;
use store::{Limits, Pool};
use tokio_util::task::TaskTracker;
use tracing::error;

pub use accept::{
    AcceptedEmail, AcceptedLetter, AcceptedPdf, AcceptedSms, EmailRequest, LetterRequest,
    PrecompiledRequest, SmsRequest,
};
pub use accounts::{Account, Caller};
pub use costs::Cost;
pub use error::Error;
pub use once::{Answered, Once};
pub use store::notifications::list as notifications;
pub use view::{LetterView, NotificationView};

/// Settings of the use cases.
#[derive(clap::Args, Clone, Debug)]
#[group(id = "app")]
pub struct Config {
    /// Signs stored secrets, personalisation and task payloads
    #[arg(long, env = "SECRET_KEY", hide_env_values = true)]
    pub secret_key: SecretString,
    /// Older values of SECRET_KEY, still accepted: a comma-separated list
    #[arg(long, env = "POSTROOM_OLD_SECRET_KEYS", hide_env_values = true, value_delimiter = ',')]
    pub old_secret_keys: Vec<SecretString>,
    /// Salt of the same signatures
    #[arg(long, env = "DANGEROUS_SALT", hide_env_values = true)]
    pub dangerous_salt: SecretString,
    /// Encrypts the tokens of links in emails: 32 bytes in URL-safe base64, as the admin app has it
    #[arg(long, env = "TOKEN_SECRET_KEY", hide_env_values = true)]
    pub token_secret_key: SecretString,
    /// Domain of From addresses
    #[arg(long, env = "NOTIFY_EMAIL_DOMAIN", default_value = "notify.tools")]
    pub notify_email_domain: String,
    /// Sender id of text messages of services that have none of their own
    #[arg(long, env = "FROM_NUMBER", default_value = "GOVUK")]
    pub from_number: String,
    /// Public address of the API, for links that mail programs post to
    #[arg(long, env = "API_HOST_NAME", default_value = "http://localhost:6011")]
    pub api_host_name: String,
    /// Address of the admin app, for links
    #[arg(long, env = "ADMIN_BASE_URL", default_value = "http://localhost:6012")]
    pub admin_base_url: String,
    /// How long to wait for a receipt before sending again what a dead worker may have sent,
    /// in seconds
    #[arg(long, env = "POSTROOM_RECEIPT_WAIT_SECONDS", default_value_t = 30)]
    pub receipt_wait_seconds: u32,
    /// Whom to tell each day how many letters there are to print: a JSON list of email addresses
    #[arg(long, env = "DVLA_EMAIL_ADDRESSES", default_value = "[]")]
    pub dvla_email_addresses: String,
    /// Files and letters
    #[command(flatten)]
    pub objects: ObjectsConfig,
    /// Files by email
    #[command(flatten)]
    pub documents: DocumentsConfig,
    /// Their virus scan
    #[command(flatten)]
    pub antivirus: AntivirusConfig,
    /// The choice among SMS providers
    #[command(flatten)]
    pub providers: providers::ProvidersConfig,
    /// Letters
    #[command(flatten)]
    pub letters: letters::LettersConfig,
    /// Alerts
    #[command(flatten)]
    pub alerts: alerts::AlertsConfig,
    /// The platform's own services
    #[command(flatten)]
    pub own_services: own_services::OwnServicesConfig,
}

/// Everything the use cases need. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    db: Pool,
    limits: Limits,
    objects: Objects,
    documents: documents::Documents,
    printer_addresses: Vec<String>,
    publisher: Publisher,
    signer: Signer,
    tokens: Fernet,
    clock: Clock,
    caches: caches::Caches,
    inserts: inserts::Inserts,
    groups: grouped::Groups,
    email_domain: String,
    from_number: String,
    api_host_name: String,
    admin_base_url: String,
    logos_url: String,
    own_services: own_services::OwnServicesConfig,
    receipt_wait: Duration,
    scans_letters: bool,
    fakes_letter_delivery: bool,
    resting_points: Vec<providers::RestingPoint>,
    /// The second (since 1970) in which too many errors last asked for a provider to be lowered.
    asked_to_lower: AtomicI64,
    alert_on_slow_sms: bool,
    still_created_alert: Duration,
    environment: String,
    zendesk: Option<Zendesk>,
    /// What must be recorded before the process may end.
    recording: TaskTracker,
}

impl App {
    /// Puts the parts together. Needs a Tokio runtime: grouped inserts run in the background.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn new(
        config: &Config,
        db: Pool,
        limits: Limits,
        broker: &Broker,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        let mut keys = vec![config.secret_key.clone()];
        keys.extend(config.old_secret_keys.iter().cloned());
        let signer = Signer::new(&keys, &config.dangerous_salt).context("SECRET_KEY")?;
        let objects = Objects::from_config(&config.objects)?;
        let publisher = broker.publisher();
        let nudges = outbox::Outbox::new(db.clone(), publisher.clone(), clock.clone());
        Ok(Self(Arc::new(Inner {
            inserts: inserts::Inserts::start(db.clone(), nudges),
            groups: grouped::Groups::start(&db),
            caches: caches::Caches::new(),
            recording: TaskTracker::new(),
            email_domain: config.notify_email_domain.clone(),
            from_number: config.from_number.clone(),
            api_host_name: config.api_host_name.trim_end_matches('/').to_owned(),
            tokens: Fernet::new(&config.token_secret_key).context("TOKEN_SECRET_KEY")?,
            admin_base_url: config.admin_base_url.clone(),
            logos_url: branding::logos_url(&config.admin_base_url),
            own_services: config.own_services.clone(),
            receipt_wait: Duration::from_secs(config.receipt_wait_seconds.into()),
            documents: documents::Documents::new(
                &config.documents,
                Clamd::from_config(&config.antivirus)?
                    .map(|clamd| Arc::new(clamd) as Arc<dyn VirusScanner>),
                objects.clone(),
                clock.clone(),
                &config.api_host_name,
            )?,
            objects,
            printer_addresses: serde_json::from_str(&config.dvla_email_addresses)
                .context("DVLA_EMAIL_ADDRESSES")?,
            // Only there may it be off.
            scans_letters: config.letters.antivirus_enabled == "1"
                || config.alerts.environment != "development",
            fakes_letter_delivery: config.letters.test_letters_fake_delivery == "1",
            resting_points: config.providers.sms_resting_points.clone(),
            asked_to_lower: AtomicI64::new(i64::MIN),
            alert_on_slow_sms: config.providers.check_slow_text_message_delivery == "1",
            still_created_alert: Duration::from_secs(
                config.alerts.still_created_alert_seconds.into(),
            ),
            environment: config.alerts.environment.clone(),
            zendesk: Zendesk::from_config(&config.alerts.zendesk)?,
            db,
            limits,
            publisher,
            signer,
            clock,
        })))
    }

    /// The clock that everything here reads.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// How long a receipt is waited for where a provider may have the message already.
    #[must_use]
    pub fn receipt_wait(&self) -> Duration {
        self.0.receipt_wait
    }

    /// Files and letters.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.0.objects
    }

    /// Waits until all that providers have taken is recorded, for at most half a minute. Comes last.
    pub async fn finish(&self) {
        self.0.recording.close();
        let recorded = self.0.recording.wait();
        if tokio::time::timeout(Duration::from_secs(30), recorded).await.is_err() {
            error!(messages = self.0.recording.len(), "sent, and not recorded as sent");
        }
    }

    /// Signs and checks what is stored and queued signed.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.0.signer
    }

    /// The revision of the database's schema, which also proves that it answers.
    ///
    /// # Errors
    /// [`Error::Internal`] when it does not.
    pub async fn database_version(&self) -> Result<String, Error> {
        Ok(store::migrate::revision(&self.db().await?).await?)
    }

    /// How many live services there are, and how many organisations they belong to.
    ///
    /// # Errors
    /// [`Error::Internal`] only.
    pub async fn live_counts(&self) -> Result<(i64, i64), Error> {
        Ok(store::services::count_live(&self.db().await?).await?)
    }

    async fn db(&self) -> Result<store::pool::Client, Error> {
        Ok(self.0.db.get().await.map_err(store::Error::from)?)
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("App")
    }
}
