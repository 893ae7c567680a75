//! The servers, broken and healed from outside.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
    time::{Instant, sleep},
};
use tokio_postgres::{Client, NoTls};

/// Names of the servers to the script.
pub const POSTGRES: &str = "pg-faults";
pub const BROKER: &str = "rabbitmq-faults";
pub const REDIS: &str = "redis-faults";

/// The virtual host, and the database.
const NAME: &str = "postroom";
/// How long a server may take to end.
const TIME_TO_END: Duration = Duration::from_secs(30);

/// The servers of this run.
pub struct Servers {
    script: PathBuf,
    dev: PathBuf,
}

impl Servers {
    /// Those that `script` starts, whose ports and process ids are below `dev`.
    pub fn new(script: &Path, dev: &Path) -> Self {
        Self { script: script.to_owned(), dev: dev.to_owned() }
    }

    /// The port chosen for a server or process.
    ///
    /// # Errors
    /// When none is.
    pub fn port(&self, name: &str) -> anyhow::Result<u16> {
        let text = fs::read_to_string(self.dev.join("ports").join(name));
        Ok(text.with_context(|| format!("the port of {name}"))?.trim().parse()?)
    }

    /// Starts a server, and waits until it answers.
    ///
    /// # Errors
    /// When the script fails.
    pub async fn start(&self, name: &str) -> anyhow::Result<()> {
        self.script(&["up", name]).await
    }

    /// Kills a server.
    ///
    /// # Errors
    /// When the script fails.
    pub async fn kill(&self, name: &str) -> anyhow::Result<()> {
        self.script(&["kill", name]).await
    }

    /// Ends a server with a signal, named as `kill` does.
    ///
    /// # Errors
    /// When it does not run, or does not end.
    pub async fn end(&self, name: &str, signal: &str) -> anyhow::Result<()> {
        let record = fs::read_to_string(self.dev.join(format!("run/{name}.pid")))?;
        let pid: u32 = record.split(' ').next().unwrap_or_default().parse()?;
        send_signal(pid, signal).await?;
        let deadline = Instant::now() + TIME_TO_END;
        while Path::new(&format!("/proc/{pid}/cmdline")).exists() && !is_dead(pid) {
            ensure!(Instant::now() < deadline, "{name} does not end");
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Ends a server, and removes all its data.
    ///
    /// # Errors
    /// When the script fails.
    pub async fn wipe(&self, name: &str) -> anyhow::Result<()> {
        self.script(&["wipe", name]).await
    }

    /// Has the broker close every channel with an error, as if a client had asked on it for a queue
    /// that is not there; the connections stay.
    ///
    /// # Errors
    /// When it fails.
    pub async fn close_channels(&self) -> anyhow::Result<()> {
        let passive = "true, false, false, false, false, []";
        let method = format!("{{'queue.declare', 0, <<\"of-a-fault\">>, {passive}}}");
        let call =
            format!("[rabbit_channel:do(Pid, {method}) || Pid <- rabbit_channel:list()], ok.");
        self.rabbitmqctl(&["eval", &call]).await
    }

    /// An operator's command for the broker.
    ///
    /// # Errors
    /// When it fails.
    pub async fn rabbitmqctl(&self, command: &[&str]) -> anyhow::Result<()> {
        self.script(&[&["rabbitmqctl", BROKER, "--quiet"][..], command].concat()).await
    }

    async fn script(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let mut command = Command::new(&self.script);
        let status = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).status();
        let status = status.await.with_context(|| self.script.display().to_string())?;
        ensure!(status.success(), "servers {}: {status}", arguments.join(" "));
        Ok(())
    }

    /// The URL of the system's database.
    ///
    /// # Errors
    /// When no port is known.
    pub fn database_url(&self) -> anyhow::Result<String> {
        Ok(format!("postgresql://postroom@127.0.0.1:{}/{NAME}", self.port(POSTGRES)?))
    }

    /// The broker's URL.
    ///
    /// # Errors
    /// When no port is known.
    pub fn broker_url(&self) -> anyhow::Result<String> {
        Ok(format!("amqp://guest:guest@127.0.0.1:{}/{NAME}", self.port(BROKER)?))
    }

    /// A connection to the system's database.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn database(&self) -> anyhow::Result<Client> {
        connect(&self.database_url()?).await
    }

    /// A connection to the server's own database.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn maintenance(&self) -> anyhow::Result<Client> {
        connect(&format!("postgresql://postroom@127.0.0.1:{}/postgres", self.port(POSTGRES)?)).await
    }

    /// Says something to Redis, which must answer `+OK`.
    ///
    /// # Errors
    /// When it does not.
    pub async fn redis(&self, command: &str) -> anyhow::Result<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port(REDIS)?)).await?;
        stream.write_all(format!("{command}\r\n").as_bytes()).await?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await?;
        ensure!(&answer == b"+OK\r\n", "Redis does not {command}");
        Ok(())
    }

    /// Leaves nothing of an earlier run; `place` is more of the statement that makes the database.
    ///
    /// # Errors
    /// When a server refuses.
    pub async fn clear(&self, place: &str) -> anyhow::Result<()> {
        let db = self.maintenance().await?;
        db.batch_execute("ALTER SYSTEM RESET ALL").await?;
        db.batch_execute(&format!("DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")).await?;
        db.batch_execute(&format!("CREATE DATABASE {NAME} {place}")).await?;
        self.redis("FLUSHALL").await?;
        self.rabbitmqctl(&["delete_vhost", NAME]).await?;
        self.rabbitmqctl(&["add_vhost", NAME]).await?;
        self.rabbitmqctl(&["set_permissions", "-p", NAME, "guest", ".*", ".*", ".*"]).await
    }

    /// Removes a queue with all that is in it.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn delete_queue(&self, queue: &str) -> anyhow::Result<()> {
        self.rabbitmqctl(&["delete_queue", "-p", NAME, queue]).await
    }
}

async fn connect(url: &str) -> anyhow::Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // How it ends is seen by the statement that is under way.
    tokio::spawn(connection);
    Ok(client)
}

/// Sends a process a signal, named as `kill` does.
///
/// # Errors
/// When there is no such process.
pub async fn send_signal(pid: u32, signal: &str) -> anyhow::Result<()> {
    let status = Command::new("kill").args(["-s", signal, &pid.to_string()]).status().await?;
    ensure!(status.success(), "kill -s {signal} {pid}: {status}");
    Ok(())
}

/// Whether nobody has waited for its end yet.
fn is_dead(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z'))
}
