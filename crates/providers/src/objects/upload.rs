//! Objects too big to be held: written part by part.

use bytes::Bytes;
use opendal::{Writer, options::WriteOptions};

use super::{Objects, Place, delete, error::failed};
use crate::Error;

/// How much is held before it is written: the least that S3 takes as a part.
const PART_BYTES: usize = 5 * 1024 * 1024;

/// An object that is being written. It is there when it is finished, whole, and not before.
///
/// What was written of one that is neither finished nor aborted, because its process died, is for the
/// store to clean up: in a bucket, by a rule that ends incomplete uploads.
pub struct Upload {
    place: Place,
    writer: Writer,
}

impl Objects {
    /// Begins an object without metadata, in place of whatever is there.
    ///
    /// # Errors
    /// As [`Objects::put`].
    pub async fn upload(&self, place: &Place) -> Result<Upload, Error> {
        let (bodies, sidecars) = self.open(place)?;
        if let Some(sidecars) = sidecars {
            delete(&sidecars, place).await?;
        }
        let options = WriteOptions {
            chunk: Some(PART_BYTES),
            content_type: Some("binary/octet-stream".to_owned()),
            ..WriteOptions::default()
        };
        let writer = bodies.writer_options(&place.key, options).await;
        let writer = writer.map_err(|error| failed(place, error))?;
        Ok(Upload { place: place.clone(), writer })
    }
}

impl Upload {
    /// Adds to the object.
    ///
    /// # Errors
    /// As [`Objects::put`].
    pub async fn append(&mut self, bytes: impl Into<Bytes>) -> Result<(), Error> {
        self.writer.write(bytes.into()).await.map_err(|error| failed(&self.place, error))
    }

    /// Puts the object in its place.
    ///
    /// # Errors
    /// As [`Objects::put`].
    pub async fn finish(mut self) -> Result<(), Error> {
        let closed = self.writer.close().await;
        if closed.is_err() {
            // Parts without a whole; the error that matters is the first one.
            let _ = self.writer.abort().await;
        }
        closed.map(drop).map_err(|error| failed(&self.place, error))
    }

    /// Forgets what was written. What was at the place before stays there.
    ///
    /// # Errors
    /// As [`Objects::put`].
    pub async fn abort(mut self) -> Result<(), Error> {
        self.writer.abort().await.map_err(|error| failed(&self.place, error))
    }
}
