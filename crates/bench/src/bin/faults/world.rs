//! Everything that a fault happens in: servers, system, providers and load.

use std::{collections::HashSet, fs, time::Duration};

use anyhow::{Context, ensure};
use domain::Clock;
use stub::{Kind, Stub};
use testkit::Proxy;
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    Args,
    clock::SteppedClock,
    disks::Disks,
    faults::Fault,
    ledger::{self, Progress},
    load::{Answers, Load},
    report::Row,
    servers::{REDIS, Servers},
    system::{Process, Program, Settings, exports},
};

/// Load before something is broken, and after it is healed.
const CALM: Duration = Duration::from_secs(3);
const AFTER: Duration = Duration::from_secs(5);
/// How long nothing may change before messages count as forgotten: the outbox holds a row for half a
/// minute. And before a receipt does: a task that could not apply it runs again after five minutes.
const FORGOTTEN: Duration = Duration::from_secs(40);
const UNRECEIPTED: Duration = Duration::from_secs(330);
/// How long it may all take.
const LIMIT: Duration = Duration::from_secs(900);
const TICK: Duration = Duration::from_millis(250);
/// How long the system may take to start.
const START: Duration = Duration::from_secs(30);

/// See above.
pub struct World {
    pub servers: Servers,
    /// The ways of the system to the broker and to Redis.
    pub broker: Proxy,
    pub redis: Proxy,
    pub stub: Stub,
    pub api: Process,
    pub worker: Process,
    pub beat: Process,
    program: Program,
    load: Load,
    clock: Clock,
    stepped: Option<SteppedClock>,
    /// Ours to remove at the end.
    disks: Option<Disks>,
}

/// What happened while something was broken.
pub struct Episode {
    fault: &'static str,
    answers: Answers,
    healed: OffsetDateTime,
    healed_at: Instant,
    crashes: u32,
}

impl World {
    /// Empties the servers and starts the system.
    ///
    /// # Errors
    /// When something does not start.
    pub async fn start(args: &Args, chosen: &[&Fault]) -> anyhow::Result<Self> {
        let dev = fs::canonicalize(&args.dev)?;
        let servers = Servers::new(&fs::canonicalize(&args.servers)?, &dev);
        let folder = dev.join("faults");
        fs::create_dir_all(&folder)?;
        for name in ["api", "worker", "beat", "commands"] {
            let _ = fs::remove_file(folder.join(format!("{name}.log")));
        }
        let disks = match chosen.iter().any(|fault| fault.needs_disks) {
            true => Some(Disks::mount(&servers).await?),
            false => None,
        };
        let stepped = match chosen.iter().any(|fault| fault.needs_clock) {
            true => Some(SteppedClock::new(&folder)?),
            false => None,
        };
        servers.clear(if disks.is_some() { "TABLESPACE small" } else { "" }).await?;
        let broker = Proxy::start(&servers.broker_url()?).await;
        let redis = Proxy::start(&format!("redis://@127.0.0.1:{}/0", servers.port(REDIS)?)).await;
        let api_url = format!("http://127.0.0.1:{}", servers.port("faults-api")?);
        let stub = stub::start(stub::Config {
            smtp_port: None,
            sns_events_url: Some(format!("{api_url}/notifications/email/ses").parse()?),
            receipt_delay_ms: 50,
            capacity: 1_000_000,
            ..stub::Config::default()
        })
        .await?;
        let settings = settings(&servers, &broker, &redis, &stub, &api_url)?;
        let mut program = Program { settings, folder: folder.clone() };
        let fixtures = folder.join("fixtures");
        program.run(&["migrate"]).await?;
        let file = fixtures.to_str().context("a folder that is no text")?;
        program.run(&["fixtures", "--rate-limit", "1000000000", "--env-file", file]).await?;
        let client_clock = stepped.as_ref().map_or_else(Clock::system, SteppedClock::of_clients);
        let load = Load::new(&api_url, &exports(&fixtures)?, client_clock)?;
        program.settings.extend(stepped.iter().flat_map(SteppedClock::settings));
        let managed = |name: &str| -> anyhow::Result<(Program, String)> {
            let mut program = program.clone();
            let address = format!("127.0.0.1:{}", servers.port(name)?);
            program.settings.insert("POSTROOM_MANAGEMENT_ADDR".to_owned(), address.clone());
            Ok((program, format!("http://{address}/healthz")))
        };
        let (worker, worker_health) = managed("faults-worker")?;
        let (beat, beat_health) = managed("faults-beat")?;
        let world = Self {
            api: Process::start("api", program.clone(), &["api"]),
            worker: Process::start("worker", worker, &["worker", "--role", "all"]),
            beat: Process::start("beat", beat, &["beat"]),
            servers,
            broker,
            redis,
            stub,
            program,
            load,
            clock: Clock::system(),
            stepped,
            disks,
        };
        for url in [format!("{api_url}/_status"), worker_health, beat_health] {
            answers(&url).await?;
        }
        Ok(world)
    }

