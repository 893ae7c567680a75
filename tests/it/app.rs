//! The whole system in one test: API, handlers, database, broker, Redis and providers, each test
//! with its own database, queue prefix and key prefix.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use app::App;
use domain::{
    Clock, KeyType, NotificationId, NotificationStatus, TemplateId,
    signing::Signer,
};
use jsonwebtoken::{EncodingKey, Header};
use providers::{callbacks::CallbackClient, sns};
use queue::{Broker, BrokerConfig, Registry, Source};
use secrecy::SecretString;
use serde_json::{Value, json};
use store::{Limits, RedisConfig};
use stub::{Kind, Stub};
use testkit::{Database, TestService};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use worker::{Context, Senders};

/// What the tests' receipts prove themselves with.
pub(crate) const RECEIPTS_USER: &str = "receipts";
pub(crate) const RECEIPTS_PASSWORD: &str = "password";

/// A running system.
pub(crate) struct TestApp {
    pub app: App,
    pub stub: Stub,
    pub url: String,
    pub http: reqwest::Client,
    pub signer: Signer,
    database: Database,
    broker: Broker,
    prefix: String,
    registry: Registry<Context>,
    ahead: Arc<Mutex<time::Duration>>,
    stop: CancellationToken,
}

/// A service with its keys and templates.
pub(crate) struct Client {
    pub service: TestService,
    pub sms: TemplateId,
    pub email: TemplateId,
    url: String,
    http: reqwest::Client,
    secret: String,
}

/// An answer of the API.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The body, when the status is this one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `make test`"))
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A system whose provider settings the test changes.
    pub(crate) async fn with(change: impl FnOnce(&mut worker::ProviderConfig)) -> Self {
        let database = Database::create().await;
        let ahead = Arc::new(Mutex::new(time::Duration::ZERO));
        let hand = Arc::clone(&ahead);
        let clock = Clock::from_fn(move || {
            OffsetDateTime::from(SystemTime::now()) + *hand.lock().unwrap()
        });
        let prefix = testkit::unique("it-");
        let stub = stub::start(stub::Config::default()).await.unwrap();
        let broker = connect(&prefix, &clock).await;
        let redis = RedisConfig {
            redis_url: variable("POSTROOM_TEST_REDIS_URL").into(),
            redis_enabled: "1".to_owned(),
            api_rate_limit_enabled: "1".to_owned(),
            redis_key_prefix: prefix.clone(),
        };
        let config = app::Config {
            secret_key: "test-secret".into(),
            old_secret_keys: Vec::new(),
            dangerous_salt: "test-salt".into(),
            notify_email_domain: "postroom.example".to_owned(),
            from_number: "POSTROOM".to_owned(),
            receipt_wait_seconds: 30,
        };
        let limits = Limits::connect(&redis, clock.clone()).unwrap();
        let app =
            App::new(&config, database.pool().clone(), limits, &broker, clock.clone()).unwrap();
        let stop = CancellationToken::new();
        let url = serve(&app, &stub, &stop).await;
        let context = Context::new(
            app.clone(),
            senders(&stub, &clock, &url, change),
            callbacks(),
        );
        Self {
            url,
            http: reqwest::Client::new(),
            signer: app.signer().clone(),
            registry: worker::registry::registry(context),
            app,
            stub,
            database,
            broker,
            prefix,
            ahead,
            stop,
        }
    }

    /// A database connection of the test's own.
    pub(crate) async fn db(&self) -> store::pool::Client {
        self.database.client().await
    }

    pub(crate) fn pool(&self) -> store::Pool {
        self.database.pool().clone()
    }

    /// Moves the system's clock.
    pub(crate) fn advance(&self, by: time::Duration) {
        *self.ahead.lock().unwrap() += by;
    }

    /// A live service with a normal key, an SMS and an email template, called back at the stub.
    pub(crate) async fn client(&self) -> Client {
        let db = self.db().await;
        let service = testkit::service(&db).live().prefix_sms().create().await;
        let token = self.signer.sign("callback token").unwrap();
        let url = format!("{}/callback", self.stub.url);
        testkit::delivery_callback(&db, &service, &url, &token).await;
        self.client_of(service, KeyType::Normal).await
    }

    /// A key of this type for a service, and templates.
    pub(crate) async fn client_of(&self, service: TestService, key_type: KeyType) -> Client {
        let db = self.db().await;
        let secret = Uuid::from_u128(rand_u128()).to_string();
        let signed = self.signer.sign(&secret).unwrap();
        testkit::api_key(&db, &service, key_type, &signed).await;
        Client {
            sms: testkit::template(&db, &service).sms("Hello ((name))").create().await,
            email: testkit::template(&db, &service)
                .email("Dear ((name))", "Hello ((name))\r\n\r\nBye")
                .create()
                .await,
            service,
            url: self.url.clone(),
            http: self.http.clone(),
            secret,
        }
    }

    /// Runs every queued task until none is left; returns how many ran.
    pub(crate) async fn drain(&self) -> usize {
        let queues: Vec<&str> =
            tasks::roles::ALL.iter().flat_map(|role| role.queues).map(|c| c.queue).collect();
        queue::drain(&self.broker, &self.registry, &queues).await.unwrap()
    }

    /// Runs tasks and lets receipts come in until the notification has this status.
    pub(crate) async fn drain_until(&self, id: NotificationId, status: NotificationStatus) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        while self.status(id).await != status {
            assert!(
                tokio::time::Instant::now() < deadline,
                "{id} is {} and not {status}",
                self.status(id).await
            );
            self.drain().await;
            tokio::task::yield_now().await;
        }
    }

    /// The status in the database.
    pub(crate) async fn status(&self, id: NotificationId) -> NotificationStatus {
        store::receipts::find(&self.db().await, id).await.unwrap().unwrap().status
    }

    /// Waits for so many things at the stub, then gives them.
    pub(crate) async fn received(&self, kind: Kind, count: usize) -> Vec<Value> {
        tokio::time::timeout(Duration::from_secs(20), self.stub.wait_for(kind, count))
            .await
            .unwrap_or_else(|_| panic!("the stub received {:?}", self.stub.received(kind)))
    }

    /// Posts what a provider would, with the receipts' credentials.
    pub(crate) async fn mmg_receipt(&self, body: &Value) -> Answer {
        let request = self
            .http
            .post(format!("{}/notifications/sms/mmg", self.url))
            .basic_auth(RECEIPTS_USER, Some(RECEIPTS_PASSWORD))
            .json(body);
        answer(request).await
    }

    /// Ends the system; what it made goes with it.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.stub.stop().await;
        delete_queues(&self.prefix).await;
        self.broker.close().await;
        self.database.close().await;
    }
}

