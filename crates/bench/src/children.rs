//! The worker processes that are measured, each a child of this one.

use std::{fs, path::Path, process::Stdio};

use anyhow::{Context, ensure};
use tokio::process::{self, Command};

use crate::processes;

/// A child, which does not outlive this.
pub struct Child(process::Child);

impl Child {
    /// Starts `program` from the folder of this one, with these arguments.
    ///
    /// # Errors
    /// When it is not there.
    pub fn start(program: &str, arguments: &[String]) -> anyhow::Result<Self> {
        let path = std::env::current_exe()?.with_file_name(program);
        let mut command = Command::new(path);
        command.args(arguments);
        Self::spawn(&mut command).with_context(|| format!("starting {program}"))
    }

    /// Starts a Celery worker, of the virtual environment whose programs are in `bin`, with as many
    /// processes as there are cores, as it does by default.
    ///
    /// # Errors
    /// When Celery is not there.
    pub fn celery(bin: &Path, broker_url: &str, queue: &str) -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("postroom-bench-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("noop.py"), include_str!("noop.py"))?;
        let mut command = Command::new(bin.join("celery"));
        command
            .args(["-A", "noop", "worker", "--pool", "prefork", "--loglevel", "WARNING"])
            .current_dir(&folder)
            // Celery itself reads this one.
            .env("CELERY_BROKER_URL", broker_url)
            .env("BENCH_QUEUE", queue);
        Self::spawn(&mut command).with_context(|| format!("starting {}/celery", bin.display()))
    }

    fn spawn(command: &mut Command) -> anyhow::Result<Self> {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        Ok(Self(quiet.spawn()?))
    }

    /// Its resident memory in KiB.
    ///
    /// # Errors
    /// When it has ended.
    pub fn resident_kib(&self) -> anyhow::Result<u64> {
        let pid = self.0.id().context("a worker has ended")?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        processes::resident_kib(&status).context("a worker has ended")
    }

    /// Asks it to end, and waits for that.
    ///
    /// # Errors
    /// When it ended before, or not as it should.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let pid = self.0.id().context("a worker has ended")?;
        processes::signal(pid, "-TERM")?;
        let status = self.0.wait().await?;
        ensure!(status.success(), "a worker ended with {status}");
        Ok(())
    }
}