    /// The small disks that the database is on, where a fault needs them.
    ///
    /// # Errors
    /// When there are none.
    pub fn disks(&self) -> anyhow::Result<&Disks> {
        self.disks.as_ref().context("there are no small disks")
    }

    /// Has our processes and their clients see a time so many seconds from the true one. Their
    /// monotonic clocks go on, as they do on a machine whose clock is set; servers keep theirs.
    ///
    /// # Errors
    /// When their clocks cannot be stepped.
    pub fn step_clock(&self, seconds: i32) -> anyhow::Result<()> {
        self.stepped.as_ref().context("the clocks cannot be stepped")?.step(seconds)
    }

    /// Breaks something under load, heals it, and goes on for a while.
    ///
    /// # Errors
    /// When that is not possible.
    pub async fn break_and_heal(&self, fault: &Fault) -> anyhow::Result<Episode> {
        let stop = CancellationToken::new();
        let ended = self.ended();
        let breaking = async {
            sleep(CALM).await;
            (fault.apply)(self).await.with_context(|| fault.name)?;
            let healed = (self.clock.now(), Instant::now());
            sleep(AFTER).await;
            stop.cancel();
            anyhow::Ok(healed)
        };
        let (healed, ()) = tokio::join!(breaking, self.load.run(stop.clone()));
        let (healed, healed_at) = healed?;
        let crashes = (self.ended() - ended).saturating_sub(fault.kills);
        Ok(Episode { fault: fault.name, answers: self.load.take(), healed, healed_at, crashes })
    }

    fn ended(&self) -> u32 {
        self.api.ended() + self.worker.ended() + self.beat.ended()
    }

    /// Waits until all messages have a final status, and compares.
    ///
    /// # Errors
    /// When the servers do not answer.
    pub async fn settle(&self, episode: Episode) -> anyhow::Result<Row> {
        let ids: Vec<String> = episode.answers.accepted.iter().map(|one| one.id.clone()).collect();
        let after = episode.answers.accepted.iter().filter(|one| one.at > episode.healed);
        let after: Vec<String> = after.map(|one| one.id.clone()).collect();
        let db = self.servers.database().await?;
        let (mut last, mut since) = (Progress::default(), Instant::now());
        let (mut replayed, mut timed_out, mut all) = (0, 0, None);
        while episode.healed_at.elapsed() < LIMIT {
            let now = Progress::read(&db, &ids).await?;
            if now.ended() == now.rows {
                all = Some(episode.healed_at.elapsed().as_secs_f64());
                break;
            }
            if now != last {
                (last, since) = (now, Instant::now());
            }
            let waited = if now.planned > 0 { Duration::ZERO } else { since.elapsed() };
            if now.created > 0 && replayed == 0 && waited > FORGOTTEN {
                replayed = now.created;
                ledger::age(&db, &ids, 2).await?;
                self.program.run(&["beat", "run", "replay-created-notifications"]).await?;
                since = Instant::now();
            } else if now.created == 0 && timed_out == 0 && waited > UNRECEIPTED {
                timed_out = now.sending;
                ledger::age(&db, &ids, 73).await?;
                self.program.run(&["beat", "run", "timeout-sending-notifications"]).await?;
                since = Instant::now();
            }
            sleep(TICK).await;
        }
        let end = Progress::read(&db, &ids).await?;
        let first = ledger::first_delivery(&db, &after, episode.healed).await?;
        let received = [self.stub.received(Kind::Sms), self.stub.received(Kind::Emails)].concat();
        let taken = ledger::taken(&received);
        let ours: HashSet<&str> = ids.iter().map(String::as_str).collect();
        Ok(Row {
            fault: episode.fault,
            accepted: ids.len(),
            refused: episode.answers.refused,
            sent: ours.iter().filter(|id| taken.contains_key(*id)).count(),
            lost: ids.len() - usize::try_from(end.ended())?,
            doubled: taken.values().filter(|count| **count > 1).count(),
            delivered: end.delivered,
            replayed,
            timed_out,
            crashes: episode.crashes,
            first,
            all,
        })
    }

