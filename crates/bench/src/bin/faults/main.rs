//! The faults: the whole system under a steady load, while one server, process or provider after
//! the other is broken and healed. Every message that was accepted must reach a final status, nobody
//! may get one twice, and no operator helps.
//!
//! The system is three processes of the real program, started again whenever they end, as a service
//! manager would; the providers are a stub in this process, which remembers what each recipient got.
//! What only the hourly replay or the nightly time-outs repair is made old, and they are run at once:
//! the report counts such messages. Start reading at [`faults::ALL`].
//!
//! It empties the servers that it is given: they must be its own.

mod clock;
mod disks;
mod faults;
mod ledger;
mod load;
mod report;
mod servers;
mod system;
mod world;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{anyhow, bail};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use crate::{faults::Fault, world::World};

/// Breaks one thing after another under load
#[derive(Parser)]
#[command(name = "faults")]
pub struct Args {
    /// The faults to try, in this order; without any, all
    names: Vec<String>,
    /// Print their names, and do nothing
    #[arg(long)]
    list: bool,
    /// The folder in which the scripts of `deploy/local` keep what they know
    #[arg(long, default_value = ".dev")]
    dev: PathBuf,
    /// The script that ends and starts servers
    #[arg(long, default_value = "deploy/local/servers")]
    servers: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    if args.list {
        for fault in &faults::ALL {
            println!("{}", fault.name);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let chosen = choose(&args.names)?;
    // Dropping the world ends its processes.
    let report = tokio::select! {
        report = run(&args, &chosen) => report?,
        () = interrupted() => bail!("interrupted"),
    };
    print!("{report}");
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn choose(names: &[String]) -> anyhow::Result<Vec<&'static Fault>> {
    if names.is_empty() {
        return Ok(faults::ALL.iter().collect());
    }
    let find = |name: &String| {
        let found = faults::ALL.iter().find(|fault| fault.name == name);
        found.ok_or_else(|| anyhow!("there is no fault {name}: see --list"))
    };
    names.iter().map(find).collect()
}

async fn run(args: &Args, chosen: &[&Fault]) -> anyhow::Result<report::Report> {
    let world = World::start(args, chosen).await?;
    let mut report = report::Report::default();
    // Those whose messages wait long for their next attempt wait together.
    for group in chosen.chunk_by(|one, other| one.waits_long && other.waits_long) {
        let mut episodes = Vec::new();
        for fault in group {
            eprintln!("{}", fault.name);
            episodes.push(world.break_and_heal(fault).await?);
        }
        for episode in episodes {
            report.rows.push(world.settle(episode).await?);
            eprint!("{report}");
        }
        world.forget().await?;
    }
    world.end().await?;
    Ok(report)
}

async fn interrupted() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
