//! Sending, between the claim and the record. The call to the provider itself is the worker's.
//!
//! A notification is claimed before it is sent, so that two workers never send it at once. A claim
//! dies with its worker; because the provider may have the message by then, whoever finds a dead
//! claim first waits for a receipt (design: "a lease that dies with its worker expires").

use std::{collections::HashMap, time::Duration};

use anyhow::Context;
use content::{Personalisation, email::EmailTemplate, sms::SmsTemplate};
use domain::{KeyType, NotificationId, NotificationStatus, NotificationType, Service};
use queue::{Attempt, Envelope, Trace};
use serde_json::{Value, json};
use store::{
    Pool,
    notifications::{Claim, ClaimState, Sent, ToSend},
    pool::Lease,
};
use tasks::{ProcessSesResult, ProcessSmsClientResponse, delivery::SEND_TIME_LIMIT, queues};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tracing::{info, warn};
use uuid::Uuid;

use crate::{App, Error, branding, grouped::Statement};

/// How much longer than the attempt itself a claim lives.
const CLAIM_MARGIN: Duration = Duration::from_secs(30);

/// What became of an attempt to claim a notification.
pub enum Claimed {
    /// It is ours to send.
    Ours(Box<ToSend>),
    /// Nothing is to be done: it has been sent, or another message will see to it.
    Nothing,
    /// Its last worker died with it: look again after this, when a receipt may have come.
    WaitForReceipt(Duration),
    /// Its attempt has failed already, and the message that says so was lost: this one takes its
    /// place, after this.
    PutOff(Duration),
}

/// A text message, ready for a provider.
#[derive(Clone)]
pub struct ComposedSms {
    /// The text as the recipient reads it.
    pub text: String,
    /// Parts that it is billed as.
    pub fragments: i32,
}

/// An email, ready for a provider.
#[derive(Clone)]
pub struct ComposedEmail {
    /// The name in the From header.
    pub from_name: String,
    /// The From address.
    pub from_address: String,
    /// The subject.
    pub subject: String,
    /// The body as plain text.
    pub text: String,
    /// The body as HTML.
    pub html: String,
    /// Where mail programs can unsubscribe the recipient.
    pub unsubscribe_link: Option<String>,
}

/// Why a message cannot be composed.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The service has been archived since it was accepted.
    #[error("the service is archived")]
    ServiceInactive,
    /// It could not be read or rendered.
    #[error(transparent)]
    Other(#[from] Error),
}

impl App {
    /// Claims a notification for sending.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it does not exist (yet); database errors.
    pub async fn claim_to_send(
        &self,
        id: NotificationId,
        attempt: &Attempt,
    ) -> Result<Claimed, Error> {
        let now = self.clock().now();
        let number = i32::try_from(attempt.number()).unwrap_or(i32::MAX);
        let claim = Claim {
            id,
            holder: self.clock().new_id(),
            attempt: number,
            now,
            until: now + SEND_TIME_LIMIT + CLAIM_MARGIN,
        };
        if let Some(message) = self.0.groups.claims.call(claim).await? {
            return Ok(Claimed::Ours(message));
        }
        let db = self.db().await?;
        let state = store::notifications::claim_state(&db, id).await?;
        let wait = self.0.receipt_wait;
        match judge(&state, number, attempt.redelivered(), now) {
            Verdict::Leave => {
                info!(notification.status = %state.status, "nothing to send");
                Ok(Claimed::Nothing)
            }
            Verdict::WaitFor(left) => Ok(Claimed::WaitForReceipt(left + wait)),
            Verdict::PutOff(left) => Ok(Claimed::PutOff(left)),
            Verdict::Broken { seen } => {
                let due = now + wait;
                // The retry of this very message has the next number; a twin of it must not pass.
                let next = number.saturating_add(1);
                if store::notifications::break_claim(&db, id, seen, next, due).await? {
                    warn!("an earlier attempt ended unrecorded; waiting for a receipt");
                    Ok(Claimed::WaitForReceipt(wait))
                } else {
                    Ok(Claimed::Nothing)
                }
            }
        }
    }

