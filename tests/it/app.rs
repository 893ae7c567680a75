//! The whole system in one test: API, handlers, database, broker, Redis and providers, each test
//! with its own database, queue prefix and key prefix.

use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
    time::Duration,
};

use app::{
    App, alerts::AlertsConfig, letters::LettersConfig, own_services::OwnServicesConfig,
    providers::ProvidersConfig,
};
use domain::{Clock, KeyType, NotificationId, NotificationStatus, TemplateId, signing::Signer};
use jsonwebtoken::{EncodingKey, Header};
use providers::{
    antivirus::AntivirusConfig,
    aws_sms::AwsSmsConfig,
    callbacks::{CallbackClient, CallbackConfig},
    documents::DocumentsConfig,
    firetext::FiretextConfig,
    mmg::MmgConfig,
    objects::ObjectsConfig,
    print::LetterPrinter,
    ses::SesConfig,
    smtp::SmtpConfig,
    sns,
    zendesk::ZendeskConfig,
};
use queue::{Broker, BrokerConfig, Registry, Source};
use secrecy::SecretString;
use serde_json::{Value, json};
use store::{Limits, RedisConfig};
use stub::{Kind, Stub};
use tempfile::TempDir;
use testkit::{Database, Proxy, Queues, TestService};
use time::OffsetDateTime;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;
use worker::{BreakerConfig, ProviderConfig, Senders};

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
    /// The way to the broker.
    pub proxy: Proxy,
    pub queues: Queues,
    database: Database,
    prefix: String,
    objects: TempDir,
    broker: Broker,
    registry: Registry<worker::Context>,
    context: worker::Context,
    ahead: Arc<Mutex<time::Duration>>,
    stop: CancellationToken,
}

/// What services are called back with is what the API's OpenAPI document says.
fn assert_described(body: &Value) {
    let document: Value =
        serde_json::from_str(include_str!("../../crates/api/openapi.json")).unwrap();
    let is_described = document["webhooks"].as_object().unwrap().values().any(|webhook| {
        let schema = &webhook["post"]["requestBody"]["content"]["application/json"]["schema"];
        let fields = schema["properties"].as_object().unwrap();
        let told = body.as_object().unwrap();
        let fits = |(name, value): (&String, &Value)| {
            let types = fields.get(name).map(|field| field["type"].to_string());
            let word = match value {
                Value::Null => "null",
                Value::Number(_) => "integer",
                _ => "string",
            };
            types.is_some_and(|types| types.contains(word))
        };
        told.len() == fields.len() && told.iter().all(fits)
    });
    assert!(is_described, "no webhook of crates/api/openapi.json is like {body}");
}

/// A service with its keys and templates.
pub(crate) struct Client {
    pub service: TestService,
    pub sms: TemplateId,
    pub email: TemplateId,
    url: String,
    http: reqwest::Client,
    secret: String,
    clock: Clock,
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

/// The queues of apps that we only send to.
const PEERS: [&str; 2] = [tasks::queues::SANITISE_LETTER, tasks::queues::ANTIVIRUS];

/// Every queue of ours.
fn queues() -> Vec<&'static str> {
    tasks::roles::ALL.iter().flat_map(|role| role.queues).map(|consume| consume.queue).collect()
}

pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `make test`"))
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::with(|_, _| {}).await
    }

    /// A system whose provider settings the test changes; it is given the stub they point to.
    pub(crate) async fn with(change: impl FnOnce(&mut ProviderConfig, &Stub)) -> Self {
        Self::with_all(|_, _| {}, change).await
    }

    /// A system whose settings of use cases the test changes.
    pub(crate) async fn with_app(change: impl FnOnce(&mut app::Config, &Stub)) -> Self {
        Self::with_all(change, |_, _| {}).await
    }

    async fn with_all(
        change_app: impl FnOnce(&mut app::Config, &Stub),
        change: impl FnOnce(&mut ProviderConfig, &Stub),
    ) -> Self {
        let database = Database::create().await;
        let prefix = testkit::unique("it-");
        let ahead = Arc::new(Mutex::new(time::Duration::ZERO));
        let hand = Arc::clone(&ahead);
        let clock = Clock::from_fn(move || real_now() + *hand.lock().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stub = stub::start(stub::Config {
            sns_events_url: Some(format!("{url}/notifications/email/ses").parse().unwrap()),
            ..stub::Config::default()
        })
        .await
        .unwrap();
        let broker_url = broker_url();
        let proxy = Proxy::start(&broker_url).await;
        let broker = connect(&proxy.url, &prefix, &clock).await;
        let objects = TempDir::new().unwrap();
        let mut config = app_config(&stub, &objects);
        change_app(&mut config, &stub);
        let app = use_cases(&config, &database, &broker, &prefix, &clock);
        let stop = CancellationToken::new();
        serve(listener, &app, &stub, &stop);
        let mut config = provider_config(&stub, &url);
        change(&mut config, &stub);
        let senders = Senders::from_config(&config, &clock).unwrap();
        let context = worker::Context::new(app.clone(), senders, callbacks());
        let registry = worker::registry::registry(context.clone());
        Self {
            url,
            http: reqwest::Client::new(),
            signer: app.signer().clone(),
            registry,
            context,
            app,
            stub,
            database,
            objects,
            broker,
            proxy,
            queues: Queues::new(&broker_url, &prefix, [queues(), PEERS.to_vec()].concat()),
            prefix,
            ahead,
            stop,
        }
    }

    /// What Redis says to a command; `{}` in it stands for the prefix of this system's keys.
    pub(crate) async fn redis(&self, command: &str) -> String {
        let url: reqwest::Url = variable("POSTROOM_TEST_REDIS_URL").parse().unwrap();
        let address = (url.host_str().unwrap(), url.port().unwrap());
        let mut stream = TcpStream::connect(address).await.unwrap();
        let database = url.path().trim_start_matches('/');
        let command = command.replace("{}", &self.prefix);
        stream.write_all(format!("SELECT {database}\r\n{command}\r\n").as_bytes()).await.unwrap();
        let mut lines = BufReader::new(stream).lines();
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("+OK"));
        lines.next_line().await.unwrap().unwrap()
    }

    /// Where the buckets are.
    pub(crate) fn objects_folder(&self) -> String {
        self.objects.path().display().to_string()
    }

    /// A database connection of the test's own.
    pub(crate) async fn db(&self) -> store::pool::Client {
        self.database.client().await
    }

    /// Moves the system's clock.
    pub(crate) fn advance(&self, by: time::Duration) {
        *self.ahead.lock().unwrap() += by;
    }

    /// Sets the system's clock, which then goes on.
    pub(crate) fn travel_to(&self, at: OffsetDateTime) {
        *self.ahead.lock().unwrap() = at - real_now();
    }

    /// Publishes a task's message.
    pub(crate) async fn publish<T: queue::Task>(&self, task: &T) {
        let trace = queue::Trace::default();
        let envelope = queue::Envelope::new(task, self.app.clock().new_id(), &trace).unwrap();
        self.app.enqueue(envelope).await.unwrap();
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
        let secret = testkit::unique("secret-");
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
            clock: self.app.clock().clone(),
        }
    }

    /// Runs every queued task until none is left; returns how many ran.
    pub(crate) async fn drain(&self) -> usize {
        queue::drain(&self.broker, &self.registry, &queues()).await.unwrap()
    }

    /// Runs what lies on these queues only; returns how many ran.
    pub(crate) async fn drain_only(&self, queues: &[&str]) -> usize {
        queue::drain(&self.broker, &self.registry, queues).await.unwrap()
    }

    /// Lets a worker play all roles while the test goes on.
    pub(crate) async fn while_working<T>(&self, test: impl Future<Output = T>) -> T {
        let all = || tasks::roles::ALL.iter().flat_map(|role| role.queues);
        let (consumes, stop): (Vec<_>, _) = (all().copied().collect(), CancellationToken::new());
        let working = worker::run(self.context.clone(), &self.broker, &consumes, stop.clone());
        let testing = async {
            let result = test.await;
            stop.cancel();
            result
        };
        let (worked, result) = tokio::join!(working, testing);
        worked.unwrap();
        result
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
        store::receipts::find(&self.db().await, &[id]).await.unwrap()[0].status
    }

    /// Waits for so many things at the stub, then gives them.
    pub(crate) async fn received(&self, kind: Kind, count: usize) -> Vec<Value> {
        let received =
            tokio::time::timeout(Duration::from_secs(20), self.stub.wait_for(kind, count))
                .await
                .unwrap_or_else(|_| panic!("the stub received {:?}", self.stub.received(kind)));
        if kind == Kind::Callbacks {
            received.iter().for_each(|told| assert_described(&told["body"]));
        }
        received
    }

    /// Writes so many more rows like this notification, each with an id of its own.
    pub(crate) async fn copy(&self, id: NotificationId, copies: i32) {
        let sql = r#"INSERT INTO notifications (id, "to", normalised_to, service_id, template_id,
                template_version, api_key_id, key_type, notification_type, created_at, sent_at,
                sent_by, updated_at, notification_status, billable_units, international,
                rate_multiplier, phone_prefix)
            SELECT gen_random_uuid(), "to", normalised_to, service_id, template_id,
                template_version, api_key_id, key_type, notification_type, created_at, sent_at,
                sent_by, updated_at, notification_status, billable_units, international,
                rate_multiplier, phone_prefix
              FROM notifications, generate_series(1, $2) WHERE id = $1"#;
        self.db().await.execute(sql, &[&id, &copies]).await.unwrap();
    }

    /// Posts what a provider would, with the receipts' credentials.
    pub(crate) async fn mmg_receipt(&self, body: &Value) -> Answer {
        self.tell("mmg", |request| request.json(body)).await
    }

    /// Posts to one of the addresses that are for SMS providers, as a provider with credentials.
    pub(crate) async fn tell(
        &self,
        path: &str,
        body: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    ) -> Answer {
        let user = if path == "receive/firetext" { "notify" } else { RECEIPTS_USER };
        let request = self.http.post(format!("{}/notifications/sms/{path}", self.url));
        answer(body(request.basic_auth(user, Some(RECEIPTS_PASSWORD)))).await
    }

    /// Loses every message that waits in a queue.
    pub(crate) async fn purge(&self, queue: &str) {
        self.queues.purge(queue).await;
    }

    /// Publishes another message for a notification, as a relay or a replay might.
    pub(crate) async fn nudge(&self, id: NotificationId, attempt: u32) {
        let task = tasks::DeliverSms { notification_id: id };
        let trace = queue::Trace::default();
        let mut envelope = queue::Envelope::new(&task, self.app.clock().new_id(), &trace).unwrap();
        envelope.retries = attempt;
        self.app.enqueue(envelope).await.unwrap();
    }

    /// Publishes a task as its second attempt.
    pub(crate) async fn retry<T: queue::Task>(&self, task: &T) {
        let (id, trace) = (self.app.clock().new_id(), queue::Trace::default());
        let mut envelope = queue::Envelope::new(task, id, &trace).unwrap();
        envelope.retries = 1;
        self.app.enqueue(envelope.on(tasks::queues::RETRY)).await.unwrap();
    }

    /// Leaves the notification as if another worker had claimed it long ago and died.
    pub(crate) async fn die_while_sending(&self, id: NotificationId) {
        let sql = "UPDATE notifications SET claimed_by = gen_random_uuid(), claim_attempt = 0,
                claimed_until = now() AT TIME ZONE 'UTC' - interval '1 s' WHERE id = $1";
        assert_eq!(self.db().await.execute(sql, &[&id]).await.unwrap(), 1);
    }

    /// Calls the SMS handler as the broker would after it lost the worker that had the message.
    pub(crate) async fn redeliver(&self, id: NotificationId, attempt: u32) -> queue::TaskResult {
        let task = tasks::DeliverSms { notification_id: id };
        let trace = queue::Trace::default();
        let envelope = queue::Envelope::new(&task, self.app.clock().new_id(), &trace).unwrap();
        let attempt =
            queue::Attempt::of::<tasks::DeliverSms>(&envelope, attempt).after_redelivery();
        worker::delivery::sms(self.context.clone(), task, attempt).await
    }

    /// Runs a periodic task's message through the queue, as beat and the relay would.
    pub(crate) async fn fire(&self, entry: &str) {
        beat::fire_now(self.database.pool(), self.app.clock(), entry).await.unwrap();
        assert_eq!(self.app.relay_once().await.unwrap(), 1);
    }

    /// Runs a task that another app sends, and whatever follows from it.
    pub(crate) async fn told(&self, queue: &str, task: &str, args: Value, kwargs: Value) {
        self.queues.send(queue, task, args, kwargs).await;
        assert!(self.drain().await > 0, "{task} was not run");
    }

    /// What handlers share where letters are printed.
    pub(crate) fn with_printer(&self, printer: Box<dyn LetterPrinter>) -> worker::Context {
        let config = provider_config(&self.stub, &self.url);
        let senders = Senders::from_config(&config, self.app.clock()).unwrap();
        worker::Context::new(self.app.clone(), senders.with_printer(printer), callbacks())
    }

    /// What handlers share.
    pub(crate) fn context(&self) -> worker::Context {
        self.context.clone()
    }

    /// Takes the broker away.
    pub(crate) async fn cut_broker(&self) {
        self.proxy.close();
        wait_for(|| !self.broker.is_connected()).await;
    }

    /// Gives it back.
    pub(crate) async fn mend_broker(&self) {
        self.proxy.open();
        wait_for(|| self.broker.is_connected()).await;
    }

    /// The names of all tasks that the workers know.
    pub(crate) fn registered(&self) -> Vec<String> {
        self.registry.names().map(str::to_owned).collect()
    }

    /// How many messages wait in the outbox.
    pub(crate) async fn outbox(&self) -> i64 {
        let waiting = store::outbox::waiting(&self.db().await).await.unwrap();
        waiting.iter().map(|(_, messages, _)| messages).sum()
    }

    /// Ends the system; what it made goes with it. Nothing may be left undone: what the test did
    /// not expect to be queued would go unseen otherwise.
    pub(crate) async fn end(self) {
        assert_eq!(self.drain().await, 0, "tasks were left");
        assert_eq!(self.outbox().await, 0, "the outbox holds messages");
        self.end_as_it_is().await;
    }

    /// Ends the system with whatever is still queued.
    pub(crate) async fn end_as_it_is(self) {
        self.stop.cancel();
        self.broker.close().await;
        self.queues.delete().await;
        self.stub.stop().await;
        self.database.close().await;
    }
}

