//! Stands in for providers and for a service's callback endpoint, at their real wire formats.
//!
//! For development, demonstrations, tests and benches; never part of an installation. It listens
//! on the loopback interface only, keeps everything in memory, and forgets the oldest first.
//! The recipient decides what happens to a message: see [`Outcome`].
//!
//! | route | stands in for |
//! | --- | --- |
//! | `POST /mmg` | MMG, which later posts a receipt |
//! | `POST /firetext` | Firetext, which later posts receipts |
//! | `POST /` | Amazon SNS, to a phone number |
//! | `POST /v2/email/outbound-emails` | SES, which later publishes an event through SNS |
//! | `POST /sns/subscribe`, `GET /sns/confirm`, `GET /sns/cert.pem` | SNS |
//! | `POST /callback`, `/callback/{status}`, `/callback/slow` | a service's callback endpoint |
//! | `POST /api/v2/tickets.json` | Zendesk |
//! | `POST /services/{service}/documents` | Notify's document-download service |
//! | SMTP on a port of its own | a mail server |
//!
//! `GET /received`, `/received/sms`, `/received/emails`, `/received/callbacks`, `/received/tickets`
//! and `/received/documents` show what came, newest last, all or by `?reference=` or `?id=`; `DELETE /received` clears them.

mod aws_sms;
mod callbacks;
mod documents;
mod firetext;
mod mmg;
mod outcome;
mod receipts;
mod received;
mod ses;
mod smtp;
mod sns;
mod zendesk;

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_web::{
    App, HttpResponse, HttpServer,
    dev::ServerHandle,
    web::{self, Data, JsonConfig, PayloadConfig},
};
use anyhow::Context;
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::format_description};
use tokio::task::JoinSet;
use url::Url;
use uuid::Uuid;

pub use outcome::Outcome;
pub use received::Kind;

use receipts::Receipts;
use received::Received;
use sns::Sns;

/// Largest request and largest email that is taken, in bytes.
const SIZE_LIMIT: usize = 16 * 1024 * 1024;

/// How long slow answers take.
const SLOW: Duration = Duration::from_secs(2);

/// What the stub does beyond its defaults.
#[derive(clap::Args, Clone, Debug)]
pub struct Config {
    /// Port for HTTP on 127.0.0.1; 0 takes a free one
    #[arg(long, env = "POSTROOM_STUB_PORT", default_value_t = 6300)]
    pub port: u16,
    /// Port for SMTP on 127.0.0.1; 0 takes a free one, unset: no SMTP
    #[arg(long, env = "POSTROOM_STUB_SMTP_PORT")]
    pub smtp_port: Option<u16>,
    /// Key that MMG's callers must present; unset: any
    #[arg(long, env = "POSTROOM_STUB_MMG_API_KEY")]
    pub mmg_api_key: Option<String>,
    /// Where MMG posts receipts when the message names no place (`delurl`); unset: nowhere
    #[arg(long, env = "POSTROOM_STUB_MMG_RECEIPT_URL")]
    pub mmg_receipt_url: Option<Url>,
    /// Where SNS posts the events of SES; unset: nowhere
    #[arg(long, env = "POSTROOM_STUB_SNS_EVENTS_URL")]
    pub sns_events_url: Option<Url>,
    /// Version of SNS signatures: 1 (SHA-1) or 2 (SHA-256)
    #[arg(long, env = "POSTROOM_STUB_SNS_SIGNATURE_VERSION", default_value_t = 2,
        value_parser = clap::value_parser!(u8).range(1..=2))]
    pub sns_signature_version: u8,
    /// Time that MMG takes to answer, in milliseconds
    #[arg(long, env = "POSTROOM_STUB_ANSWER_DELAY_MS", default_value_t = 0)]
    pub answer_delay_ms: u64,
    /// Time from message to receipt, in milliseconds
    #[arg(long, env = "POSTROOM_STUB_RECEIPT_DELAY_MS", default_value_t = 50)]
    pub receipt_delay_ms: u64,
    /// Messages of each kind that are remembered
    #[arg(long, env = "POSTROOM_STUB_CAPACITY", default_value_t = 100_000)]
    pub capacity: usize,
}

impl Default for Config {
    /// For tests: free ports for HTTP and SMTP, receipts only to a message's own `delurl`, at once.
    fn default() -> Self {
        Self {
            port: 0,
            smtp_port: Some(0),
            mmg_api_key: None,
            mmg_receipt_url: None,
            sns_events_url: None,
            sns_signature_version: 2,
            answer_delay_ms: 0,
            receipt_delay_ms: 0,
            capacity: 10_000,
        }
    }
}

/// A running stub. Ends when dropped.
pub struct Stub {
    /// Where it answers HTTP, e.g. `http://127.0.0.1:6300`, without a slash at the end.
    pub url: String,
    /// Where it answers SMTP, if it does.
    pub smtp_addr: Option<SocketAddr>,
    /// The SNS topic that it publishes to.
    pub topic_arn: &'static str,
    state: Arc<State>,
    server: ServerHandle,
    tasks: JoinSet<()>,
}

