//! A worker in a process of its own.

use std::fs;

use anyhow::Context;
use testkit::process;
use tokio::process::{Child, Command};

pub struct Worker(Child);

impl Worker {
    /// Starts it.
    pub fn start(mut command: Command) -> anyhow::Result<Self> {
        Ok(Self(command.spawn().context("starting a worker")?))
    }

    /// The most memory that it has had, in MiB.
    pub fn peak_mib(&self) -> anyhow::Result<f64> {
        let pid = self.0.id().context("the worker has ended")?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|peak| peak.trim().strip_suffix(" kB")).context("no VmHWM")?;
        Ok(kib.parse::<f64>()? / 1024.0)
    }

    /// Lets it finish what it is doing.
    pub async fn end(mut self) -> anyhow::Result<()> {
        process::signal(&self.0, "TERM").await;
        self.0.wait().await?;
        Ok(())
    }

    /// Ends it at once, whatever it is doing.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.0.kill().await?)
    }
}
