//! Measures the running system, beside what its servers could do at best.
//!
//! Everything is on one machine and shares its cores, the generator too, so only figures of one run
//! compare. Each measurement runs alone, and on a table and queues emptied of the one before; rows
//! of ours are known by their reference ([`database::MARK`]).
//!
//! It empties a queue and deletes rows: it is for the private servers of `deploy/local`, never for
//! a system that somebody uses. Start reading at [`suites`].

mod broker;
mod children;
mod cli;
mod client;
mod database;
mod email;
mod load;
mod processes;
mod report;
mod suites;
mod worker;

use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::Parser;
use domain::Clock;
use report::Report;
use tokio::signal::unix::{SignalKind, signal};

// One thread: the generator leaves the rest of the machine to what it measures.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    let args = cli::Args::parse();
    let clock = Clock::system();
    let mut report = Report::new(clock.now(), args.seconds, args.stored);
    // Dropping the run when interrupted sets the worker going again.
    let outcome = tokio::select! {
        outcome = suites::run(&args, clock, &mut report) => outcome,
        () = interrupted() => Err(anyhow!("interrupted")),
    };
    // Whatever ended the run, what it has measured holds.
    print!("{report}");
    outcome?;
    if let Some(path) = &args.json {
        let json = serde_json::to_vec_pretty(&report)?;
        std::fs::write(path, json).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(if report.failures().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
