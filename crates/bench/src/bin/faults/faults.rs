//! What is broken, and how it is healed.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context, ensure};
use futures_util::future::BoxFuture;
use stub::Outcome;
use tokio::{process::Command, time::sleep};

use crate::{
    servers::{BROKER, POSTGRES, REDIS, Servers},
    system::Process,
    world::World,
};

/// How long something stays broken.
const BROKEN: Duration = Duration::from_secs(10);
/// Kills of a process in one fault.
const KILLS: u32 = 5;

/// One way to break something.
pub struct Fault {
    pub name: &'static str,
    /// Breaks it, waits, and heals it.
    pub apply: for<'a> fn(&'a World) -> BoxFuture<'a, anyhow::Result<()>>,
    /// Processes that it kills.
    pub kills: u32,
    /// Messages or receipts wait for their next attempt afterwards, which is five minutes later. What
    /// becomes of them is only looked at when all such faults that follow each other are over.
    pub waits_long: bool,
    pub needs_disk: bool,
}

const fn fault(
    name: &'static str,
    apply: for<'a> fn(&'a World) -> BoxFuture<'a, anyhow::Result<()>>,
) -> Fault {
    Fault { name, apply, kills: 0, waits_long: false, needs_disk: false }
}

/// All of them, in the order in which they are tried.
pub const ALL: [Fault; 23] = [
    fault("broker-killed", |world| Box::pin(killed(world, BROKER, Duration::from_secs(2)))),
    fault("broker-stopped", |world| Box::pin(stopped(world, BROKER, "TERM", BROKEN))),
    fault("broker-blocked", |world| Box::pin(broker_blocked(world))),
    fault("broker-link-silent", |world| Box::pin(broker_silent(world))),
    fault("broker-link-half-open", |world| Box::pin(broker_half_open(world))),
    fault("queues-deleted", |world| Box::pin(queues_deleted(world))),
    patient("postgres-restarted-fast", |world| {
        Box::pin(stopped(world, POSTGRES, "INT", Duration::from_secs(2)))
    }),
    patient("postgres-restarted-at-once", |world| {
        Box::pin(stopped(world, POSTGRES, "QUIT", Duration::from_secs(2)))
    }),
    patient("postgres-away", |world| Box::pin(stopped(world, POSTGRES, "INT", BROKEN))),
    patient("postgres-exhausted", |world| Box::pin(connections_exhausted(world))),
    patient("postgres-read-only", |world| Box::pin(read_only(world))),
    Fault { needs_disk: true, ..patient("postgres-disk-full", |world| Box::pin(disk_full(world))) },
    fault("redis-stopped", |world| Box::pin(stopped(world, REDIS, "TERM", BROKEN))),
    fault("redis-slow", |world| Box::pin(redis_slow(world))),
    fault("redis-flushed", |world| Box::pin(redis_flushed(world))),
    Fault { kills: KILLS, ..fault("worker-killed", |world| Box::pin(kills(&world.worker))) },
    Fault { kills: KILLS, ..fault("api-killed", |world| Box::pin(kills(&world.api))) },
    Fault { kills: KILLS, ..fault("beat-killed", |world| Box::pin(kills(&world.beat))) },
    Fault { kills: 3, ..fault("all-killed", |world| Box::pin(all_killed(world))) },
    patient("provider-hangs", |world| Box::pin(forced(world, Outcome::Hang))),
    patient("provider-500", |world| Box::pin(forced(world, Outcome::Error500))),
    patient("provider-429", |world| Box::pin(forced(world, Outcome::Throttle))),
    patient("provider-garbage", |world| Box::pin(forced(world, Outcome::Garbage))),
];

const fn patient(
    name: &'static str,
    apply: for<'a> fn(&'a World) -> BoxFuture<'a, anyhow::Result<()>>,
) -> Fault {
    Fault { waits_long: true, ..fault(name, apply) }
}

async fn killed(world: &World, server: &str, time: Duration) -> anyhow::Result<()> {
    world.servers.kill(server).await?;
    sleep(time).await;
    world.servers.start(server).await
}

async fn stopped(world: &World, server: &str, signal: &str, time: Duration) -> anyhow::Result<()> {
    world.servers.end(server, signal).await?;
    sleep(time).await;
    world.servers.start(server).await
}

/// The broker is short of memory, and takes no messages.
async fn broker_blocked(world: &World) -> anyhow::Result<()> {
    let memory = ["set_vm_memory_high_watermark", "absolute"];
    world.servers.rabbitmqctl(&[&memory[..], &["1MB"]].concat()).await?;
    sleep(BROKEN).await;
    world.servers.rabbitmqctl(&[&memory[..], &["1GB"]].concat()).await
}

/// Nothing passes, on connections old or new, and nobody is told.
async fn broker_silent(world: &World) -> anyhow::Result<()> {
    world.broker.silence();
    sleep(BROKEN).await;
    world.broker.open();
    Ok(())
}

/// Nothing passes the open connections any more, and nobody is told. New ones work at once, so
/// that it is healed from the beginning.
async fn broker_half_open(world: &World) -> anyhow::Result<()> {
    world.broker.hang();
    Ok(())
}

