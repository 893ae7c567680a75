//! The stub as a program of its own.

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// Stands in for MMG, SES with SNS, a mail server and a service's callback endpoint
#[derive(Parser)]
#[command(name = "stub", after_help = stub::Outcome::HELP)]
struct Args {
    #[command(flatten)]
    config: stub::Config,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let stub = stub::start(Args::parse().config).await?;
    tracing::info!(url = stub.url, smtp = ?stub.smtp_addr, topic = stub.topic_arn, "ready");
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result?,
        _ = terminate.recv() => {}
    }
    stub.stop().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Args;

    #[test]
    fn arguments_are_consistent() {
        <Args as clap::CommandFactory>::command().debug_assert();
    }
}
