//! Programs that a test runs beside itself.

use std::process::Stdio;

use tokio::process::{Child, Command};

/// A command that dies with the test, however that ends, and gets nothing from its environment but
/// the path. What it prints is the test's output.
#[must_use]
pub fn command(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", program]);
    clean(&mut command);
    command
}

pub(crate) fn clean(command: &mut Command) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).stdin(Stdio::null()).kill_on_drop(true);
}

/// Sends a signal, named as `kill` does.
///
/// # Panics
/// When the process has ended and was waited for.
pub async fn signal(process: &Child, name: &str) {
    let pid = process.id().unwrap().to_string();
    let sent = Command::new("kill").args(["-s", name, &pid]).status().await.unwrap();
    assert!(sent.success(), "kill -s {name} {pid}");
}
