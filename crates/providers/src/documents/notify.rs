//! Notify's document-download service.

use async_trait::async_trait;
use reqwest::{Client, StatusCode};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::{Document, DocumentStore, DocumentsConfig, UploadError};
use crate::{
    ConfigError, Error,
    error::Refusal,
    http::{self, exchange},
    measure::measured,
};

/// Hands files to Notify's document-download service.
pub struct NotifyDocuments {
    client: Client,
    url: String,
    key: SecretString,
}

impl NotifyDocuments {
    /// The client, or `None` when the service's address is not given.
    ///
    /// # Errors
    /// [`ConfigError`] when only one of address and key is given.
    pub fn from_config(config: &DocumentsConfig) -> Result<Option<Self>, ConfigError> {
        let (host, key) = (&config.document_download_host_internal, &config.document_download_key);
        let (url, key) = match (host, key) {
            (None, None) => return Ok(None),
            (Some(url), Some(key)) => (url.as_str().trim_end_matches('/').to_owned(), key.clone()),
            (Some(_), None) => {
                let why = "DOCUMENT_DOWNLOAD_API_HOST_INTERNAL needs it";
                return Err(ConfigError::new("DOCUMENT_DOWNLOAD_API_KEY", why));
            }
            (None, Some(_)) => {
                let why = "DOCUMENT_DOWNLOAD_API_KEY is of no use without it";
                return Err(ConfigError::new("DOCUMENT_DOWNLOAD_API_HOST_INTERNAL", why));
            }
        };
        let client = http::client(config.document_download_timeout)
            .map_err(|error| ConfigError::new("The HTTP client for documents", error))?;
        Ok(Some(Self { client, url, key }))
    }

    async fn post(&self, document: &Document<'_>) -> Result<String, UploadError> {
        let mut request = self
            .client
            .post(format!("{}/services/{}/documents", self.url, document.service))
            .bearer_auth(self.key.expose_secret())
            .json(&body(document));
        if let Some(id) = document.request_id {
            request = request.header("X-B3-TraceId", id).header("X-B3-SpanId", span_id()?);
        }
        let answer = exchange(request).await?;
        let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status.is_success() {
            let url = told["document"]["url"].as_str();
            return url.map(str::to_owned).ok_or_else(|| unusable(answer.status, true));
        }
        match (answer.status, told["error"].as_str()) {
            (StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE, Some(text)) => {
                Err(UploadError::Refused(text.to_owned()))
            }
            _ => Err(unusable(answer.status, false)),
        }
    }
}

#[async_trait]
impl DocumentStore for NotifyDocuments {
    async fn upload(&self, document: &Document<'_>) -> Result<String, UploadError> {
        measured("document-download", self.post(document)).await
    }
}

/// What is not known is left out, but for `is_csv`.
fn body(document: &Document<'_>) -> Map<String, Value> {
    let unit = if document.weeks == 1 { "week" } else { "weeks" };
    let fields = [
        ("document", Some(json!(document.base64))),
        ("is_csv", Some(json!(document.is_csv))),
        ("confirmation_email", document.confirmation_email.map(Value::from)),
        ("retention_period", Some(json!(format!("{} {unit}", document.weeks)))),
        ("filename", document.filename.map(Value::from)),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn unusable(status: StatusCode, maybe_taken: bool) -> UploadError {
    UploadError::Failed(Error::Temporary {
        what: "The document store did not take the file",
        maybe_taken,
        throttled: status == StatusCode::TOO_MANY_REQUESTS,
        source: Some(Refusal::new(status.as_u16(), "").into()),
    })
}

/// The id of this call within the request, in hex.
fn span_id() -> Result<String, Error> {
    let mut id = [0; 8];
    SystemRandom::new().fill(&mut id).map_err(|_| Error::Temporary {
        what: "No random numbers",
        maybe_taken: false,
        throttled: false,
        source: None,
    })?;
    Ok(format!("{:016x}", u64::from_be_bytes(id)))
}
