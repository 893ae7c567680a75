//! What recipients do with a link to our own store: see what is there, say who they are, get it.

use bytes::Bytes;
use domain::file_type::FileType;
use providers::documents::{DocumentLink, KeptDocument};
use time::Duration;
use tracing::{info, warn};
use uuid::Uuid;

use crate::{App, Error};

/// How long whoever has named the recipient's address need not do so again.
pub const CONFIRMED_FOR: Duration = Duration::hours(1);

/// How many wrong addresses may be named for one file within a day.
const MOST_TRIES: i64 = 10;

/// What a recipient is told of a file.
pub struct DocumentView {
    /// The service that sent it.
    pub service_name: String,
    /// Where questions go: an address of a page or of email, or a phone number.
    pub contact: Option<String>,
    /// What kind of file it is.
    pub kind: FileType,
    /// How long it is.
    pub size_bytes: u64,
    /// What its sender calls it.
    pub filename: Option<String>,
    /// Whether the recipient has to name their address first, and has not.
    pub is_locked: bool,
}

/// What came of naming an address.
pub enum Confirmation {
    /// It is the recipient's. The token says so for [`CONFIRMED_FOR`].
    Right(String),
    /// It is not.
    Wrong,
    /// Too many were not: this one was not looked at.
    TooMany,
}

impl App {
    /// What is at the end of a link. `token` is what [`App::confirm_document`] gave, if it did.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such file, its time is up, or the key is wrong.
    pub async fn document(
        &self,
        link: &DocumentLink,
        token: Option<&str>,
    ) -> Result<DocumentView, Error> {
        let document = self.find_document(link).await?;
        let account = self.account(document.service).await?.ok_or(Error::NotFound)?;
        let is_locked = document.asks_for_confirmation() && !self.is_confirmed(link.id, token);
        Ok(DocumentView {
            service_name: account.service.name.clone(),
            contact: account.service.contact_link.clone(),
            kind: document.kind,
            size_bytes: document.size_bytes,
            filename: document.filename,
            is_locked,
        })
    }

    /// The bytes of a file that [`App::document`] found and that is not locked.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it went in the meantime.
    pub async fn read_document(&self, link: &DocumentLink) -> Result<Bytes, Error> {
        let bytes = self.0.documents.own.read(link).await?.ok_or(Error::NotFound)?;
        info!(document.id = %link.id, "a file is downloaded");
        Ok(bytes)
    }

    /// Somebody says that this is the address that the link was sent to. While Redis is away tries
    /// are not counted.
    ///
    /// # Errors
    /// [`Error::NotFound`] as from [`App::document`].
    pub async fn confirm_document(
        &self,
        link: &DocumentLink,
        address: &str,
    ) -> Result<Confirmation, Error> {
        let document = self.find_document(link).await?;
        if !self.0.limits.reserve_try(link.id, MOST_TRIES).await {
            warn!(document.id = %link.id, "too many wrong addresses were named");
            return Ok(Confirmation::TooMany);
        }
        if !link.is_confirmed_by(&document, address) {
            return Ok(Confirmation::Wrong);
        }
        self.0.limits.release_try(link.id).await;
        #[expect(clippy::disallowed_methods, reason = "nothing but random: not an id")]
        let iv = Uuid::new_v4().into_bytes();
        let token = self.0.tokens.token(&confirmed(link.id), self.clock().now(), iv);
        Ok(Confirmation::Right(token))
    }

    async fn find_document(&self, link: &DocumentLink) -> Result<KeptDocument, Error> {
        self.0.documents.own.find(link).await?.ok_or(Error::NotFound)
    }

    fn is_confirmed(&self, document: Uuid, token: Option<&str>) -> bool {
        let said = token
            .and_then(|token| self.0.tokens.read(token, CONFIRMED_FOR, self.clock().now()).ok());
        said.is_some_and(|said| said == confirmed(document))
    }
}

/// What a token says. No other token of this key does: they hold email addresses.
fn confirmed(document: Uuid) -> String {
    format!("recipient of {document}")
}
