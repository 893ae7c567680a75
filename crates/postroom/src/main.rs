//! The one program: a subcommand for each process and each operator command, every one a thin
//! shell over its own crate. `postroom --help` lists them.

mod broker;
mod config;
mod dead_letters;
mod fixtures;
mod letters;
mod night;
mod notification;
mod processes;
mod queues;
mod services;

use clap::{Parser, Subcommand};

/// A message is some 300 small allocations, many made on one thread and freed on another. The settings
/// are in `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Sends emails, text messages and letters on behalf of many services.
#[derive(Parser)]
#[command(name = "postroom", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve HTTP: the public API, providers' receipts, status and metrics
    Api(Box<processes::Api>),
    /// Consume queues: send, apply receipts, call services back
    Worker(Box<processes::Worker>),
    /// Publish the schedule; run two or more, each entry fires once
    Beat(processes::Beat),
    /// Bring the database to the schema this version needs
    Migrate(processes::Migrate),
    /// Create a demo service with templates and keys, once
    Fixtures(Box<fixtures::Fixtures>),
    /// Create a service, show and change what it may do
    Service(services::Service),
    /// Create, list and revoke the API keys of a service
    Key(Box<services::Key>),
    /// Create a template
    Template(services::Template),
    /// Show what became of a message, and why
    Notification(notification::Notification),
    /// Show the queues: how full, how old, how fast
    Queues(queues::Queues),
    /// Have letters scanned or sanitised again
    Letters(Box<letters::Letters>),
    /// Run a task of the night, for a day or service; show how far a night is
    Night(Box<night::Night>),
    /// Look at what could not be run: list, show, requeue, delete
    DeadLetters(dead_letters::DeadLetters),
    /// Show the effective settings of all processes, secrets masked
    Config,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Api(api) => api.run().await,
        Command::Worker(worker) => worker.run().await,
        Command::Beat(beat) => beat.run().await,
        Command::Migrate(migrate) => migrate.run().await,
        Command::Fixtures(fixtures) => fixtures.run().await,
        Command::Service(service) => service.run().await,
        Command::Key(key) => key.run().await,
        Command::Template(template) => template.run().await,
        Command::Notification(notification) => notification.run().await,
        Command::Queues(queues) => queues.run().await,
        Command::Letters(letters) => letters.run().await,
        Command::Night(night) => night.run().await,
        Command::DeadLetters(letters) => letters.run().await,
        Command::Config => config::show(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn options_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