    /// Renders a text message.
    ///
    /// # Errors
    /// [`ComposeError`].
    pub async fn compose_sms(&self, message: &ToSend) -> Result<ComposedSms, ComposeError> {
        let service = self.active_service(message).await?;
        let template = self
            .template_version(message.service_id, message.template_id, message.template_version)
            .await?;
        let values = self.personalisation(message.signed_personalisation.as_deref())?;
        let prefix = service.prefix_sms.then_some(service.name.as_str());
        let sms = SmsTemplate::new(&template.content, prefix, &Personalisation::from(values));
        let fragments = i32::try_from(sms.fragments()).unwrap_or(i32::MAX);
        Ok(ComposedSms { text: sms.message().to_owned(), fragments })
    }

    /// Renders an email.
    ///
    /// # Errors
    /// [`ComposeError`].
    pub async fn compose_email(&self, message: &ToSend) -> Result<ComposedEmail, ComposeError> {
        let service = self.active_service(message).await?;
        let template = self
            .template_version(message.service_id, message.template_id, message.template_version)
            .await?;
        let values = self.personalisation(message.signed_personalisation.as_deref())?;
        let personalisation = Personalisation::from(values);
        let subject = template.subject.as_deref().unwrap_or_default();
        let offers_link = template.has_unsubscribe_link;
        let page = offers_link.then(|| self.unsubscribe_page(message.id, &message.to));
        let email = EmailTemplate::new(subject, &template.content, &personalisation)
            .with_unsubscribe_link(page.as_deref());
        let branding = service.email_branding.as_ref();
        let logo = branding.and_then(|branding| branding.logo.as_ref());
        let logo = logo.map(|file| format!("{}/{file}", self.0.logos_url));
        Ok(ComposedEmail {
            from_name: service.email_sender_name().to_owned(),
            from_address: self.sender_address(&service),
            subject: email.subject().to_owned(),
            text: email.plain_text(),
            html: email.document(&branding::layout(branding, logo.as_deref())),
            unsubscribe_link: message
                .unsubscribe_link
                .clone()
                .or_else(|| offers_link.then(|| self.unsubscribe_link(message.id, &message.to))),
        })
    }

    async fn active_service(&self, message: &ToSend) -> Result<Service, ComposeError> {
        let account = self.account(message.service_id).await?.ok_or(Error::NotFound)?;
        if account.service.active {
            Ok(account.service.clone())
        } else {
            Err(ComposeError::ServiceInactive)
        }
    }

    /// Records that a provider has the message, however long that takes: what is not recorded may
    /// be sent twice. Goes on when the caller is cancelled, until [`App::finish`] gives up.
    ///
    /// # Errors
    /// Only when the process is ending.
    pub async fn record_sent(&self, sent: Sent) -> Result<(), Error> {
        let app = self.clone();
        let record = self.0.recording.spawn(async move {
            let mut pause = Duration::from_millis(100);
            while let Err(error) = app.0.groups.sent.call(sent.clone()).await {
                warn!(notification.id = %sent.id, error = %runtime::chain(&error),
                      "not recorded as sent yet");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(5));
            }
        });
        Ok(record.await.map_err(anyhow::Error::from)?)
    }

    /// Lets go of a claim whose attempt failed, and notes when the next one is due. The fragments
    /// of a text message are kept, as the peer does: it may have been billed. `why` is for operators.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn put_off(
        &self,
        message: &ToSend,
        attempt: &Attempt,
        delay: Duration,
        why: &str,
    ) -> Result<(), Error> {
        let fragments = match message.notification_type {
            NotificationType::Sms => self.compose_sms(message).await.map_or(0, |sms| sms.fragments),
            NotificationType::Email | NotificationType::Letter => 0,
        };
        let next = i32::try_from(attempt.number()).unwrap_or(i32::MAX).saturating_add(1);
        let due = self.clock().now() + delay;
        let (db, id, holder) = (self.db().await?, message.id, message.holder);
        Ok(store::notifications::put_off(&db, id, holder, next, due, fragments, why).await?)
    }

    /// Ends a notification that will not be sent. The service is not called back for that. `why` is for
    /// operators; without it, the reason of the last attempt that was put off stays.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn give_up(&self, id: NotificationId, why: Option<&str>) -> Result<(), Error> {
        let now = self.clock().now();
        if store::notifications::set_technical_failure(&self.db().await?, id, now, why).await? {
            metrics::counter!("notifications_given_up_total").increment(1);
        }
        Ok(())
    }

    /// Plays the provider for a test key: the message counts as sent, and a receipt with the
    /// outcome that its recipient stands for is queued (public API contract §3.11).
    ///
    /// # Errors
    /// Database errors only.
    pub async fn simulate(
        &self,
        message: &ToSend,
        fragments: i32,
        trace: &Trace,
    ) -> Result<(), Error> {
        let now = self.clock().now();
        let receipt_id = self.clock().new_id();
        let sms = message.notification_type == NotificationType::Sms;
        let reference = (!sms).then(|| self.clock().new_id().to_string());
        let envelope = match &reference {
            None => Envelope::new(&simulated_sms_receipt(message), receipt_id, trace),
            Some(reference) => {
                let receipt = simulated_email_receipt(message, reference, now)?;
                Envelope::new(&receipt, receipt_id, trace)
            }
        }
        .map_err(anyhow::Error::from)?
        .on(queues::RESEARCH_MODE);
        let row = self.written(&envelope)?;
        let mut db = self.db().await?;
        let tx = db.transaction().await.map_err(store::Error::from)?;
        let status = if message.international {
            NotificationStatus::Sent
        } else {
            NotificationStatus::Sending
        };
        let sent = Sent {
            id: message.id,
            status,
            sent_by: if sms { "mmg" } else { "ses" },
            sent_at: now,
            billable_units: fragments,
            reference,
        };
        store::notifications::record_sent(&tx, &[sent]).await?;
        store::outbox::insert(&tx, std::slice::from_ref(&row)).await?;
        tx.commit().await.map_err(store::Error::from)?;
        drop(db);
        self.publish_written(row.id, &envelope).await;
        Ok(())
    }
}

