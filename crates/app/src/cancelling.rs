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
    /// Calls back a letter before it is printed. What the day's limit counted is given back.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::NotCancellable`], [`Error::AlreadyCancelled`],
    /// [`Error::TooLateToCancel`], [`Error::OnItsWay`].
    pub async fn cancel(&self, caller: &Caller, id: NotificationId) -> Result<(), Error> {
        let (service, now) = (caller.service(), self.clock().now());
        let found = store::notifications::get(&self.db().await?, service.id, id).await?;
        check(&found, now)?;
        let cancelled = store::cancelling::cancel(&self.db().await?, service.id, id, now).await?;
        let Some(Cancelled { abroad }) = cancelled else {
            return Err(Error::OnItsWay(found.status)); // its sender was first
        };
        info!(notification.id = %id, "called back");
        if found.created_at.date() == now.date() {
            let limits = &self.0.limits;
            limits.release(service, found.key_type, found.notification_type.into()).await;
            if abroad {
                limits.release(service, found.key_type, DailyLimit::InternationalSms).await;
            }
        }
        Ok(())
    }
}

/// Whether it can be called back as far as its row says.
fn check(found: &Notification, now: OffsetDateTime) -> Result<(), Error> {
    use NotificationStatus::{Cancelled, Created, PendingVirusCheck};
    if found.notification_type != NotificationType::Letter {
        return Err(Error::NotCancellable);
    }
    if found.status == Cancelled {
        return Err(Error::AlreadyCancelled);
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
