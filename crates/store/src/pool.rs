//! Connections to Postgres.

use std::time::Duration;

pub use deadpool_postgres::{Client, Transaction};
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::{
    NoTls,
    config::{Config, TargetSessionAttrs},
};
use url::Url;

use crate::Error;

/// How long to wait for a free connection, for a new one, and for a used one to be checked.
const WAIT: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(5);

/// How often the pool is measured.
const MEASURED_EVERY: Duration = Duration::from_secs(1);

/// How long a server may be silent on the network before its connections count as broken.
const LOST: Duration = Duration::from_secs(10);

/// Which database, and how much of it one process takes.
#[derive(clap::Args, Clone, Debug)]
pub struct DatabaseConfig {
    /// Postgres URL; SQLAlchemy's forms are understood. Connections are not encrypted yet:
    /// `sslmode=require` fails to connect, `verify-ca`, `verify-full` and `sslrootcert` are refused
    #[arg(long, env = "SQLALCHEMY_DATABASE_URI", hide_env_values = true)]
    pub database_url: SecretString,
    /// Most connections this process may open
    #[arg(long, env = "SQLALCHEMY_POOL_SIZE", default_value_t = 16)]
    pub database_pool_size: usize,
    /// Longest that one statement may run, in milliseconds
    #[arg(long, env = "DATABASE_STATEMENT_TIMEOUT_MS", default_value_t = 1_200_000)]
    pub database_statement_timeout_ms: u32,
}

impl DatabaseConfig {
    /// The driver's own settings.
    ///
    /// # Errors
    /// [`Error::Config`] when the URL cannot be understood.
    pub fn driver(&self) -> Result<Config, Error> {
        let mut config = parse_url(self.database_url.expose_secret())?;
        config
            .application_name("postroom")
            .connect_timeout(CONNECT)
            .tcp_user_timeout(LOST)
            .keepalives_idle(LOST / 2)
            .keepalives_interval(LOST / 5)
            .keepalives_retries(3)
            // Whoever has gone away holds no locks for long.
            .options(format!(
                "-c statement_timeout={} -c client_connection_check_interval=2000 \
                 -c idle_in_transaction_session_timeout=300000",
                self.database_statement_timeout_ms
            ));
        Ok(config)
    }

    /// A pool of connections. Nothing is opened yet: a database that is away shows at first use.
    ///
    /// # Errors
    /// [`Error::Config`] when the URL cannot be understood.
    pub fn pool(&self) -> Result<Pool, Error> {
        let manager = Manager::from_config(
            self.driver()?,
            NoTls,
            ManagerConfig { recycling_method: RecyclingMethod::Fast },
        );
        Pool::builder(manager)
            .max_size(self.database_pool_size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(CONNECT))
            .recycle_timeout(Some(CONNECT))
            .build()
            .map_err(|error| config_error(error.to_string()))
    }
}

/// A connection for one statement, which goes back to the pool only when that has ended: where its
/// caller waits no longer, the connection is closed, and the server gives up too.
pub struct Lease(Option<Client>);

impl Lease {
    /// Takes a connection.
    ///
    /// # Errors
    /// [`Error::Pool`].
    pub async fn of(pool: &Pool) -> Result<Self, Error> {
        Ok(Self(Some(pool.get().await?)))
    }

    /// Gives the connection back: its statement has ended, well or not.
    pub fn end(mut self) {
        drop(self.0.take());
    }
}

impl std::ops::Deref for Lease {
    type Target = Client;

    fn deref(&self) -> &Client {
        self.0.as_ref().expect("it is taken out only when the lease ends")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            drop(Client::take(client));
        }
    }
}

/// Keeps the gauges of a pool true, for ever: its connections by state, and who waits for one.
pub async fn watch(pool: Pool) {
    loop {
        let status = pool.status();
        let busy = status.size.saturating_sub(status.available);
        for (state, count) in [("busy", busy), ("idle", status.available)] {
            metrics::gauge!("database_connections", "state" => state).set(count as f64);
        }
        metrics::gauge!("database_waiting").set(status.waiting as f64);
        tokio::time::sleep(MEASURED_EVERY).await;
    }
}

/// Reads `postgresql://…`, `postgres://…` and `postgresql+psycopg2://…`, the last also with
/// SQLAlchemy's `?host=h1:5432&host=h2:5432` for several hosts.
fn parse_url(text: &str) -> Result<Config, Error> {
    let (scheme, rest) = text.split_once("://").ok_or_else(|| config_error("not a URL"))?;
    match scheme.split('+').next() {
        Some("postgresql" | "postgres") => {}
        _ => return Err(config_error("not a postgresql URL")),
    }
    let mut url = Url::parse(&format!("postgresql://{rest}"))
        .map_err(|error| config_error(error.to_string()))?;
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let hosts: Vec<(String, u16)> = pairs
        .iter()
        .filter(|(key, value)| key == "host" && !value.starts_with('/'))
        .map(|(_, value)| match value.split_once(':') {
            Some((host, port)) => port
                .parse()
                .map(|port| (host.to_owned(), port))
                .map_err(|_| config_error("a host's port is not a number")),
            None => Ok((value.clone(), 5432)),
        })
        .collect::<Result<_, _>>()?;
    if !hosts.is_empty() {
        let others = pairs.iter().filter(|(key, _)| key != "host");
        url.query_pairs_mut().clear().extend_pairs(others);
    }
    let mut config: Config = url
        .as_str()
        .parse()
        .map_err(|error: tokio_postgres::Error| config_error(error.to_string()))?;
    if hosts.len() > 1 {
        // One of them is a standby, which must not be written to.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    for (host, port) in hosts {
        config.host(host).port(port);
    }
    Ok(config)
}

fn config_error(reason: impl Into<String>) -> Error {
    Error::Config { setting: "SQLALCHEMY_DATABASE_URI", reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_postgres::config::{Host, SslMode};

    #[test]
    fn understands_sqlalchemy() {
        let config = parse_url("postgresql+psycopg2://user:pw@db:6432/notify").unwrap();
        assert_eq!(config.get_hosts(), [Host::Tcp("db".into())]);
        assert_eq!(config.get_ports(), [6432]);
        assert_eq!(config.get_dbname(), Some("notify"));
        let config = parse_url("postgresql:///notify?host=h1:1&host=h2:2").unwrap();
        assert_eq!(config.get_hosts(), [Host::Tcp("h1".into()), Host::Tcp("h2".into())]);
        assert_eq!(config.get_ports(), [1, 2]);
    }

    #[test]
    fn keeps_the_mode_of_tls() {
        for text in [
            "postgresql+psycopg2://user:pw@db/notify?sslmode=require",
            "postgresql:///notify?host=h1:1&host=h2:2&sslmode=require",
        ] {
            assert_eq!(parse_url(text).unwrap().get_ssl_mode(), SslMode::Require, "{text}");
        }
    }

    #[test]
    fn refuses_the_rest_without_repeating_it() {
        let tls = "postgresql://user:secret@db/x?sslmode=verify-full";
        let root = "postgresql://user:secret@db/x?sslrootcert=/etc/secret.pem";
        let foreign = ["", "secret", "mysql://user:secret@db/x", "postgresql://user:secret@db:x/y"];
        for text in foreign.into_iter().chain([tls, root]) {
            let error = parse_url(text).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
