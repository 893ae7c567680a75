//! Files by email: where a file goes, and the link that stands for it in the message (public API
//! contract §3.9, §11.7).

mod kind;
mod notify;
mod own;
mod sealed;

use std::time::Duration;

use async_trait::async_trait;
use domain::ServiceId;
use secrecy::SecretString;
use url::Url;

use crate::{Error, http::milliseconds, measure::Label};

pub use notify::NotifyDocuments;
pub use own::{DocumentLink, KeptDocument, OwnDocuments, expiring};

/// Which store takes files: Notify's own where its address is given, ours otherwise.
#[derive(clap::Args, Clone, Debug)]
#[group(id = "documents")]
pub struct DocumentsConfig {
    /// Where Notify's document-download service takes the files of emails; without it they are
    /// kept among the other objects, and downloaded from this API
    #[arg(long, env = "DOCUMENT_DOWNLOAD_API_HOST_INTERNAL")]
    pub document_download_host_internal: Option<Url>,
    /// Key of that service
    #[arg(long, env = "DOCUMENT_DOWNLOAD_API_KEY", hide_env_values = true)]
    pub document_download_key: Option<SecretString>,
    /// What the links of simulated recipients begin with; API_HOST_NAME when not given
    #[arg(long, env = "DOCUMENT_DOWNLOAD_API_HOST")]
    pub document_download_host: Option<String>,
    /// Longest wait for that service, which scans for viruses before it answers, in milliseconds
    #[arg(long = "document-download-timeout-ms", env = "POSTROOM_DOCUMENT_DOWNLOAD_TIMEOUT_MS", default_value = "20000", value_parser = milliseconds)]
    pub document_download_timeout: Duration,
}

/// A file on its way from a service to the recipient of an email.
#[derive(Clone, Copy)]
pub struct Document<'a> {
    /// Whose file it is.
    pub service: ServiceId,
    /// The file in base64, as it came.
    pub base64: &'a str,
    /// Whether plain text is to be taken for comma-separated values.
    pub is_csv: bool,
    /// What it is called, if it has a name.
    pub filename: Option<&'a str>,
    /// The address to ask for before the file is given out, if any.
    pub confirmation_email: Option<&'a str>,
    /// How many weeks to keep it.
    pub weeks: u8,
    /// The id of the request that brought it.
    pub request_id: Option<&'a str>,
}

/// Takes files, and gives links to them.
#[async_trait]
pub trait DocumentStore: Send + Sync {
    /// Keeps a file, and returns the link under which its recipient finds it. When the message is
    /// not stored after all the file stays, until its time is up.
    ///
    /// # Errors
    /// [`UploadError`] when it is not kept, or nobody knows.
    async fn upload(&self, document: &Document<'_>) -> Result<String, UploadError>;
}

/// Why a file was not kept.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// This file will never be taken. The text is for the client to read.
    #[error("the file is refused")]
    Refused(String),
    /// The store did not do its part.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl<T> Label for Result<T, UploadError> {
    fn label(&self) -> &'static str {
        match self {
            Ok(_) => "accepted",
            Err(UploadError::Refused(_)) => "permanent",
            Err(UploadError::Failed(Error::Permanent { .. })) => "permanent",
            Err(UploadError::Failed(Error::Temporary { throttled: true, .. })) => "throttled",
            Err(UploadError::Failed(Error::Temporary { .. })) => "temporary",
        }
    }
}
