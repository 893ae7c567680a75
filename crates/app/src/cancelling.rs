//! Calling back what has not been sent (for letters, the rules of letters contract §7.3).

use domain::{
    NotificationId, NotificationStatus, NotificationType,
    letter::{can_be_cancelled, printing_day},
    london,
    service::DailyLimit,
};
use store::{cancelling::Cancelled, notifications::Notification};
use time::OffsetDateTime;
use tracing::info;

use crate::{App, Caller, Error};

impl App {
    /// Calls back a letter before it is printed, or a message that waits for its time. What the day's
    /// limit counted is given back.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::NotCancellable`], [`Error::AlreadyCancelled`],
    /// [`Error::TooLateToCancel`], [`Error::OnItsWay`].
    pub async fn cancel(&self, caller: &Caller, id: NotificationId) -> Result<(), Error> {
        let (service, now) = (caller.service(), self.clock().now());
        let mut db = self.db().await?;
        let found = store::notifications::get(&db, service.id, id).await?;
        check(&found, now)?;
        let tx = db.transaction().await.map_err(store::Error::from)?;
        let is_free = found.scheduled_for.is_none() || store::scheduled::delete(&tx, id).await?;
        let cancelled = match is_free {
            true => store::cancelling::cancel(&tx, service.id, id, now).await?,
            false => None,
        };
        let Some(Cancelled { abroad }) = cancelled else {
            return Err(Error::OnItsWay(found.status)); // its sender was first
        };
        tx.commit().await.map_err(store::Error::from)?;
        info!(notification.id = %id, "called back");
        if found.created_at.date() == now.date() {
            let limits = &self.0.limits;
            limits.release(service, found.key_type, found.notification_type.into(), 1).await;
            if abroad {
                limits.release(service, found.key_type, DailyLimit::InternationalSms, 1).await;
            }
        }
        Ok(())
    }
}

/// Whether it can be called back as far as its row says.
fn check(found: &Notification, now: OffsetDateTime) -> Result<(), Error> {
    use NotificationStatus::{Cancelled, Created, PendingVirusCheck};
    if found.status == Cancelled {
        return Err(Error::AlreadyCancelled(found.notification_type));
    }
    if found.scheduled_for.is_some() {
        return Ok(());
    }
    if found.notification_type != NotificationType::Letter {
        return Err(Error::NotCancellable);
    }
    if !matches!(found.status, Created | PendingVirusCheck) {
        return Err(Error::OnItsWay(found.status));
    }
    if can_be_cancelled(found.status, found.created_at, now) {
        return Ok(());
    }
    let day = printing_day(found.created_at);
    let today = london::local(now).map(|now| now.date());
    Err(Error::TooLateToCancel { printed_on: day.filter(|day| Some(*day) != today) })
}
