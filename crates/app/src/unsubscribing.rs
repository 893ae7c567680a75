//! Links by which recipients ask for no more emails, and what becomes of such a request (public API
//! contract §2.13, tasks contract §3.7).

use domain::{NotificationId, ServiceId};
use queue::Trace;
use store::unsubscribe_requests::{self, NewUnsubscribeRequest, Stage};
use tasks::{ArchiveBatchedUnsubscribeRequests, ArchiveOldUnsubscribeRequests};
use time::Duration;
use tracing::info;
use uuid::Uuid;

use crate::{App, Error, days};

/// How long a link works.
const LONGEST_AGE: Duration = Duration::days(365);
/// Requests that one statement archives.
const BATCH: i64 = 10_000;

/// How many days a report's requests are kept after it was made, and others after they were.
const fn days_kept(stage: Stage) -> u16 {
    match stage {
        Stage::Batched => 7,
        Stage::Unbatched => 90,
    }
}

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

    /// Queues the archiving of requests, for each service that has old ones. Returns how many children
    /// that makes.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn fan_out_unsubscribe_archive(&self, trace: &Trace) -> Result<usize, Error> {
        let reported_before = days::ago(self.clock(), days_kept(Stage::Batched))?.start;
        let asked_before = days::ago(self.clock(), days_kept(Stage::Unbatched))?.start;
        let db = self.db().await?;
        let due = unsubscribe_requests::list_due(&db, reported_before, asked_before).await?;
        drop(db);
        let child = |(service_id, stage)| match stage {
            Stage::Batched => {
                self.message(&ArchiveBatchedUnsubscribeRequests { service_id }, trace)
            }
            Stage::Unbatched => self.message(&ArchiveOldUnsubscribeRequests { service_id }, trace),
        };
        let children = due.into_iter().map(child).collect::<Result<Vec<_>, _>>()?;
        self.outbox().publish(&children).await?;
        Ok(children.len())
    }

    /// Archives a service's old requests, those that are in a report or those that are in none, without
    /// the addresses. Returns how many.
    ///
    /// # Errors
    /// Database errors only. What was archived until then stays so.
    pub async fn archive_unsubscribe_requests(
        &self,
        service: ServiceId,
        stage: Stage,
    ) -> Result<u64, Error> {
        let before = days::ago(self.clock(), days_kept(stage))?.start;
        let mut archived = 0;
        loop {
            let db = self.db().await?;
            match unsubscribe_requests::archive(&db, service, stage, before, BATCH).await? {
                0 => break,
                batch => archived += batch,
            }
        }
        // Even if there was nothing: a run before may have died just here.
        self.0.limits.forget_unsubscribe_requests(service).await;
        Ok(archived)
    }
}