/// Queues with messages in them, some of which the worker holds: it stands still while they fill.
/// Its consumers' channels are told, and the messages are gone until the replay.
async fn queues_deleted(world: &World) -> anyhow::Result<()> {
    world.worker.signal("STOP").await?;
    sleep(Duration::from_secs(2)).await;
    let deleted = async {
        for queue in ["send-sms-tasks", "send-email-tasks"] {
            world.servers.delete_queue(queue).await?;
        }
        anyhow::Ok(())
    };
    let deleted = deleted.await;
    world.worker.signal("CONT").await?;
    deleted
}

/// Others take every connection, those of the system too.
async fn connections_exhausted(world: &World) -> anyhow::Result<()> {
    let admin = world.servers.maintenance().await?;
    let mut ours = Vec::new();
    for _ in 0..3 {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = 'postroom' AND backend_type = 'client backend'";
        admin.execute(sql, &[]).await?;
        while let Ok(client) = world.servers.maintenance().await {
            ours.push(client);
        }
    }
    ensure!(ours.len() > 30, "only {} connections were to be had", ours.len());
    sleep(BROKEN).await;
    Ok(())
}

async fn read_only(world: &World) -> anyhow::Result<()> {
    let admin = world.servers.maintenance().await?;
    admin.batch_execute("ALTER SYSTEM SET default_transaction_read_only = on").await?;
    admin.batch_execute("SELECT pg_reload_conf()").await?;
    sleep(BROKEN).await;
    admin.batch_execute("ALTER SYSTEM RESET default_transaction_read_only").await?;
    admin.batch_execute("SELECT pg_reload_conf()").await?;
    Ok(())
}

/// The disk of the tables and indexes is full; that of the log is not.
async fn disk_full(world: &World) -> anyhow::Result<()> {
    let file = world.disk()?.join("filler");
    let of = format!("of={}", file.display());
    // It ends with an error: when nothing fits any more.
    Command::new("dd").args(["if=/dev/zero", &of, "bs=64k", "status=none"]).output().await?;
    let _ = Command::new("dd")
        .args(["if=/dev/zero", &of, "bs=1k", "oflag=append", "conv=notrunc", "status=none"])
        .output()
        .await?;
    sleep(BROKEN).await;
    fs::remove_file(&file).context("emptying the disk")
}

/// Every answer of Redis takes a second.
async fn redis_slow(world: &World) -> anyhow::Result<()> {
    world.redis.slow(Duration::from_secs(1));
    sleep(BROKEN).await;
    world.redis.open();
    Ok(())
}

async fn redis_flushed(world: &World) -> anyhow::Result<()> {
    world.servers.redis("FLUSHALL").await
}

/// A process is killed at random moments.
async fn kills(process: &Process) -> anyhow::Result<()> {
    for _ in 0..KILLS {
        process.signal("KILL").await?;
        let pause = rand::random_range(1500..4000);
        sleep(Duration::from_millis(pause)).await;
    }
    Ok(())
}

async fn all_killed(world: &World) -> anyhow::Result<()> {
    for process in [&world.api, &world.worker, &world.beat] {
        process.signal("KILL").await?;
    }
    Ok(())
}

/// Both providers do this for a while.
async fn forced(world: &World, outcome: Outcome) -> anyhow::Result<()> {
    world.stub.force(Some(outcome));
    sleep(BROKEN).await;
    world.stub.force(None);
    Ok(())
}

/// A small disk in memory, with a tablespace of the database server on it.
pub struct Disk(pub PathBuf);

impl Disk {
    /// Makes it; only the machine's superuser can.
    ///
    /// # Errors
    /// When that is not allowed.
    pub async fn mount(servers: &Servers) -> anyhow::Result<Self> {
        let disk = Self(std::env::temp_dir().join("postroom-faults-disk"));
        fs::create_dir_all(&disk.0)?;
        // What an interrupted run has left.
        disk.unmount(servers).await?;
        fs::create_dir_all(&disk.0)?;
        run("mount", &["-t", "tmpfs", "-o", "size=200m", "postroom-faults", &disk.text()]).await?;
        let space = disk.0.join("space");
        fs::create_dir(&space)?;
        run("chown", &["postgres", &space.display().to_string()]).await?;
        let sql = format!("CREATE TABLESPACE small LOCATION '{}'", space.display());
        servers.maintenance().await?.batch_execute(&sql).await?;
        Ok(disk)
    }

    /// Removes it, and the database with it.
    ///
    /// # Errors
    /// When it is used.
    pub async fn unmount(&self, servers: &Servers) -> anyhow::Result<()> {
        let db = servers.maintenance().await?;
        db.batch_execute("DROP DATABASE IF EXISTS postroom WITH (FORCE)").await?;
        db.batch_execute("DROP TABLESPACE IF EXISTS small").await?;
        let mounts = fs::read_to_string("/proc/mounts")?;
        if mounts.contains(&format!(" {} ", self.text())) {
            run("umount", &[&self.text()]).await?;
        }
        Ok(fs::remove_dir(&self.0)?)
    }

    fn text(&self) -> String {
        self.0.display().to_string()
    }
}

async fn run(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let status = Command::new(program).args(arguments).status().await?;
    ensure!(status.success(), "{program}: {status}");
    Ok(())
}