/// Starts a stub on the running tokio runtime.
///
/// # Errors
/// When a port is taken.
pub async fn start(config: Config) -> anyhow::Result<Stub> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port))
        .with_context(|| format!("listening for HTTP on port {}", config.port))?;
    let url = format!("http://{}", listener.local_addr()?);
    let mut tasks = JoinSet::new();
    let state = Arc::new(State {
        received: Received::new(config.capacity),
        receipts: Receipts::start(Duration::from_millis(config.receipt_delay_ms), &mut tasks)?,
        sns: Sns::new(url.clone(), config.sns_signature_version, config.sns_events_url.clone()),
        config,
        forced: Mutex::default(),
    });
    let smtp_addr = match state.config.smtp_port {
        Some(port) => Some(smtp::start(port, Arc::clone(&state), &mut tasks).await?),
        None => None,
    };
    let data = Data::from(Arc::clone(&state));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(data.clone())
            .app_data(PayloadConfig::new(SIZE_LIMIT))
            .app_data(JsonConfig::default().limit(SIZE_LIMIT))
            .configure(routes)
    })
    .workers(1)
    // Longer than our clients keep a connection that they do not use: a server that ends one just
    // when a request comes has not answered it.
    .keep_alive(Duration::from_secs(120))
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = server.handle();
    // Not one of `tasks`: it ends when it is told to, and only so frees its port.
    tokio::spawn(async {
        if let Err(error) = server.await {
            tracing::error!(%error, "the HTTP server ended");
        }
    });
    Ok(Stub { url, smtp_addr, topic_arn: sns::TOPIC_ARN, state, server: handle, tasks })
}

impl Stub {
    /// What was received of one kind, newest last, as `GET /received` shows it.
    #[must_use]
    pub fn received(&self, kind: Kind) -> Vec<Value> {
        self.state.received.list(kind, |_| true)
    }

    /// Waits until at least `count` of one kind were received, and returns all of that kind.
    pub async fn wait_for(&self, kind: Kind, count: usize) -> Vec<Value> {
        self.state.received.wait_for(kind, count).await
    }

    /// From now on every text message and email by HTTP has this outcome, whoever it is for; `None`
    /// lets recipients decide again.
    pub fn force(&self, outcome: Option<Outcome>) {
        *self.state.forced.lock().unwrap_or_else(PoisonError::into_inner) = outcome;
    }

    /// Stops at once: what is unanswered stays so.
    pub async fn stop(mut self) {
        self.server.stop(false).await;
        self.tasks.shutdown().await;
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        // The call itself sends the command. Nobody waits for it to be carried out.
        drop(self.server.stop(false));
    }
}

/// What the parts share.
struct State {
    config: Config,
    received: Received,
    receipts: Receipts,
    sns: Sns,
    forced: Mutex<Option<Outcome>>,
}

impl State {
    fn outcome(&self, recipient: &str) -> Outcome {
        let forced = *self.forced.lock().unwrap_or_else(PoisonError::into_inner);
        forced.unwrap_or_else(|| Outcome::of(recipient))
    }
}

/// What a broken proxy in front of a provider may say.
fn garbage() -> HttpResponse {
    HttpResponse::Ok().content_type("text/html").body("<html><h1>Back soon</h1></html>")
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/mmg", web::post().to(mmg::send))
        .route("/firetext", web::post().to(firetext::send))
        .route("/", web::post().to(aws_sms::publish))
        .route("/v2/email/outbound-emails", web::post().to(ses::send))
        .route("/sns/cert.pem", web::get().to(sns::certificate))
        .route("/sns/subscribe", web::post().to(sns::subscribe))
        .route("/sns/confirm", web::get().to(sns::confirm))
        .route("/api/v2/tickets.json", web::post().to(zendesk::create))
        .route("/services/{service}/documents", web::post().to(documents::upload))
        .route("/callback", web::post().to(callbacks::take))
        .route("/callback/{answer}", web::post().to(callbacks::take))
        .route("/received", web::get().to(received::show_all))
        .route("/received", web::delete().to(received::clear))
        .route("/received/{kind}", web::get().to(received::show))
        .route("/_status", web::get().to(status));
}

/// `GET /_status`: counts, and whether the SNS subscription was confirmed.
async fn status(state: Data<State>) -> web::Json<Value> {
    let count = |kind| state.received.count(kind);
    web::Json(json!({
        "status": "ok",
        "subscription_confirmed": state.sns.is_confirmed(),
        "sms": count(Kind::Sms),
        "emails": count(Kind::Emails),
        "callbacks": count(Kind::Callbacks),
    }))
}

/// The time as SES and SNS write it, e.g. `2016-03-14T12:35:25.909Z`.
fn timestamp() -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    #[expect(clippy::disallowed_methods, reason = "this crate knows none of ours")]
    let now = OffsetDateTime::now_utc();
    now.format(format).expect("the format only uses what a time has")
}

#[expect(clippy::disallowed_methods, reason = "this crate knows none of ours")]
fn new_id() -> Uuid {
    Uuid::new_v4()
}
