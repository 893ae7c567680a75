//! Scanning files for viruses.

use std::{io, time::Duration};

use async_trait::async_trait;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::{ConfigError, Error, error::BoxError, http::milliseconds, measure::measured};

/// As many bytes of a file go to the scanner at once.
const CHUNK_BYTES: usize = 64 << 10;
/// More of an answer than this is not read: it is a few words.
const ANSWER_LIMIT_BYTES: u64 = 1024;

/// Looks for viruses in files.
#[async_trait]
pub trait VirusScanner: Send + Sync {
    /// Whether nothing was found in the file.
    ///
    /// # Errors
    /// [`Error`] when it could not be scanned, which says nothing of the file.
    async fn is_clean(&self, file: &[u8]) -> Result<bool, Error>;
}

/// Who scans files.
#[derive(clap::Args, Clone, Debug)]
#[group(id = "antivirus")]
pub struct AntivirusConfig {
    /// Where ClamAV's daemon listens, as HOST:PORT: it scans the files of emails that we keep
    /// ourselves; without it they are not scanned
    #[arg(long, env = "POSTROOM_CLAMD_ADDR")]
    pub clamd_addr: Option<String>,
    /// Longest wait for it, in milliseconds
    #[arg(long = "clamd-timeout-ms", env = "POSTROOM_CLAMD_TIMEOUT_MS", default_value = "10000", value_parser = milliseconds)]
    pub clamd_timeout: Duration,
}

/// ClamAV's daemon, over TCP. Each file has a connection of its own: the daemon closes it with its
/// answer.
pub struct Clamd {
    address: String,
    timeout: Duration,
}

impl Clamd {
    /// The scanner, or `None` when its address is not given.
    ///
    /// # Errors
    /// [`ConfigError`] when that is not a host and a port.
    pub fn from_config(config: &AntivirusConfig) -> Result<Option<Self>, ConfigError> {
        let Some(address) = &config.clamd_addr else { return Ok(None) };
        let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
        if port.is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
            return Err(ConfigError::new("POSTROOM_CLAMD_ADDR", "it is not HOST:PORT"));
        }
        Ok(Some(Self { address: address.clone(), timeout: config.clamd_timeout }))
    }

    async fn scan(&self, file: &[u8]) -> Result<bool, Error> {
        let answer = tokio::time::timeout(self.timeout, self.exchange(file))
            .await
            .map_err(|elapsed| not_scanned("No answer in time", elapsed))?
            .map_err(|error| not_scanned("No answer", error))?;
        // Only these two say something of the file; whatever else is said, it was not scanned.
        match answer.as_slice() {
            b"stream: OK" => Ok(true),
            found if found.ends_with(b" FOUND") => Ok(false),
            other => {
                let said = String::from_utf8_lossy(other).into_owned();
                Err(not_scanned("The scanner did not scan the file", said))
            }
        }
    }

    /// The daemon's answer to a file, in its protocol `INSTREAM` (letters contract §5.1).
    async fn exchange(&self, file: &[u8]) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(&self.address).await?;
        let sent = send(&mut stream, file).await;
        // It answers, and closes, in the middle of a file that is too large for it.
        let mut answer = Vec::new();
        BufReader::new(stream.take(ANSWER_LIMIT_BYTES)).read_until(0, &mut answer).await?;
        if answer.pop() == Some(0) {
            return Ok(answer);
        }
        sent?;
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

#[async_trait]
impl VirusScanner for Clamd {
    async fn is_clean(&self, file: &[u8]) -> Result<bool, Error> {
        measured("clamd", self.scan(file)).await
    }
}

async fn send(stream: &mut TcpStream, file: &[u8]) -> io::Result<()> {
    stream.write_all(b"zINSTREAM\0").await?;
    for chunk in file.chunks(CHUNK_BYTES) {
        let length = u32::try_from(chunk.len()).map_err(io::Error::other)?;
        stream.write_all(&length.to_be_bytes()).await?;
        stream.write_all(chunk).await?;
    }
    stream.write_all(&0u32.to_be_bytes()).await
}

fn not_scanned(what: &'static str, source: impl Into<BoxError>) -> Error {
    Error::Temporary { what, maybe_taken: false, throttled: false, source: Some(source.into()) }
}
