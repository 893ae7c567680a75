//! The soak: many tasks while workers, connections and the broker are broken at random. Every task
//! must have its effect, none before its time; and nothing may grow.
//!
//! One process publishes, some work, all through proxies that the main process cuts and silences.
//! An effect is a line in a file, written before the task is acknowledged, so it does not depend on
//! what is tested. Start reading at [`run`].
//!
//! It kills the broker that it is given: that must be one of its own.

mod chaos;
mod cli;
mod fleet;
mod job;
mod ledger;
mod publisher;
mod report;
mod run;
mod site;
mod worker;

use std::process::ExitCode;

use anyhow::bail;
use clap::Parser;
use cli::{Cli, Command};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Command::Run(args) => {
            let report = tokio::select! {
                report = run::run(args) => report?,
                // Dropping the soak ends its children.
                () = interrupted() => bail!("interrupted"),
            };
            print!("{report}");
            let is_good = report.failures.is_empty();
            Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Worker(args) => worker::work(args).await.map(|()| ExitCode::SUCCESS),
        Command::Publisher(args) => publisher::publish(args).await.map(|()| ExitCode::SUCCESS),
    }
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
