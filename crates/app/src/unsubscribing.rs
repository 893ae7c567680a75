//! Links by which recipients ask for no more emails, and what becomes of such a request (public API
//! contract §2.13).

use domain::NotificationId;
use store::unsubscribe_requests::{self, NewUnsubscribeRequest};
use time::Duration;
use tracing::info;
use uuid::Uuid;

use crate::{App, Error};

/// How long a link works.
const LONGEST_AGE: Duration = Duration::days(365);

impl App {
    /// The link for mail programs, which post to it. `recipient` is whoever the email goes to.
    pub(crate) fn unsubscribe_link(&self, id: NotificationId, recipient: &str) -> String {
        format!("{}{}", self.0.api_host_name, self.unsubscribe_path(id, recipient))
    }

    /// The link for people: the admin app has a page of the same path.
    pub(crate) fn unsubscribe_page(&self, id: NotificationId, recipient: &str) -> String {
        format!("{}{}", self.0.admin_base_url, self.unsubscribe_path(id, recipient))
    }

    fn unsubscribe_path(&self, id: NotificationId, recipient: &str) -> String {
        #[expect(clippy::disallowed_methods, reason = "nothing but random: not an id")]
        let iv = Uuid::new_v4().into_bytes();
        format!("/unsubscribe/{id}/{}", self.0.tokens.token(recipient, self.clock().now(), iv))
    }

    /// Stores the request that a link's token stands for, unless it waits for the service already.
    /// Where the service is the platform's own, it is noted with the platform's user instead.
    ///
    /// # Errors
    /// [`Error::BadToken`] when the token is not ours or too old, [`Error::NotFound`] when there is
    /// no such email.
    pub async fn unsubscribe(&self, id: NotificationId, token: &str) -> Result<(), Error> {
        let now = self.clock().now();
        let email_address = match self.0.tokens.read(token, LONGEST_AGE, now) {
            Ok(address) => address,
            // Links of before: signed, and readable.
            Err(_) => {
                self.signer().read_token(token, LONGEST_AGE, now).map_err(|_| Error::BadToken)?
            }
        };
        let mut db = self.db().await?;
        if unsubscribe_requests::is_waiting(&db, id).await? {
            return Ok(());
        }
        let origin = unsubscribe_requests::find_origin(&db, id).await?;
        let (service_id, template_id, template_version) = origin.ok_or(Error::NotFound)?;
        if self.unsubscribe_user(service_id, &email_address).await? {
            return Ok(());
        }
        let tx = db.transaction().await.map_err(store::Error::from)?;
        let request = NewUnsubscribeRequest {
            id: self.clock().new_id(),
            notification_id: id,
            service_id,
            template_id,
            template_version,
            email_address: &email_address,
            created_at: now,
        };
        unsubscribe_requests::insert(&tx, &request).await?;
        tx.commit().await.map_err(store::Error::from)?;
        info!(notification.id = %id, service.id = %service_id, "unsubscribed");
        self.0.limits.forget_unsubscribe_requests(service_id).await;
        Ok(())
    }
}
