//! Files and letters, in a folder or in an S3-compatible store.
//!
//! An object is a body of bytes with a few texts beside it (its metadata). A folder keeps bodies as
//! plain files, and metadata in files of their own, in a folder beside: extended attributes would
//! keep both together, but not every file system has them.
//!
//! Every operation may be repeated. What moves is copied and then deleted, so a crash can leave both
//! copies; repeating the move finishes it.

mod config;
mod error;
mod operators;
mod upload;

use std::{collections::BTreeMap, fmt};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use opendal::{ErrorKind, Operator, options::WriteOptions};
use time::OffsetDateTime;

pub use config::{Location, ObjectsConfig};
use error::failed;
use operators::Operators;
pub use upload::Upload;

use crate::{ConfigError, Error};

/// What is kept apart, as Notify keeps it (letters contract §0.3, internal API contract §7.1).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumCount, strum::VariantArray,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Bucket {
    /// Files of recipients: `service-{service}-notify/{job}.csv`.
    CsvUpload,
    /// Contact lists: `service-{service}-notify/{list}.csv`.
    ContactList,
    /// Files that email templates link to: `{service}/{file}`.
    TemplateEmailFiles,
    /// Letters of test keys.
    TestLetters,
    /// Letters ready to print, in a folder per printing day.
    LettersPdf,
    /// Letters that wait for their virus scan; those that failed it below `FAILURE/` and `ERROR/`.
    LettersScan,
    /// Letters that failed validation, with the reason as metadata.
    InvalidPdf,
    /// Letters uploaded in the admin app: `service-{service}/{upload}.pdf`.
    TransientUploadedLetters,
    /// Letters just sanitised, on their way to where they are printed from.
    LetterSanitise,
    /// Reports: `notifications_report/{request}.csv`.
    ReportRequests,
    /// Files by email, encrypted, in a folder for each day on which their time is up.
    Documents,
}

impl Bucket {
    /// The place of the object `key`, such as `2017-12-04/NOTIFY.FOO.D.2.C.20171204172900.PDF`.
    #[must_use]
    pub fn at(self, key: impl Into<String>) -> Place {
        Place { bucket: self, key: key.into() }
    }
}

/// Where an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its bucket.
    pub bucket: Bucket,
    /// Its name there. Slashes make folders; no part is empty, `.` or `..`.
    pub key: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.bucket, self.key)
    }
}

/// The texts beside an object: lower-case names, values in printable ASCII, 2 kB in all.
pub type Metadata = BTreeMap<String, String>;

/// An object, read whole.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its bytes.
    pub body: Bytes,
    /// The texts beside it.
    pub metadata: Metadata,
}

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Where it is.
    pub place: Place,
    /// How long its body is.
    pub size_bytes: u64,
    /// When it was written, where the store says so.
    pub written_at: Option<OffsetDateTime>,
}

/// The buckets. Cheap to clone.
#[derive(Clone)]
pub struct Objects(Operators);

impl Objects {
    /// The buckets of this configuration. Nothing is opened or made before it is used.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting that is unusable.
    pub fn from_config(config: &ObjectsConfig) -> Result<Self, ConfigError> {
        Ok(Self(Operators::new(config)?))
    }

    /// Whether there is such a bucket: in a store shared with others it must have been named.
    #[must_use]
    pub fn has(&self, bucket: Bucket) -> bool {
        self.0.has(bucket)
    }

    /// Writes an object with its metadata, in place of whatever was there.
    ///
    /// # Errors
    /// [`Error::Temporary`] when the store cannot be reached, [`Error::Permanent`] when it refuses.
    pub async fn put(
        &self,
        place: &Place,
        body: impl Into<Bytes>,
        metadata: &Metadata,
    ) -> Result<(), Error> {
        let (bodies, sidecars) = self.open(place)?;
        if !metadata.values().all(|value| value.bytes().all(|b| matches!(b, b' '..=b'~'))) {
            return Err(Error::Permanent { reason: format!("{place}: metadata is not ASCII") });
        }
        let mut options = WriteOptions::default();
        match sidecars {
            // First, so that whoever sees the object sees what belongs to it.
            Some(sidecars) if metadata.is_empty() => delete(&sidecars, place).await?,
            Some(sidecars) => {
                let text =
                    serde_json::to_vec(metadata).map_err(|error| unreadable(place, error))?;
                sidecars.write(&place.key, text).await.map_err(|error| failed(place, error))?;
            }
            None => {
                options.content_type = Some("binary/octet-stream".to_owned());
                options.user_metadata = Some(metadata.clone().into_iter().collect());
            }
        }
        let written = bodies.write_options(&place.key, body.into(), options).await;
        written.map(drop).map_err(|error| failed(place, error))
    }

    /// The whole object, or `None` when there is none.
    ///
    /// # Errors
    /// As [`Objects::put`].
    pub async fn get(&self, place: &Place) -> Result<Option<Object>, Error> {
        let Some(metadata) = self.metadata(place).await? else { return Ok(None) };
        let (bodies, _) = self.open(place)?;
        let body = found(place, bodies.read(&place.key).await)?;
        Ok(body.map(|body| Object { body: body.to_bytes(), metadata }))
    }

