//! What is broken, and how it is healed.

use std::time::Duration;

use anyhow::ensure;
use futures_util::future::BoxFuture;
use stub::Outcome;
use tokio::time::sleep;

use crate::{
    servers::{BROKER, POSTGRES, REDIS},
    system::Process,
    world::World,
};

/// How long something stays broken.
const BROKEN: Duration = Duration::from_secs(10);
/// Kills of a process in one fault.
const KILLS: u32 = 5;
/// How often all channels are closed, and the time between.
const CLOSINGS: u32 = 5;
const BETWEEN_CLOSINGS: Duration = Duration::from_secs(2);
/// How far the clock is stepped, in seconds.
const HOUR: i32 = 3600;

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
    pub needs_disks: bool,
    pub needs_clock: bool,
}

const fn fault(
    name: &'static str,
    apply: for<'a> fn(&'a World) -> BoxFuture<'a, anyhow::Result<()>>,
) -> Fault {
    Fault { name, apply, kills: 0, waits_long: false, needs_disks: false, needs_clock: false }
}

/// All of them, in the order in which they are tried.
pub const ALL: [Fault; 27] = [
    fault("broker-killed", |world| Box::pin(killed(world, BROKER, Duration::from_secs(2)))),
    fault("broker-stopped", |world| Box::pin(stopped(world, BROKER, "TERM", BROKEN))),
    fault("broker-blocked", |world| Box::pin(broker_blocked(world))),
    fault("broker-link-silent", |world| Box::pin(broker_silent(world))),
    fault("broker-link-half-open", |world| Box::pin(broker_half_open(world))),
    patient("channels-closed", |world| Box::pin(channels_closed(world))),
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
    Fault {
        needs_disks: true,
        ..patient("postgres-disk-full", |world| Box::pin(disk_full(world)))
    },
    Fault {
        needs_disks: true,
        ..patient("postgres-log-disk-full", |world| Box::pin(log_disk_full(world)))
    },
    fault("redis-stopped", |world| Box::pin(stopped(world, REDIS, "TERM", BROKEN))),
    fault("redis-slow", |world| Box::pin(redis_slow(world))),
    fault("redis-flushed", |world| Box::pin(redis_flushed(world))),
    Fault { kills: KILLS, ..fault("worker-killed", |world| Box::pin(kills(&world.worker))) },
    Fault { kills: KILLS, ..fault("api-killed", |world| Box::pin(kills(&world.api))) },
    Fault { kills: KILLS, ..fault("beat-killed", |world| Box::pin(kills(&world.beat))) },
    Fault { kills: 3, ..fault("all-killed", |world| Box::pin(all_killed(world))) },
    Fault { needs_clock: true, ..fault("clock-ahead", |world| Box::pin(clock(world, HOUR))) },
    Fault { needs_clock: true, ..fault("clock-behind", |world| Box::pin(clock(world, -HOUR))) },
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
    let filler = world.disks()?.tables.fill().await?;
    sleep(BROKEN).await;
    filler.remove()
}

/// The disk of the log is full: the server stops in the middle of what it does, and does not come up
/// before there is room.
async fn log_disk_full(world: &World) -> anyhow::Result<()> {
    let filler = world.disks()?.log.fill().await?;
    let admin = world.servers.maintenance().await?;
    // Uses up the files that it has made in advance.
    let mut switches = 0;
    while admin.execute("SELECT pg_switch_wal()", &[]).await.is_ok() {
        switches += 1;
        ensure!(switches < 100, "the log goes on");
        sleep(Duration::from_millis(100)).await;
    }
    sleep(BROKEN).await;
    filler.remove()?;
    world.servers.start(POSTGRES).await
}

/// Every channel is closed with an error, again and again; the connections stay.
async fn channels_closed(world: &World) -> anyhow::Result<()> {
    for _ in 0..CLOSINGS {
        world.servers.close_channels().await?;
        sleep(BETWEEN_CLOSINGS).await;
    }
    Ok(())
}

/// The clocks of our processes and of their clients are stepped, and a while later back.
async fn clock(world: &World, seconds: i32) -> anyhow::Result<()> {
    world.step_clock(seconds)?;
    sleep(BROKEN).await;
    world.step_clock(0)
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
