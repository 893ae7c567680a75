//! Text messages that services received (public API contract §2.12).

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{App, Caller, Error};

/// Received text messages on one page of a list.
const PAGE_SIZE: i64 = 250;

/// A received text message.
pub struct ReceivedText {
    /// Its id.
    pub id: Uuid,
    /// When it came in.
    pub created_at: OffsetDateTime,
    /// The number of the service.
    pub notify_number: String,
    /// Who sent it.
    pub user_number: String,
    /// What it says.
    pub content: String,
}

impl App {
    /// A page of the service's received text messages, the newest first.
    ///
    /// # Errors
    /// [`Error::Internal`] only.
    pub async fn received_texts(
        &self,
        caller: &Caller,
        older_than: Option<Uuid>,
    ) -> Result<Vec<ReceivedText>, Error> {
        let service = caller.service().id;
        let db = self.db().await?;
        let stored = store::received_texts::list(&db, service, older_than, PAGE_SIZE).await?;
        stored
            .into_iter()
            .map(|text| {
                Ok(ReceivedText {
                    content: self
                        .signer()
                        .unsign(&text.signed_content)
                        .map_err(anyhow::Error::from)?,
                    id: text.id,
                    created_at: text.created_at,
                    notify_number: text.notify_number,
                    user_number: text.user_number,
                })
            })
            .collect()
    }
}
