//! Scanning files for viruses.

use async_trait::async_trait;

use crate::Error;

/// Looks for viruses in files.
#[async_trait]
pub trait VirusScanner: Send + Sync {
    /// Whether nothing was found in the file.
    ///
    /// # Errors
    /// [`Error`] when it could not be scanned, which says nothing of the file.
    async fn is_clean(&self, file: &[u8]) -> Result<bool, Error>;
}
