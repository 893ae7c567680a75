//! The processes of the running system: their memory, and the worker that stands still.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};

/// The processes, by the names of their records.
pub const NAMES: [&str; 4] = ["api", "worker", "beat", "stub"];

/// The folder in which each process has a record: `NAME.pid` with its id and start time.
pub struct Processes(PathBuf);

impl Processes {
    /// Those recorded in `folder`.
    pub fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// The id of a process, if that very process still runs: ids are used again.
    pub fn pid(&self, name: &str) -> Option<u32> {
        let record = fs::read_to_string(self.0.join(format!("{name}.pid"))).ok()?;
        let (pid, started) = record.trim().split_once(' ')?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        (start_time(&stat)? == started).then_some(pid.parse().ok()?)
    }

    /// Resident memory of a process in KiB, if it runs.
    pub fn resident_kib(&self, name: &str) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid(name)?)).ok()?;
        resident_kib(&status)
    }

    /// Halts a process, if it runs, until the returned value is dropped.
    ///
    /// # Errors
    /// When we may not.
    pub fn halt(&self, name: &str) -> anyhow::Result<Option<Halted>> {
        let Some(pid) = self.pid(name) else { return Ok(None) };
        signal(pid, "-STOP").with_context(|| format!("halting the {name}"))?;
        Ok(Some(Halted(pid)))
    }
}

/// A process that stands still. Goes on when this is dropped.
pub struct Halted(u32);

impl Drop for Halted {
    fn drop(&mut self) {
        if let Err(error) = signal(self.0, "-CONT") {
            eprintln!("process {} still stands still: {error:#}", self.0);
        }
    }
}

/// Sends a process a signal, such as `-TERM`.
///
/// # Errors
/// When there is no such process, or we may not.
pub fn signal(pid: u32, signal: &str) -> anyhow::Result<()> {
    let status = Command::new("kill").args([signal, &pid.to_string()]).status()?;
    ensure!(status.success(), "kill {signal}: {status}");
    Ok(())
}

/// The start time in `/proc/PID/stat`, in ticks since the machine started.
fn start_time(stat: &str) -> Option<&str> {
    // The second field is a name in brackets that may hold anything.
    stat.rsplit_once(") ")?.1.split(' ').nth(19)
}

/// The resident memory in `/proc/PID/status`, in KiB.
pub fn resident_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_found_by_its_record() {
        let pid = std::process::id();
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        let folder = std::env::temp_dir().join(format!("postroom-bench-test-{pid}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("api.pid"), format!("{pid} {}\n", start_time(&stat).unwrap()))
            .unwrap();
        fs::write(folder.join("beat.pid"), format!("{pid} 0\n")).unwrap();
        let processes = Processes::new(&folder);
        assert_eq!(processes.pid("api"), Some(pid));
        assert!(processes.resident_kib("api").unwrap() > 100);
        assert_eq!(processes.pid("beat"), None, "its id is used again");
        assert_eq!(processes.pid("worker"), None);
        fs::remove_dir_all(&folder).unwrap();
    }
}