/// Claims notifications; those that were not claimed have no message.
pub(crate) struct Claims;

impl Statement for Claims {
    type Ask = Claim;
    type Answer = Option<Box<ToSend>>;

    fn key(claim: &Claim) -> Uuid {
        claim.id.0
    }

    async fn run(db: &Pool, claims: &[Claim]) -> Result<Vec<Self::Answer>, store::Error> {
        let lease = Lease::of(db).await?;
        let claimed = store::notifications::claim(&*lease, claims).await;
        lease.end();
        let mut claimed: HashMap<_, _> =
            claimed?.into_iter().map(|message| (message.id, Box::new(message))).collect();
        Ok(claims.iter().map(|claim| claimed.remove(&claim.id)).collect())
    }
}

/// Records what providers have taken.
pub(crate) struct SentRecords;

impl Statement for SentRecords {
    type Ask = Sent;
    type Answer = ();

    fn key(sent: &Sent) -> Uuid {
        sent.id.0
    }

    async fn run(db: &Pool, sent: &[Sent]) -> Result<Vec<()>, store::Error> {
        let lease = Lease::of(db).await?;
        let recorded = store::notifications::record_sent(&*lease, sent).await;
        lease.end();
        recorded.map(|()| vec![(); sent.len()])
    }
}

/// What to do about a notification that could not be claimed.
#[derive(Debug, PartialEq)]
enum Verdict {
    /// Nothing: it is past `created`, or somebody else's message will see to it.
    Leave,
    /// This very message may have died with its worker, whose claim still has this long to live.
    WaitFor(Duration),
    /// This very message was put off for so long, and then lost before it could say so.
    PutOff(Duration),
    /// The claim, which runs until `seen`, is dead.
    Broken { seen: OffsetDateTime },
}

fn judge(state: &ClaimState, attempt: i32, redelivered: bool, now: OffsetDateTime) -> Verdict {
    if state.status != NotificationStatus::Created {
        return Verdict::Leave;
    }
    match state.claimed_until {
        None => match state.next_attempt_at {
            Some(due) if redelivered => {
                Verdict::PutOff(Duration::try_from(due - now).unwrap_or_default())
            }
            // The message of the next attempt is on its way.
            _ => Verdict::Leave,
        },
        Some(seen) if seen <= now => Verdict::Broken { seen },
        // Of this very message, or of the one before it, which could not say that it had failed.
        Some(until) if redelivered || state.attempt < attempt => {
            Verdict::WaitFor(Duration::try_from(until - now).unwrap_or_default())
        }
        Some(_) => Verdict::Leave,
    }
}

