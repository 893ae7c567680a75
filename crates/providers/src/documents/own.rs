//! Our own store: files encrypted among the other objects, each under the day on which its time is
//! up, so that what has expired is found by listing past days.
//!
//! The link holds day, id and key. What is known of a file (whose it is, its kind, size and name,
//! who is to confirm) is sealed as metadata; the day is part of what is sealed, so that nobody who
//! can write to the store makes a file live longer.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use domain::{Clock, ServiceId, file_type::FileType, london};
use serde::{Deserialize, Serialize};
use time::{Date, Duration, macros::format_description};
use uuid::Uuid;

use super::{
    Document, DocumentStore, UploadError,
    kind::kind,
    sealed::{Key, Part, from_hex, to_hex},
};
use crate::{
    Error,
    antivirus::VirusScanner,
    objects::{Bucket, Metadata, Objects, Place},
};

/// Larger files are not taken: as much as the official clients send.
const LARGEST_BYTES: usize = 2 << 20;
/// Longer names are not taken, in characters.
const LONGEST_NAME: usize = 100;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Keeps files among the other objects.
#[derive(Clone)]
pub struct OwnDocuments {
    objects: Objects,
    clock: Clock,
    host: String,
    scanner: Option<Arc<dyn VirusScanner>>,
}

/// What a link says: which file, and the key to it.
#[derive(Clone, Debug)]
pub struct DocumentLink {
    /// The last day, in London, on which the file can be had.
    pub last_day: Date,
    /// The file.
    pub id: Uuid,
    key: Key,
}

/// What is known of a file.
#[derive(Clone)]
pub struct KeptDocument {
    /// Whose it is.
    pub service: ServiceId,
    /// What kind of file it is.
    pub kind: FileType,
    /// How long it is.
    pub size_bytes: u64,
    /// What its sender calls it.
    pub filename: Option<String>,
    confirmation: Option<Vec<u8>>,
}

/// The same as it is sealed.
#[derive(Serialize, Deserialize)]
struct Head {
    service: ServiceId,
    kind: String,
    size: u64,
    filename: Option<String>,
    confirmation: Option<String>,
}

impl OwnDocuments {
    /// The store whose links begin with `host`.
    #[must_use]
    pub fn new(objects: Objects, clock: Clock, host: &str) -> Self {
        let host = host.trim_end_matches('/').to_owned();
        Self { objects, clock, host, scanner: None }
    }

    /// Has every file scanned before it is kept.
    #[must_use]
    pub fn with_scanner(self, scanner: Arc<dyn VirusScanner>) -> Self {
        Self { scanner: Some(scanner), ..self }
    }

    /// What is known of the file that a link leads to. `None` when there is none, its time is up, or
    /// the link has another key: nobody can tell which.
    ///
    /// # Errors
    /// Object store errors.
    pub async fn find(&self, link: &DocumentLink) -> Result<Option<KeptDocument>, Error> {
        let is_over = self.today().is_none_or(|today| today > link.last_day);
        if is_over || !self.objects.has(Bucket::Documents) {
            return Ok(None);
        }
        let place = link.place();
        let Some(metadata) = self.objects.metadata(&place).await? else { return Ok(None) };
        let sealed = metadata.get("head").and_then(|head| from_hex(head));
        Ok(sealed
            .and_then(|sealed| link.key.open(Part::Head, &place.key, sealed))
            .and_then(|head| serde_json::from_slice::<Head>(&head).ok())
            .and_then(KeptDocument::read))
    }

    /// The file itself; `None` as from [`OwnDocuments::find`], which comes first.
    ///
    /// # Errors
    /// Object store errors.
    pub async fn read(&self, link: &DocumentLink) -> Result<Option<Bytes>, Error> {
        let place = link.place();
        let Some(object) = self.objects.get(&place).await? else { return Ok(None) };
        let opened = link.key.open(Part::Body, &place.key, object.body.into());
        Ok(opened.map(Bytes::from))
    }

