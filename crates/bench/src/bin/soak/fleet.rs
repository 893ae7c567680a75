//! The processes of the soak.

use std::{
    fs::{self, OpenOptions},
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, ensure};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
};

/// A worker that is asked to end gets so long: more than one that has to give up a broken
/// connection needs.
const TIME_TO_STOP: Duration = Duration::from_secs(60);

/// The workers. Each is followed by another one when it ends.
pub struct Workers {
    folder: PathBuf,
    common: Vec<String>,
    children: Vec<Child>,
    started: u32,
}

impl Workers {
    /// Starts `count` workers, which write to `folder`. `common` are arguments of all.
    ///
    /// # Errors
    /// When they cannot be started.
    pub fn start(count: u32, folder: PathBuf, common: Vec<String>) -> anyhow::Result<Self> {
        let mut workers = Self { folder, common, children: Vec::new(), started: 0 };
        for slot in 0..count {
            let child = workers.spawn(slot as usize)?;
            workers.children.push(child);
        }
        Ok(workers)
    }

    fn spawn(&mut self, slot: usize) -> anyhow::Result<Child> {
        let effects = self.folder.join("effects").join(format!("{}", self.started));
        let log = self.folder.join(format!("worker-{slot}.log"));
        let log = OpenOptions::new().create(true).append(true).open(log)?;
        self.started += 1;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("worker").args(&self.common).arg("--effects").arg(effects);
        command.stdin(Stdio::null()).stderr(log.try_clone()?).stdout(log).kill_on_drop(true);
        command.spawn().context("starting a worker")
    }

    /// Kills a worker, and starts another one in its place.
    ///
    /// # Errors
    /// When that is not possible.
    pub async fn kill(&mut self, slot: usize) -> anyhow::Result<()> {
        self.children[slot].kill().await?;
        self.children[slot] = self.spawn(slot)?;
        Ok(())
    }

    /// Asks a worker to end, and starts another one in its place when it has.
    ///
    /// # Errors
    /// When it does not end, or not as it should.
    pub async fn restart(&mut self, slot: usize) -> anyhow::Result<()> {
        stop(&mut self.children[slot]).await?;
        self.children[slot] = self.spawn(slot)?;
        Ok(())
    }

    /// Asks all to end.
    ///
    /// # Errors
    /// When one does not, or not as it should.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        for child in &mut self.children {
            stop(child).await?;
        }
        Ok(())
    }

    /// Whether all of them are there.
    ///
    /// # Errors
    /// When one has ended by itself.
    pub fn check(&mut self) -> anyhow::Result<()> {
        for child in &mut self.children {
            if let Some(status) = child.try_wait()? {
                anyhow::bail!("a worker has ended by itself, with {status}");
            }
        }
        Ok(())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.children.len()
    }

    /// Resident memory of the first one in KiB.
    ///
    /// # Errors
    /// When it has ended.
    pub fn resident_kib(&self) -> anyhow::Result<u64> {
        resident_kib(&self.children[0])
    }
}

async fn stop(child: &mut Child) -> anyhow::Result<()> {
    let pid = child.id().context("a worker has ended by itself")?;
    let asked = Command::new("kill").args(["-TERM", &pid.to_string()]).status().await?;
    ensure!(asked.success(), "a worker cannot be asked to end");
    let ended = tokio::time::timeout(TIME_TO_STOP, child.wait()).await;
    let status = ended.with_context(|| format!("worker {pid} does not end"))??;
    ensure!(status.success(), "a worker that was asked to end did so with {status}");
    Ok(())
}

/// The process that publishes.
pub struct Publishing {
    child: Child,
    input: ChildStdin,
    told: Arc<Told>,
}

/// What it has told.
#[derive(Default)]
struct Told {
    accepted: AtomicU32,
    failures: AtomicU64,
}

impl Publishing {
    /// Starts it.
    ///
    /// # Errors
    /// When that is not possible.
    pub fn start(common: &[String], seed: u64) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("publisher").args(common).arg("--seed").arg(seed.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("starting the publisher")?;
        let input = child.stdin.take().context("it has an input")?;
        let output = child.stdout.take().context("it has an output")?;
        let told = Arc::new(Told::default());
        tokio::spawn(listen(output, Arc::clone(&told)));
        Ok(Self { child, input, told })
    }

    /// Lets it publish up to task `limit`.
    ///
    /// # Errors
    /// When it has ended.
    pub async fn allow(&mut self, limit: u32) -> anyhow::Result<()> {
        let line = format!("{limit}\n");
        self.input.write_all(line.as_bytes()).await.context("the publisher has ended")
    }

    /// How many tasks the broker has accepted.
    pub fn accepted(&self) -> u32 {
        self.told.accepted.load(Ordering::Relaxed)
    }

    /// How many publishes have failed, and were done again.
    pub fn failures(&self) -> u64 {
        self.told.failures.load(Ordering::Relaxed)
    }

    /// Its resident memory in KiB.
    ///
    /// # Errors
    /// When it has ended.
    pub fn resident_kib(&self) -> anyhow::Result<u64> {
        resident_kib(&self.child)
    }
}

async fn listen(output: ChildStdout, told: Arc<Told>) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        // Whatever else it prints is not for us.
        let Some((accepted, failures)) = line.split_once(' ') else { continue };
        let (Ok(accepted), Ok(failures)) = (accepted.parse(), failures.parse()) else { continue };
        told.accepted.store(accepted, Ordering::Relaxed);
        told.failures.store(failures, Ordering::Relaxed);
    }
}

fn resident_kib(child: &Child) -> anyhow::Result<u64> {
    let pid = child.id().context("a process has ended by itself")?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    kib.context("a process has ended by itself")
}