    /// Forgets what the providers got.
    ///
    /// # Errors
    /// When the stub does not answer.
    pub async fn forget(&self) -> anyhow::Result<()> {
        let answer = reqwest::Client::new().delete(format!("{}/received", self.stub.url)).send();
        answer.await?.error_for_status()?;
        Ok(())
    }

    /// Ends the system, and removes what was made for it.
    ///
    /// # Errors
    /// When the small disks stay.
    pub async fn end(self) -> anyhow::Result<()> {
        drop((self.api, self.worker, self.beat));
        if let Some(disks) = self.disks {
            disks.unmount(&self.servers).await?;
        }
        Ok(())
    }
}

/// Waits for an answer that all is well.
async fn answers(url: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + START;
    let http = reqwest::Client::new();
    loop {
        let answer = http.get(url).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{url} does not answer");
        sleep(TICK).await;
    }
}

/// What the processes read. Times that can be set are short.
fn settings(
    servers: &Servers,
    broker: &Proxy,
    redis: &Proxy,
    stub: &Stub,
    api: &str,
) -> anyhow::Result<Settings> {
    let stub_url = &stub.url;
    let lines = [
        ("PATH", std::env::var("PATH").unwrap_or_default()),
        ("PORT", servers.port("faults-api")?.to_string()),
        ("SQLALCHEMY_DATABASE_URI", servers.database_url()?),
        ("CELERY_BROKER_URL", broker.url.clone()),
        ("REDIS_URL", redis.url.replace('@', "")),
        ("NOTIFY_ENVIRONMENT", "development".to_owned()),
        ("SECRET_KEY", "of-the-faults".to_owned()),
        ("DANGEROUS_SALT", "of-the-faults".to_owned()),
        // 32 bytes, as base64.
        ("TOKEN_SECRET_KEY", "dGVzdC1rZXktb2YtdGhpcnR5LXR3by1ieXRlcy1vayE=".to_owned()),
        ("ADMIN_CLIENT_SECRET", "of-the-faults".to_owned()),
        ("INTERNAL_CLIENT_API_KEYS", r#"{"notify-admin": ["of-the-faults"]}"#.to_owned()),
        ("API_HOST_NAME", api.to_owned()),
        ("MMG_URL", format!("{stub_url}/mmg")),
        ("MMG_API_KEY", "stub".to_owned()),
        ("MMG_RECEIPT_URL", format!("{api}/notifications/sms/mmg")),
        (
            "MMG_DELIVERY_STATUS_CALLBACK_BASIC_AUTH_CREDENTIALS",
            r#"["receipts", "of-the-faults"]"#.to_owned(),
        ),
        ("POSTROOM_MMG_TIMEOUT_MS", "2000".to_owned()),
        ("AWS_ENDPOINT_URL_SESV2", stub_url.clone()),
        ("AWS_ACCESS_KEY_ID", "stub".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "stub".to_owned()),
        ("POSTROOM_SES_TIMEOUT_MS", "2000".to_owned()),
        ("POSTROOM_SNS_TOPIC_ARNS", stub.topic_arn.to_owned()),
        ("POSTROOM_SNS_CERT_URL_PREFIX", format!("{stub_url}/sns/")),
        ("POSTROOM_RECEIPT_WAIT_SECONDS", "5".to_owned()),
        ("POSTROOM_PROVIDER_PAUSE_SECONDS", "2".to_owned()),
    ];
    Ok(lines.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