    async fn keep(&self, document: &Document<'_>) -> Result<String, UploadError> {
        let bytes = decode(document.base64)?;
        if document.filename.is_some_and(|name| name.chars().count() > LONGEST_NAME) {
            return Err(refused("filename cannot be longer than 100 characters"));
        }
        let kind = kind(&bytes, document.filename, document.is_csv)
            .map_err(|unsupported| UploadError::Refused(unsupported.message()))?;
        if let Some(scanner) = &self.scanner
            && !scanner.is_clean(&bytes).await?
        {
            return Err(refused("File did not pass the virus scan"));
        }
        let link = self.new_link(document.weeks)?;
        let place = link.place();
        let head = Head {
            service: document.service,
            kind: <&str>::from(kind).to_owned(),
            size: bytes.len() as u64,
            filename: document.filename.map(str::to_owned),
            confirmation: document
                .confirmation_email
                .map(|address| to_hex(&link.key.mark(address))),
        };
        let head = serde_json::to_vec(&head).map_err(|_| no_such_day())?;
        let head = to_hex(&link.key.seal(Part::Head, &place.key, head));
        let metadata =
            Metadata::from([("head".to_owned(), head), ("expires".to_owned(), day(link.last_day))]);
        let body = link.key.seal(Part::Body, &place.key, bytes);
        self.objects.put(&place, body, &metadata).await?;
        Ok(format!("{}{}", self.host, link.path()))
    }

    fn new_link(&self, weeks: u8) -> Result<DocumentLink, Error> {
        let last_day =
            self.today().and_then(|today| today.checked_add(Duration::weeks(weeks.into())));
        let last_day = last_day.ok_or_else(no_such_day)?;
        Ok(DocumentLink { last_day, id: self.clock.new_id(), key: Key::random()? })
    }

    fn today(&self) -> Option<Date> {
        london::local(self.clock.now()).map(|now| now.date())
    }
}

#[async_trait]
impl DocumentStore for OwnDocuments {
    async fn upload(&self, document: &Document<'_>) -> Result<String, UploadError> {
        self.keep(document).await
    }
}

impl DocumentLink {
    /// Reads the parts of a link's address: `None` when they can be of none.
    #[must_use]
    pub fn parse(last_day: &str, id: &str, key: &str) -> Option<Self> {
        let format = format_description!("[year]-[month]-[day]");
        let last_day = Date::parse(last_day, format).ok()?;
        let id = Uuid::try_parse(id).ok()?;
        Some(Self { last_day, id, key: Key::from_hex(key)? })
    }

    /// The path and query of the link: `/documents/2027-05-26/{id}?key={key}`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/documents/{}/{}?key={}", day(self.last_day), self.id.simple(), self.key.to_hex())
    }

    /// Whether this is the address that a document asks for; of any, when it asks for none.
    #[must_use]
    pub fn is_confirmed_by(&self, document: &KeptDocument, address: &str) -> bool {
        let mark = document.confirmation.as_ref();
        mark.is_none_or(|mark| self.key.is_marked(address, mark))
    }

    fn place(&self) -> Place {
        expiring(self.last_day).bucket.at(format!("{}/{}", day(self.last_day), self.id.simple()))
    }
}

impl KeptDocument {
    /// Whether its recipient has to name their address first.
    #[must_use]
    pub fn asks_for_confirmation(&self) -> bool {
        self.confirmation.is_some()
    }

    fn read(head: Head) -> Option<Self> {
        Some(Self {
            service: head.service,
            kind: head.kind.parse().ok()?,
            size_bytes: head.size,
            filename: head.filename,
            confirmation: match head.confirmation {
                None => None,
                Some(mark) => Some(from_hex(&mark)?),
            },
        })
    }
}

/// How the keys begin of all files whose last day this is.
#[must_use]
pub fn expiring(last_day: Date) -> Place {
    Bucket::Documents.at(format!("{}/", day(last_day)))
}

/// The bytes of a file, if it is not too long. Blanks and line breaks do not count.
fn decode(base64: &str) -> Result<Vec<u8>, UploadError> {
    let digits: Vec<u8> = base64.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let bytes = BASE64.decode(digits).map_err(|_| refused("Document is not base64 encoded"))?;
    if bytes.len() > LARGEST_BYTES {
        return Err(refused("File is larger than 2MB"));
    }
    Ok(bytes)
}

fn refused(text: &str) -> UploadError {
    UploadError::Refused(text.to_owned())
}

fn day(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

fn no_such_day() -> Error {
    Error::Permanent { reason: "the clock is far from our time".to_owned() }
}

/// Neither name nor address: they are personal data.
impl fmt::Debug for KeptDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptDocument").field("kind", &self.kind).finish_non_exhaustive()
    }
}