fn simulated_sms_receipt(message: &ToSend) -> ProcessSmsClientResponse {
    let number = message.to.trim();
    let status = if number.ends_with("7700900003") {
        "4"
    } else if number.ends_with("7700900002") {
        "5"
    } else {
        "3"
    };
    ProcessSmsClientResponse {
        status: status.to_owned(),
        provider_reference: message.id.to_string(),
        client_name: "MMG".to_owned(),
        detailed_status_code: None,
        delivery_iso_timestamp: None,
        receipt_iso_timestamp: None,
    }
}

fn simulated_email_receipt(
    message: &ToSend,
    reference: &str,
    now: OffsetDateTime,
) -> Result<ProcessSesResult, Error> {
    let at = now.format(&Rfc3339).context("writing a time")?;
    let mut event: Value = json!({ "mail": { "messageId": reference, "timestamp": at } });
    match message.to.as_str() {
        "perm-fail@simulator.notify" => {
            event["notificationType"] = json!("Bounce");
            event["bounce"] = json!({ "bounceType": "Permanent", "timestamp": at });
        }
        "temp-fail@simulator.notify" => {
            event["notificationType"] = json!("Bounce");
            event["bounce"] = json!({ "bounceType": "Transient", "timestamp": at });
        }
        _ => {
            event["notificationType"] = json!("Delivery");
            event["delivery"] = json!({ "timestamp": at });
        }
    }
    Ok(ProcessSesResult {
        response: json!({ "Type": "Notification", "Message": event.to_string() }),
        receipt_iso_timestamp: None,
    })
}

/// Whether a message goes to a provider or is only simulated.
#[must_use]
pub fn is_simulated(message: &ToSend) -> bool {
    message.key_type == KeyType::Test
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);

    fn state(status: NotificationStatus, attempt: i32, claimed_for: Option<i64>) -> ClaimState {
        let claimed_until = claimed_for.map(|seconds| NOW + time::Duration::seconds(seconds));
        ClaimState { status, attempt, claimed_until, next_attempt_at: None }
    }

    #[test]
    fn what_is_past_created_is_left_alone() {
        let sending = state(NotificationStatus::Sending, 0, None);
        assert_eq!(judge(&sending, 0, true, NOW), Verdict::Leave);
    }

    #[test]
    fn a_second_message_leaves_a_live_claim_and_an_attempt_that_is_put_off_alone() {
        let held = state(NotificationStatus::Created, 0, Some(60));
        assert_eq!(judge(&held, 0, false, NOW), Verdict::Leave);
        let put_off = state(NotificationStatus::Created, 1, None);
        assert_eq!(judge(&put_off, 0, false, NOW), Verdict::Leave);
    }

    #[test]
    fn a_redelivered_message_waits_until_the_claim_of_its_dead_worker_runs_out() {
        let held = state(NotificationStatus::Created, 0, Some(60));
        assert_eq!(judge(&held, 0, true, NOW), Verdict::WaitFor(Duration::from_secs(60)));
    }

    #[test]
    fn a_redelivered_message_whose_attempt_was_put_off_takes_the_place_of_the_lost_retry() {
        let mut put_off = state(NotificationStatus::Created, 1, None);
        put_off.next_attempt_at = Some(NOW + time::Duration::seconds(300));
        assert_eq!(judge(&put_off, 0, true, NOW), Verdict::PutOff(Duration::from_secs(300)));
        assert_eq!(judge(&put_off, 0, false, NOW), Verdict::Leave);
    }

    #[test]
    fn a_claim_is_dead_when_it_ran_out_and_a_later_attempt_waits_for_that() {
        let ran_out = state(NotificationStatus::Created, 0, Some(0));
        assert_eq!(judge(&ran_out, 0, false, NOW), Verdict::Broken { seen: NOW });
        let over = state(NotificationStatus::Created, 0, Some(60));
        assert_eq!(judge(&over, 1, false, NOW), Verdict::WaitFor(Duration::from_secs(60)));
    }
}