impl Client {
    /// `Authorization` for this service, signed now.
    pub(crate) fn token(&self) -> String {
        let now = self.clock.now().unix_timestamp();
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

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        let request =
            self.http.delete(format!("{}{path}", self.url)).header("Authorization", self.token());
        answer(request).await
    }

    /// Posts under an idempotency key.
    pub(crate) async fn post_once(&self, path: &str, key: &str, body: &Value) -> Answer {
        let request = self
            .http
            .post(format!("{}{path}", self.url))
            .header("Authorization", self.token())
            .header("Idempotency-Key", key)
            .json(body);
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

/// The vhost in which delays are declared, as for the other crates' tests.
fn broker_url() -> String {
    let vhosts = variable("POSTROOM_TEST_VHOSTS");
    let vhost = vhosts.split(',').next().unwrap_or_default();
    let server = variable("POSTROOM_TEST_BROKER_URL");
    format!("{}/{vhost}", server.trim_end_matches('/'))
}

async fn connect(url: &str, prefix: &str, clock: &Clock) -> Broker {
    // A connection that a test calls blocked sends nothing, not even heartbeats: the broker, which
    // knows of no block, would end it after six seconds.
    let mut config = BrokerConfig::new(format!("{url}?heartbeat=60"));
    prefix.clone_into(&mut config.queue_prefix);
    config.request_id_header = Some(tasks::headers::REQUEST_ID.to_owned());
    config.inherited_headers = tasks::headers::INHERITED.map(str::to_owned).into();
    let (now, ids) = (clock.clone(), clock.clone());
    let source = Source::new(move || now.now(), move || ids.new_id());
    let broker = Broker::connect(&config, source).await;
    wait_for(|| broker.is_connected()).await;
    broker
}

/// Waits until something that happens elsewhere has happened.
async fn wait_for(done: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(tokio::time::Instant::now() < deadline, "it does not happen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn app_config(stub: &Stub, objects: &TempDir) -> app::Config {
    app::Config {
        secret_key: "test-secret".into(),
        old_secret_keys: Vec::new(),
        dangerous_salt: "test-salt".into(),
        token_secret_key: "dGVzdC1rZXktb2YtdGhpcnR5LXR3by1ieXRlcy1vayE=".into(),
        notify_email_domain: "postroom.example".to_owned(),
        from_number: "POSTROOM".to_owned(),
        own_services: OwnServicesConfig {
            research_service_id: None,
            new_features_service_id: None,
        },
        api_host_name: "https://api.example".to_owned(),
        admin_base_url: "https://admin.example".to_owned(),
        receipt_wait_seconds: 30,
        dvla_email_addresses: r#"["printer@example.com", "other@example.com"]"#.to_owned(),
        objects: ObjectsConfig::in_folder(&objects.path().display().to_string()),
        documents: DocumentsConfig {
            document_download_host_internal: None,
            document_download_key: None,
            document_download_host: None,
            document_download_timeout: Duration::from_secs(5),
        },
        antivirus: AntivirusConfig { clamd_addr: None, clamd_timeout: Duration::from_secs(5) },
        providers: ProvidersConfig {
            sms_resting_points: vec!["mmg=51".parse().unwrap(), "firetext=49".parse().unwrap()],
            check_slow_text_message_delivery: "1".to_owned(),
        },
        letters: LettersConfig {
            antivirus_enabled: "1".to_owned(),
            test_letters_fake_delivery: "1".to_owned(),
        },
        alerts: AlertsConfig {
            environment: "test".to_owned(),
            still_created_alert_seconds: 3600,
            zendesk: ZendeskConfig {
                zendesk_alerts_enabled: "1".to_owned(),
                zendesk_url: stub.url.parse().unwrap(),
                zendesk_user: "operator/token".to_owned(),
                zendesk_api_key: Some("key".into()),
                zendesk_group_id: 1,
                zendesk_organisation_id: 2,
                zendesk_form_id: 3,
                zendesk_timeout: Duration::from_secs(5),
            },
        },
    }
}

fn use_cases(
    config: &app::Config,
    database: &Database,
    broker: &Broker,
    prefix: &str,
    clock: &Clock,
) -> App {
    let redis = RedisConfig {
        redis_url: variable("POSTROOM_TEST_REDIS_URL").into(),
        redis_enabled: "1".to_owned(),
        api_rate_limit_enabled: "1".to_owned(),
        redis_key_prefix: prefix.to_owned(),
    };
    let limits = Limits::connect(&redis, clock.clone()).unwrap();
    App::new(config, database.pool().clone(), limits, broker, clock.clone()).unwrap()
}

/// Serves the API on a thread of its own, as actix wants it.
fn serve(listener: TcpListener, app: &App, stub: &Stub, stop: &CancellationToken) {
    let config = api::Config {
        port: 0,
        host: String::new(),
        http_workers: Some(1),
        http_serve_timeout_seconds: 30,
        http_read_seconds: 10,
        metrics_path: "/metrics".to_owned(),
        receipts: api::ReceiptsConfig {
            mmg_receipts_credentials: Some(receipts_credentials()),
            firetext_receipts_credentials: Some(receipts_credentials()),
            reach_receipts_credentials: Some(receipts_credentials()),
            receipts_without_auth: "0".to_owned(),
        },
        inbound_sms: api::InboundSmsConfig {
            mmg_inbound_users: format!(r#"["{RECEIPTS_USER}"]"#),
            mmg_inbound_passwords: format!(r#"["{RECEIPTS_PASSWORD}"]"#).into(),
            firetext_inbound_passwords: format!(r#"["{RECEIPTS_PASSWORD}"]"#).into(),
        },
        sns: sns::SnsConfig {
            sns_topic_arns: vec![stub.topic_arn.to_owned()],
            sns_cert_url_prefix: Some(format!("{}/sns/", stub.url).parse().unwrap()),
            sns_timeout: Duration::from_secs(5),
        },
    };
    let metrics = runtime::unregistered_metrics();
    tokio::spawn(api::serve_on(listener, config, app.clone(), metrics, stop.clone()));
}

fn provider_config(stub: &Stub, url: &str) -> ProviderConfig {
    let timeout = Duration::from_secs(5);
    ProviderConfig {
        mmg: MmgConfig {
            mmg_url: format!("{}/mmg", stub.url).parse().unwrap(),
            mmg_api_key: Some("key".into()),
            mmg_receipt_url: Some(format!("{url}/notifications/sms/mmg").parse().unwrap()),
            mmg_receipt_credentials: Some(receipts_credentials()),
            mmg_timeout: timeout,
        },
        // A test that sends through these gives them their keys.
        firetext: FiretextConfig {
            firetext_url: format!("{}/firetext", stub.url).parse().unwrap(),
            firetext_api_key: None,
            firetext_international_api_key: "placeholder".into(),
            firetext_receipt_url: Some(
                format!("{url}/notifications/sms/firetext").parse().unwrap(),
            ),
            firetext_receipt_credentials: Some(receipts_credentials()),
            firetext_timeout: timeout,
        },
        aws_sms: AwsSmsConfig {
            aws_sms_endpoint: Some(stub.url.parse().unwrap()),
            aws_sms_region: "eu-west-1".to_owned(),
            aws_sms_access_key_id: None,
            aws_sms_secret_access_key: Some("secret".into()),
            aws_sms_number: None,
            aws_sms_timeout: timeout,
        },
        ses: SesConfig {
            ses_endpoint: Some(stub.url.parse().unwrap()),
            ses_region: "eu-west-1".to_owned(),
            ses_configuration_set: None,
            ses_access_key_id: Some("id".into()),
            ses_secret_access_key: Some("secret".into()),
            ses_session_token: None,
            ses_timeout: timeout,
        },
        smtp: SmtpConfig { smtp_url: None, smtp_timeout: timeout },
        breaker: BreakerConfig { provider_failures: 100, provider_pause_seconds: 15 },
    }
}

fn receipts_credentials() -> SecretString {
    format!(r#"["{RECEIPTS_USER}", "{RECEIPTS_PASSWORD}"]"#).into()
}

fn callbacks() -> CallbackClient {
    CallbackClient::from_config(&CallbackConfig {
        callback_allow_private: true,
        callback_redirects: 0,
        callback_timeout: Duration::from_secs(5),
    })
    .unwrap()
}

#[expect(clippy::disallowed_methods, reason = "where the tests' clock starts")]
fn real_now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
