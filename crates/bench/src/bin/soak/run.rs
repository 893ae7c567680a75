//! The soak from its beginning to its end.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use rand::{SeedableRng, rngs::StdRng};
use testkit::Proxy;
use tokio::time::sleep;

use crate::{
    chaos::{Chaos, Grounds},
    cli,
    fleet::{Publishing, Workers},
    ledger::Ledger,
    report::{Range, Report},
    site::{Letter, Site},
};

/// Tasks run so long before anything is broken. What there is then must be there at the end.
const CALM: Duration = Duration::from_secs(8);
/// The publisher is so many tasks ahead of the workers at most.
const BACKLOG: u32 = 10_000;
/// Longer than any task is delayed, and a message of a lost connection is away.
const TIME_FOR_MESSAGES: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_millis(200);
const TELL: Duration = Duration::from_secs(10);
/// The broker keeps a connection that went silent for two missed heartbeats.
const TIME_FOR_CONNECTIONS: Duration = Duration::from_secs(60);
/// So many of the tasks that something is wrong with are named.
const NAMED: usize = 20;

/// Soaks.
///
/// # Errors
/// When it cannot begin. What goes wrong later is in the report.
pub async fn run(args: cli::Run) -> anyhow::Result<Report> {
    let seed = args.seed.unwrap_or_else(rand::random);
    eprintln!("seed {seed}");
    let folder = prepare(&args)?;
    let site = Site::new(&args);
    site.clear().await?;
    let worker_proxy = Proxy::start(&site.url).await;
    let publisher_proxy = Proxy::start(&site.url).await;
    let common = |proxy: &Proxy| {
        let mut common = vec!["--broker-url".to_owned(), proxy.url.clone()];
        common.extend(args.quorum.then(|| "--quorum".to_owned()));
        common
    };
    let publishing = Publishing::start(&common(&publisher_proxy), seed)?;
    let workers = Workers::start(args.workers, folder.clone(), common(&worker_proxy))?;
    let grounds = Grounds::new(site, workers, worker_proxy, publisher_proxy);
    let ledger = Ledger::new(&folder.join("effects"));
    let mut soak = Soak {
        limit: Duration::from_secs(args.limit.into()),
        ledger,
        publishing,
        begin: Instant::now(),
        told: Instant::now(),
        allowed: 0,
        worker: Range::default(),
        publisher: Range::default(),
        connections: Range::default(),
    };
    let passed = soak.pass(&args, &grounds, seed).await;
    let mut failures: Vec<_> = passed.err().map(|error| format!("{error:#}")).into_iter().collect();
    failures.extend(soak.ledger.early().into_iter().take(NAMED));
    match grounds.site.dead_letters().await {
        Ok(letters) => {
            failures.extend(letters.into_iter().take(NAMED).map(
                |Letter { number, reason, error }| {
                    format!("task {number:?} is a dead letter: {reason}: {error}")
                },
            ));
        }
        Err(error) => failures.push(format!("the dead letters: {error:#}")),
    }
    failures.extend(soak.worker.growth("the worker that was not killed"));
    failures.extend(soak.publisher.growth("the publisher"));
    Ok(Report {
        seed,
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        workers: args.workers,
        seconds: soak.begin.elapsed().as_secs_f64(),
        published: soak.publishing.accepted(),
        publish_failures: soak.publishing.failures(),
        done: soak.ledger.done,
        runs: soak.ledger.runs,
        duplicates: soak.ledger.duplicates,
        redelivered: soak.ledger.redelivered,
        blows: *grounds.blows.lock().await,
        worker: soak.worker,
        publisher: soak.publisher,
        connections: soak.connections,
        failures,
    })
}

/// Waits until no message is left. Some come after the last effect: where an acknowledgement or a
/// confirmation was lost, the broker has a task twice, and the second may be a delayed one.
async fn until_empty(grounds: &Grounds) -> anyhow::Result<()> {
    let deadline = Instant::now() + TIME_FOR_MESSAGES;
    let mut empty = 0;
    loop {
        let left = grounds.site.messages().await?;
        // The queues are not looked at in one moment: a message may pass from one to another.
        empty = if left == 0 { empty + 1 } else { 0 };
        if empty == 2 {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{left} messages are left");
        eprintln!("{left} messages are left so far");
    }
}

/// Makes the folder anew.
fn prepare(args: &cli::Run) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(&args.folder)?;
    let folder = fs::canonicalize(&args.folder)?;
    fs::remove_dir_all(&folder)?;
    fs::create_dir_all(folder.join("effects"))
        .with_context(|| format!("making {}", folder.display()))?;
    Ok(folder)
}

