//! Files by email: each becomes a link before the message is stored (public API contract §3.9). A
//! file whose message was not stored after all is an orphan, which goes when its time is up.
//!
//! What recipients do with links to our own store is in [`download`].

pub mod download;

use std::sync::Arc;

use content::file::{File, is_file};
use domain::{Clock, Service};
use futures_util::TryStreamExt;
use providers::antivirus::VirusScanner;
use providers::documents::{
    Document, DocumentStore, DocumentsConfig, NotifyDocuments, OwnDocuments, UploadError, expiring,
};
use providers::objects::{Bucket, Objects};
use queue::Trace;
use serde_json::{Map, Value};

use crate::{App, Error, days};

/// How many days the sweep looks at: as many runs may be skipped.
const SWEPT_DAYS: u16 = 31;

/// Where files go.
pub(crate) struct Documents {
    store: Arc<dyn DocumentStore>,
    /// Ours, whose links work whoever takes new files.
    own: OwnDocuments,
    /// What the links of simulated recipients begin with.
    host: String,
}

/// A file taken out of a message's personalisation, and under which name it was there.
pub(crate) struct TakenFile {
    name: String,
    value: Value,
}

impl Documents {
    pub(crate) fn new(
        config: &DocumentsConfig,
        scanner: Option<Arc<dyn VirusScanner>>,
        objects: Objects,
        clock: Clock,
        api_host: &str,
    ) -> anyhow::Result<Self> {
        let mut own = OwnDocuments::new(objects, clock, api_host);
        if let Some(scanner) = scanner {
            own = own.with_scanner(scanner);
        }
        let host = config.document_download_host.as_deref().unwrap_or(api_host);
        Ok(Self {
            store: match NotifyDocuments::from_config(config)? {
                Some(notify) => Arc::new(notify),
                None => Arc::new(own.clone()),
            },
            own,
            host: host.trim_end_matches('/').to_owned(),
        })
    }
}

impl App {
    /// Takes the files out of the values of a message, and leaves in their places the link that
    /// simulated recipients get.
    pub(crate) fn take_files(
        &self,
        service: &Service,
        values: &mut Map<String, Value>,
    ) -> Vec<TakenFile> {
        let link = self.simulated_link(service);
        let files = values.iter_mut().filter(|(_, value)| is_file(value));
        files
            .map(|(name, value)| TakenFile {
                name: name.clone(),
                value: std::mem::replace(value, Value::String(link.clone())),
            })
            .collect()
    }

    /// What stands in for a file that is not stored, as its recipient is simulated.
    pub(crate) fn simulated_link(&self, service: &Service) -> String {
        format!("{}/services/{}/documents/test-document", self.0.documents.host, service.id)
    }

    /// Checks the files of a message, in their order, before the first is stored.
    ///
    /// # Errors
    /// [`Error::InvalidFile`] with the faults of the first that has any; [`Error::FilesNotSetUp`].
    pub(crate) fn check_files(
        &self,
        service: &Service,
        files: Vec<TakenFile>,
    ) -> Result<Vec<(String, File)>, Error> {
        let mut checked = Vec::with_capacity(files.len());
        for TakenFile { name, value } in files {
            checked.push((name, File::parse(value).map_err(Error::InvalidFile)?));
        }
        if !checked.is_empty() && service.contact_link.is_none() {
            let (admin, id) = (&self.0.admin_base_url, service.id);
            let settings_page =
                format!("{admin}/services/{id}/service-settings/send-files-by-email");
            return Err(Error::FilesNotSetUp { settings_page });
        }
        Ok(checked)
    }

    /// Stores the files of a message, and puts their links in their places.
    ///
    /// # Errors
    /// [`Error::FileRefused`] for the first that is; [`Error::Internal`] when the store is away.
    pub(crate) async fn upload_files(
        &self,
        service: &Service,
        recipient: &str,
        files: Vec<(String, File)>,
        values: &mut Map<String, Value>,
        trace: &Trace,
    ) -> Result<(), Error> {
        for (name, file) in files {
            let link = self.upload_file(service, recipient, &file, trace).await?;
            values.insert(name, Value::String(link));
        }
        Ok(())
    }

    /// Stores a file, and gives its link.
    ///
    /// # Errors
    /// As [`App::upload_files`].
    pub(crate) async fn upload_file(
        &self,
        service: &Service,
        recipient: &str,
        file: &File,
        trace: &Trace,
    ) -> Result<String, Error> {
        let document = Document {
            service: service.id,
            base64: &file.base64,
            is_csv: file.is_csv,
            filename: file.filename.as_deref(),
            confirmation_email: file.confirm_email.then_some(recipient),
            weeks: file.weeks,
            request_id: trace.headers.get(tasks::headers::REQUEST_ID).and_then(Value::as_str),
        };
        Ok(self.0.documents.store.upload(&document).await?)
    }

    /// Removes the files whose time was up on one of the last days. Returns how many.
    ///
    /// # Errors
    /// Object store errors. What was removed until then stays removed.
    pub async fn sweep_documents(&self) -> Result<usize, Error> {
        if !self.objects().has(Bucket::Documents) {
            return Ok(0); // another store takes the files
        }
        let mut swept = 0;
        for back in 1..=SWEPT_DAYS {
            let day = days::ago(self.clock(), back)?.date;
            let mut expired = std::pin::pin!(self.objects().list(&expiring(day)).await?);
            while let Some(file) = expired.try_next().await? {
                self.objects().delete(&file.place).await?;
                swept += 1;
            }
        }
        Ok(swept)
    }
}

impl From<UploadError> for Error {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Refused(text) => Self::FileRefused(text),
            UploadError::Failed(error) => error.into(),
        }
    }
}