    /// The metadata of an object, or `None` when there is no such object.
    ///
    /// # Errors
    /// As [`Objects::put`].
    pub async fn metadata(&self, place: &Place) -> Result<Option<Metadata>, Error> {
        let (bodies, sidecars) = self.open(place)?;
        let Some(known) = found(place, bodies.stat(&place.key).await)? else { return Ok(None) };
        let Some(sidecars) = sidecars else {
            let texts = known.user_metadata().into_iter().flatten();
            return Ok(Some(
                texts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            ));
        };
        match found(place, sidecars.read(&place.key).await)? {
            None => Ok(Some(Metadata::new())),
            Some(text) => serde_json::from_slice(&text.to_bytes())
                .map(Some)
                .map_err(|error| unreadable(place, error)),
        }
    }

    /// Whether there is such an object.
    ///
    /// # Errors
    /// As [`Objects::put`].
    pub async fn exists(&self, place: &Place) -> Result<bool, Error> {
        let (bodies, _) = self.open(place)?;
        Ok(found(place, bodies.stat(&place.key).await)?.is_some())
    }

    /// The objects whose keys begin with `prefix`, page by page, in no promised order.
    ///
    /// # Errors
    /// As [`Objects::put`], also from the stream.
    pub async fn list(
        &self,
        prefix: &Place,
    ) -> Result<impl Stream<Item = Result<Listed, Error>> + use<>, Error> {
        let bucket = prefix.bucket;
        let (bodies, _) = self.0.open(bucket)?;
        let lister = bodies.lister_with(&prefix.key).recursive(true).await;
        let (place, at) = (prefix.clone(), prefix.clone());
        let entries = match found(&place, lister)? {
            Some(lister) => lister.left_stream(),
            None => futures_util::stream::empty().right_stream(),
        };
        Ok(entries
            .map_err(move |error| failed(&place, error))
            .try_filter(|entry| std::future::ready(entry.metadata().is_file()))
            // A folder's listing may say no more than the name.
            .and_then(move |entry| {
                let (bodies, place) = (bodies.clone(), at.bucket.at(entry.path()));
                async move {
                    let known = entry.metadata();
                    if known.last_modified().is_some() {
                        return Ok(Some(listed(place, known)));
                    }
                    let known = found(&place, bodies.stat(&place.key).await)?;
                    Ok(known.map(|known| listed(place, &known)))
                }
            })
            .try_filter_map(|listed| std::future::ready(Ok(listed))))
    }

    /// Any object whose key begins with `prefix`.
    ///
    /// # Errors
    /// As [`Objects::put`].
    pub async fn find(&self, prefix: &Place) -> Result<Option<Place>, Error> {
        let objects = self.list(prefix).await?;
        Ok(std::pin::pin!(objects).try_next().await?.map(|found| found.place))
    }

    /// Copies an object: with `metadata`, or with what it had. False when there is none.
    ///
    /// # Errors
    /// As [`Objects::put`].
    pub async fn copy(
        &self,
        from: &Place,
        to: &Place,
        metadata: Option<&Metadata>,
    ) -> Result<bool, Error> {
        let Some(object) = self.get(from).await? else { return Ok(false) };
        self.put(to, object.body, metadata.unwrap_or(&object.metadata)).await?;
        Ok(true)
    }

    /// Moves an object: with `metadata`, or with what it had. True when it is at `to` now, also by
    /// an earlier move; false when it is at neither place.
    ///
    /// # Errors
    /// As [`Objects::put`]. The object is then at `from`, at `to` or at both; another move mends it.
    pub async fn relocate(
        &self,
        from: &Place,
        to: &Place,
        metadata: Option<&Metadata>,
    ) -> Result<bool, Error> {
        if !self.copy(from, to, metadata).await? {
            return self.exists(to).await;
        }
        if from != to {
            self.delete(from).await?;
        }
        Ok(true)
    }

    /// Deletes an object, if there is one.
    ///
    /// # Errors
    /// As [`Objects::put`].
    pub async fn delete(&self, place: &Place) -> Result<(), Error> {
        let (bodies, sidecars) = self.open(place)?;
        delete(&bodies, place).await?;
        match sidecars {
            Some(sidecars) => delete(&sidecars, place).await,
            None => Ok(()),
        }
    }

    /// The bucket of a place, and where the metadata is if not there.
    fn open(&self, place: &Place) -> Result<(Operator, Option<Operator>), Error> {
        // What a folder would read as another path, or as none.
        if place.key.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(Error::Permanent { reason: format!("not the key of an object: {place}") });
        }
        self.0.open(place.bucket)
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Objects")
    }
}

async fn delete(operator: &Operator, place: &Place) -> Result<(), Error> {
    operator.delete(&place.key).await.map_err(|error| failed(place, error))
}

fn listed(place: Place, known: &opendal::Metadata) -> Listed {
    let written_at = known.last_modified().and_then(|at| {
        OffsetDateTime::from_unix_timestamp_nanos(at.into_inner().as_nanosecond()).ok()
    });
    Listed { place, size_bytes: known.content_length(), written_at }
}

/// What is not there is `None`.
fn found<T>(place: &Place, result: Result<T, opendal::Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(place, error)),
    }
}

fn unreadable(place: &Place, error: serde_json::Error) -> Error {
    Error::Permanent { reason: format!("{place}: metadata cannot be read: {error}") }
}