impl Client {
    /// `Authorization` for this service, signed now.
    pub(crate) fn token(&self) -> String {
        let now = OffsetDateTime::from(SystemTime::now()).unix_timestamp();
        let claims = json!({ "iss": self.service.id, "iat": now });
        let key = EncodingKey::from_secret(self.secret.as_bytes());
        format!("Bearer {}", jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap())
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        let request = self
            .http
            .post(format!("{}{path}", self.url))
            .header("Authorization", self.token())
            .json(body);
        answer(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request =
            self.http.get(format!("{}{path}", self.url)).header("Authorization", self.token());
        answer(request).await
    }

    /// Sends a text message; its id.
    pub(crate) async fn send_sms(&self, number: &str) -> NotificationId {
        let body = json!({ "phone_number": number, "template_id": self.sms,
                           "personalisation": { "name": "Ada" } });
        id(&self.post("/v2/notifications/sms", &body).await.expect(201))
    }

    /// Sends an email; its id.
    pub(crate) async fn send_email(&self, address: &str) -> NotificationId {
        let body = json!({ "email_address": address, "template_id": self.email,
                           "personalisation": { "name": "Ada" } });
        id(&self.post("/v2/notifications/email", &body).await.expect(201))
    }
}

pub(crate) fn id(accepted: &Value) -> NotificationId {
    accepted["id"].as_str().unwrap().parse().unwrap()
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null),
    }
}

fn rand_u128() -> u128 {
    let unique = testkit::unique("");
    u128::from_str_radix(&unique.replace('-', ""), 16).unwrap()
}

async fn connect(prefix: &str, clock: &Clock) -> Broker {
    let mut config = BrokerConfig::new(variable("POSTROOM_TEST_BROKER_URL"));
    prefix.clone_into(&mut config.queue_prefix);
    let (now, ids) = (clock.clone(), clock.clone());
    let source = Source::new(move || now.now(), move || ids.new_id());
    let broker = Broker::connect(&config, source).await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !broker.is_connected() {
        assert!(tokio::time::Instant::now() < deadline, "no broker");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    broker
}

async fn serve(app: &App, stub: &Stub, stop: &CancellationToken) -> String {
    let _ = (app, stub, stop);
    let address: SocketAddr = todo!();
    format!("http://{address}")
}

fn senders(
    stub: &Stub,
    clock: &Clock,
    url: &str,
    change: impl FnOnce(&mut worker::ProviderConfig),
) -> Senders {
    let _ = (stub, clock, url, change);
    todo!()
}

fn callbacks() -> CallbackClient {
    CallbackClient::from_config(&providers::callbacks::CallbackConfig {
        callback_allow_private: true,
        callback_redirects: 0,
        callback_timeout: Duration::from_secs(5),
    })
    .unwrap()
}
