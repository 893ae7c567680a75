//! A PostgreSQL server of one test's own, for tests that stop it.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use store::{DatabaseConfig, Pool, migrate};
use time::OffsetDateTime;
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep},
};

use crate::{
    clock, new_id,
    process::{clean, signal},
    unique,
};

/// How long the server may take to start, which includes recovery.
const START: Duration = Duration::from_secs(60);

/// A running server with one migrated database. Both are gone when this value is.
pub struct Postgres {
    folder: PathBuf,
    port: u16,
    server: Child,
    pool: Pool,
}

impl Postgres {
    /// Makes and starts a server.
    ///
    /// # Panics
    /// When PostgreSQL is not installed, or does not start.
    pub async fn start() -> Self {
        let folder = std::env::temp_dir().join(unique("postroom-test-"));
        let mut initdb = as_server_user(&programs().join("initdb"));
        initdb.args(["-U", "postroom", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]);
        initdb.args(["--no-sync", "-D"]).arg(&folder).stdout(std::process::Stdio::null());
        assert!(initdb.status().await.unwrap().success(), "initdb");
        let port = free_port();
        let server = run(&folder, port);
        let pool = settings(port).pool().unwrap();
        let mut this = Self { folder, port, server, pool };
        this.answers().await;
        migrate::run(&settings(port).driver().unwrap(), "test").await.unwrap();
        this
    }

    /// Where its database is.
    #[must_use]
    pub fn url(&self) -> String {
        url(self.port)
    }

    /// A pool of connections like that of the programs.
    #[must_use]
    pub const fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Stops the database's clock; see [`Database::set_clock`](crate::Database::set_clock).
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn set_clock(&self, at: OffsetDateTime) {
        clock::set(&self.pool.get().await.unwrap(), at).await;
    }

    /// Stops the server, `INT` in an orderly way, `QUIT` as in a crash, and starts it again.
    ///
    /// # Panics
    /// When it does not.
    pub async fn restart(&mut self, signal_name: &str) {
        signal(&self.server, signal_name).await;
        self.server.wait().await.unwrap();
        self.server = run(&self.folder, self.port);
        self.answers().await;
    }

    /// Waits until the server takes connections.
    async fn answers(&mut self) {
        let deadline = Instant::now() + START;
        while !self.is_answering().await {
            assert!(Instant::now() < deadline, "PostgreSQL does not start");
            assert_eq!(self.server.try_wait().unwrap(), None, "PostgreSQL has ended");
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn is_answering(&self) -> bool {
        match self.pool.get().await {
            Ok(db) => db.simple_query("SELECT 1").await.is_ok(),
            Err(_) => false,
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Only when its own children have gone is the folder at rest.
        if let Some(pid) = self.server.id() {
            let _ =
                std::process::Command::new("kill").args(["-s", "QUIT", &pid.to_string()]).status();
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        while matches!(self.server.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn run(folder: &Path, port: u16) -> Child {
    let mut server = as_server_user(&programs().join("postgres"));
    server.arg("-D").arg(folder).args(["-p", &port.to_string()]);
    for setting in
        ["listen_addresses=127.0.0.1", "unix_socket_directories=", "timezone=UTC", "fsync=off"]
    {
        server.args(["-c", setting]);
    }
    server.spawn().unwrap()
}

/// A command that dies with the test. PostgreSQL refuses to run as root: then it is the package's
/// own user.
fn as_server_user(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
    }
    command.args(["--pdeathsig", "QUIT", "--"]).arg(program).current_dir("/");
    clean(&mut command);
    command
}

/// Where the newest installed PostgreSQL has its programs.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").unwrap();
    let version = |folder: &PathBuf| -> Option<u32> { folder.file_name()?.to_str()?.parse().ok() };
    let folders = versions.map(|entry| entry.unwrap().path());
    folders.filter(|folder| version(folder).is_some()).max_by_key(version).unwrap().join("bin")
}

/// A port that nobody listens on, below those that the kernel gives to clients.
fn free_port() -> u16 {
    loop {
        let port = 10_000 + u16::try_from(new_id().as_u128() % 22_000).unwrap();
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn url(port: u16) -> String {
    format!("postgresql://postroom@127.0.0.1:{port}/postgres")
}

fn settings(port: u16) -> DatabaseConfig {
    DatabaseConfig {
        database_url: url(port).into(),
        database_pool_size: 8,
        database_statement_timeout_ms: 60_000,
    }
}
