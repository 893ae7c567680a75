//! How the soak is told what to do, and how it tells its children.

use std::path::PathBuf;

/// Runs numbered tasks while everything around them breaks
#[derive(clap::Parser)]
#[command(name = "soak")]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(clap::Subcommand)]
pub enum Command {
    /// The whole soak
    Run(Run),
    /// One of its workers
    #[command(hide = true)]
    Worker(Worker),
    /// Its publisher
    #[command(hide = true)]
    Publisher(Publisher),
}

/// The whole soak.
#[derive(clap::Args, Clone)]
pub struct Run {
    /// Ends when so many tasks have had their effect
    #[arg(long, default_value_t = 1_000_000)]
    pub tasks: u32,
    /// Publishes and breaks for so many seconds at most; then every task must still have its effect
    #[arg(long, default_value_t = 1200)]
    pub seconds: u32,
    /// How long it may all take, in seconds
    #[arg(long, default_value_t = 1500)]
    pub limit: u32,
    /// Chooses what is broken, in which order, and for how long; without it, another one each time
    #[arg(long)]
    pub seed: Option<u64>,
    /// Worker processes; the first is never killed
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(2..))]
    pub workers: u32,
    /// The queue of the tasks is a quorum queue instead of a classic one
    #[arg(long)]
    pub quorum: bool,
    /// Folder for effects and logs; what is there of an earlier soak is removed
    #[arg(long, default_value = ".dev/soak")]
    pub folder: PathBuf,
    /// The script that ends and starts the broker
    #[arg(long, default_value = "deploy/local/servers")]
    pub servers: PathBuf,
    /// Name of the broker to that script
    #[arg(long, default_value = "rabbitmq-soak")]
    pub broker: String,
    /// Port of the broker
    #[arg(long)]
    pub port: u16,
}

/// What workers and the publisher must know.
#[derive(clap::Args, Clone)]
pub struct Common {
    #[arg(long)]
    pub broker_url: String,
    #[arg(long)]
    pub quorum: bool,
}

/// One worker.
#[derive(clap::Args, Clone)]
pub struct Worker {
    #[command(flatten)]
    pub common: Common,
    /// Where its effects go
    #[arg(long)]
    pub effects: PathBuf,
}

/// The publisher.
#[derive(clap::Args, Clone)]
pub struct Publisher {
    #[command(flatten)]
    pub common: Common,
    /// Makes the ids of tasks
    #[arg(long)]
    pub seed: u64,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn options_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
