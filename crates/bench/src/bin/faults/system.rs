//! The processes of the system, each started again when it ends.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, ensure};
use tokio::{process::Command, task::JoinSet, time::sleep};

use crate::servers::send_signal;

/// As a service manager waits.
const BEFORE_RESTART: Duration = Duration::from_millis(500);

/// What the processes read from their environment.
pub type Settings = BTreeMap<String, String>;

/// A way to start our programs.
#[derive(Clone)]
pub struct Program {
    pub settings: Settings,
    pub folder: PathBuf,
}

impl Program {
    /// `postroom` with these arguments; what it prints is appended to a file with this name.
    fn command(&self, log: &str, arguments: &[&str]) -> anyhow::Result<Command> {
        let log = self.folder.join(format!("{log}.log"));
        let log = OpenOptions::new().create(true).append(true).open(log)?;
        let mut command = Command::new(std::env::current_exe()?.with_file_name("postroom"));
        command.args(arguments).env_clear().envs(&self.settings).current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        Ok(command)
    }

    /// Runs a command of ours to its end.
    ///
    /// # Errors
    /// When it fails.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let status = self.command("commands", arguments)?.status().await?;
        ensure!(status.success(), "postroom {}: {status}", arguments.join(" "));
        Ok(())
    }
}

/// A process of the system.
pub struct Process {
    name: &'static str,
    pid: Arc<AtomicU32>,
    ended: Arc<AtomicU32>,
    _supervisor: JoinSet<()>,
}

impl Process {
    /// Starts it, and whenever it ends, again. Dropping this kills it.
    pub fn start(name: &'static str, program: Program, arguments: &'static [&'static str]) -> Self {
        let (pid, ended) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let mut supervisor = JoinSet::new();
        supervisor.spawn({
            let (pid, ended) = (Arc::clone(&pid), Arc::clone(&ended));
            async move {
                loop {
                    if let Err(error) = once(name, &program, arguments, &pid).await {
                        eprintln!("{name}: {error:#}");
                    }
                    ended.fetch_add(1, Ordering::Relaxed);
                    sleep(BEFORE_RESTART).await;
                }
            }
        });
        Self { name, pid, ended, _supervisor: supervisor }
    }

    /// Sends it a signal, named as `kill` does.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let pid = self.pid.load(Ordering::Relaxed);
        ensure!(pid != 0, "{} does not run", self.name);
        send_signal(pid, signal).await
    }

    /// How often it has ended so far, killed or not.
    pub fn ended(&self) -> u32 {
        self.ended.load(Ordering::Relaxed)
    }
}

async fn once(
    name: &str,
    program: &Program,
    arguments: &[&str],
    pid: &AtomicU32,
) -> anyhow::Result<()> {
    let mut child = program.command(name, arguments)?.spawn()?;
    pid.store(child.id().context("it has an id")?, Ordering::Relaxed);
    child.wait().await?;
    pid.store(0, Ordering::Relaxed);
    Ok(())
}

/// The lines `export NAME='VALUE'` of a file.
///
/// # Errors
/// When it cannot be read.
pub fn exports(path: &Path) -> anyhow::Result<Settings> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let line = |line: &str| {
        let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
        Some((name.to_owned(), value.trim_matches('\'').to_owned()))
    };
    Ok(text.lines().filter_map(line).collect())
}