/// What is watched meanwhile.
struct Soak {
    ledger: Ledger,
    publishing: Publishing,
    begin: Instant,
    limit: Duration,
    told: Instant,
    /// So many tasks may be published so far.
    allowed: u32,
    worker: Range,
    publisher: Range,
    connections: Range,
}

impl Soak {
    async fn pass(&mut self, args: &cli::Run, grounds: &Grounds, seed: u64) -> anyhow::Result<()> {
        while self.begin.elapsed() < CALM || self.ledger.done == 0 {
            self.allow(args.tasks).await?;
            self.tick(grounds).await?;
        }
        self.look(grounds).await?;
        let until = self.begin + Duration::from_secs(args.seconds.into());
        let is_over = AtomicBool::new(false);
        let mut chaos = Chaos { grounds, random: StdRng::seed_from_u64(seed) };
        let load = async {
            while Instant::now() < until && self.publishing.accepted() < args.tasks {
                self.allow(args.tasks).await?;
                self.tick(grounds).await?;
            }
            is_over.store(true, Ordering::Relaxed);
            Ok(())
        };
        tokio::try_join!(load, chaos.reign(|| is_over.load(Ordering::Relaxed)))?;
        eprintln!("Nothing is broken any more");
        self.until_done(grounds).await?;
        self.until_connected_as_before(grounds).await?;
        until_empty(grounds).await?;
        self.look(grounds).await?;
        grounds.workers.lock().await.stop().await?;
        self.ledger.update()?;
        let left = grounds.site.messages().await?;
        ensure!(left == 0, "{left} messages are left by the workers");
        Ok(())
    }

    /// Lets the publisher be a bit ahead of the workers.
    async fn allow(&mut self, tasks: u32) -> anyhow::Result<()> {
        self.allowed = self.allowed.max(tasks.min(self.ledger.done + BACKLOG));
        self.publishing.allow(self.allowed).await
    }

    async fn tick(&mut self, grounds: &Grounds) -> anyhow::Result<()> {
        sleep(TICK).await;
        ensure!(self.begin.elapsed() < self.limit, "it takes longer than {:?}", self.limit);
        self.ledger.update()?;
        // Not while one is being replaced.
        if let Ok(mut workers) = grounds.workers.try_lock() {
            workers.check()?;
        }
        if self.told.elapsed() >= TELL {
            self.told = Instant::now();
            let (seconds, done) = (self.begin.elapsed().as_secs(), self.ledger.done);
            eprintln!("{seconds} s: {} published, {done} done", self.publishing.accepted());
        }
        Ok(())
    }

    /// Waits until every task that was published has had its effect.
    async fn until_done(&mut self, grounds: &Grounds) -> anyhow::Result<()> {
        while self.ledger.done < self.allowed || self.publishing.accepted() < self.allowed {
            if let Err(error) = self.tick(grounds).await {
                let missing = self.ledger.missing(self.allowed);
                let some = &missing[..missing.len().min(NAMED)];
                bail!(
                    error.context(format!("{} tasks have had no effect: {some:?}", missing.len()))
                );
            }
        }
        Ok(())
    }

    async fn until_connected_as_before(&mut self, grounds: &Grounds) -> anyhow::Result<()> {
        let (deadline, before) = (Instant::now() + TIME_FOR_CONNECTIONS, self.connections.first);
        loop {
            let now = grounds.site.connections()?;
            if now == before {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{now} connections, {before} at the beginning");
            sleep(TICK).await;
        }
    }

    /// Notes what must not grow.
    async fn look(&mut self, grounds: &Grounds) -> anyhow::Result<()> {
        self.worker.note(grounds.workers.lock().await.resident_kib()?);
        self.publisher.note(self.publishing.resident_kib()?);
        self.connections.note(grounds.site.connections()?);
        Ok(())
    }
}
