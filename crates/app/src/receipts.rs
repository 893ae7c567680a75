//! Applying receipts (tasks contract §3.5, public API contract §5.1-5.2).
//!
//! Late, repeated, unknown and out-of-order receipts are normal: each is compared with the row's
//! status and either changes it once or is only logged.

use std::collections::{HashMap, HashSet};

use content::phone;
use domain::{NotificationId, NotificationStatus, NotificationType};
use queue::Trace;
use store::{
    Pool,
    complaints::Complaint,
    notifications::ToSend,
    pool::Lease,
    receipts::{Outcome, Receivable},
};
use time::OffsetDateTime;
use tracing::{info, warn};
use uuid::Uuid;

use crate::{App, Error, grouped::Statement};

/// What an SMS provider said.
#[derive(Clone, Copy, Debug)]
pub struct SmsReceipt<'a> {
    /// Which message.
    pub id: NotificationId,
    /// Which provider.
    pub provider: SmsProvider,
    /// The status that its word means, before the row's own state is considered.
    pub status: NotificationStatus,
    /// The provider's finer word.
    pub detail: Option<&'a str>,
}

/// An SMS provider that sends receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString)]
pub enum SmsProvider {
    /// MMG.
    #[strum(serialize = "MMG")]
    Mmg,
    /// Firetext.
    Firetext,
    /// Reach.
    Reach,
}

impl SmsProvider {
    /// The name of its row in `provider_details`.
    #[must_use]
    pub fn identifier(self) -> &'static str {
        match self {
            Self::Mmg => "mmg",
            Self::Firetext => "firetext",
            Self::Reach => "reach",
        }
    }

    /// The status that the provider's word means; `None` for a word we do not know.
    #[must_use]
    pub fn status(self, word: &str) -> Option<NotificationStatus> {
        match (self, word) {
            (Self::Mmg, "3") | (Self::Firetext, "0") => Some(NotificationStatus::Delivered),
            (Self::Mmg, "2" | "5") | (Self::Firetext, "1") => {
                Some(NotificationStatus::PermanentFailure)
            }
            (Self::Mmg, "4") => Some(NotificationStatus::TemporaryFailure),
            (Self::Firetext, "2") => Some(NotificationStatus::Pending),
            (Self::Reach, "delivered") => Some(NotificationStatus::Delivered),
            (Self::Reach, "temporary-failure") => Some(NotificationStatus::TemporaryFailure),
            (Self::Reach, "permanent-failure") => Some(NotificationStatus::PermanentFailure),
            _ => None,
        }
    }
}

/// What the email provider said about a message.
#[derive(Clone, Copy, Debug)]
pub struct EmailReceipt<'a> {
    /// The provider's id of the message.
    pub reference: &'a str,
    /// Our id, where the provider passed it on.
    pub id: Option<NotificationId>,
    /// The status that the event means.
    pub status: NotificationStatus,
}

/// A recipient's complaint, as the email provider told it.
#[derive(Clone, Copy, Debug)]
pub struct EmailComplaint<'a> {
    /// The provider's id of the message.
    pub reference: &'a str,
    /// Our id, where the provider passed it on.
    pub id: Option<NotificationId>,
    /// The provider's id of the complaint.
    pub feedback_id: Option<&'a str>,
    /// The provider's word for it.
    pub complaint_type: Option<&'a str>,
    /// The recipient, as the provider knows it.
    pub recipient: Option<&'a str>,
    /// When the recipient complained.
    pub at: Option<OffsetDateTime>,
}

/// What became of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The status was changed.
    Changed,
    /// The status was final before, or the receipt says nothing new.
    Ignored,
    /// We have no such message.
    Unknown,
}

impl App {
    /// Applies an SMS provider's receipt.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn apply_sms_receipt(
        &self,
        receipt: SmsReceipt<'_>,
        trace: &Trace,
    ) -> Result<Applied, Error> {
        // A receipt that meets another one on the same row looks again: twice is enough, since
        // every winner moves the row closer to its end.
        for _ in 0..3 {
            let found = self.0.groups.receivables.call(receipt.id).await?;
            let Some(row) = found else {
                warn!("receipt for a message that we do not have");
                return Ok(Applied::Unknown);
            };
            if !NotificationStatus::OPEN_TO_SMS_RECEIPT.contains(&row.status) {
                info!(notification.status = %row.status, "repeated receipt");
                return Ok(Applied::Ignored);
            }
            if row.international && !country_reports_delivery(&row) {
                return Ok(Applied::Ignored);
            }
            let status = refine(&receipt, &row);
            let fragments = self.missing_fragments(&row).await;
            let outcome = Outcome {
                id: row.id,
                from: row.status,
                to: status,
                at: self.clock().now(),
                sent_by: receipt.provider.identifier(),
                billable_units: fragments,
                reference: None,
                callback: None,
            };
            if self.apply(&row, outcome, trace).await? {
                return Ok(Applied::Changed);
            }
        }
        Ok(Applied::Ignored)
    }

    /// Applies an email receipt.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn apply_email_receipt(
        &self,
        receipt: EmailReceipt<'_>,
        trace: &Trace,
    ) -> Result<Applied, Error> {
        for _ in 0..3 {
            let Some(row) = self.find_email(receipt.id, receipt.reference).await? else {
                return Ok(Applied::Unknown);
            };
            if !NotificationStatus::OPEN_TO_EMAIL_RECEIPT.contains(&row.status) {
                info!(notification.status = %row.status, "repeated receipt");
                return Ok(Applied::Ignored);
            }
            let outcome = Outcome {
                id: row.id,
                from: row.status,
                to: receipt.status,
                at: self.clock().now(),
                sent_by: "ses",
                billable_units: 0,
                reference: Some(receipt.reference.to_owned()),
                callback: None,
            };
            if self.apply(&row, outcome, trace).await? {
                return Ok(Applied::Changed);
            }
        }
        Ok(Applied::Ignored)
    }

    /// Keeps a complaint and tells the service; the message's status stays. One told twice is kept
    /// once.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn record_complaint(
        &self,
        told: EmailComplaint<'_>,
        trace: &Trace,
    ) -> Result<Applied, Error> {
        let Some(row) = self.find_email(told.id, told.reference).await? else {
            return Ok(Applied::Unknown);
        };
        let name = told.feedback_id.unwrap_or(told.reference);
        let complaint = Complaint {
            id: Uuid::new_v5(&row.id.0, name.as_bytes()),
            notification_id: row.id,
            service_id: row.service_id,
            ses_feedback_id: told.feedback_id.map(str::to_owned),
            complaint_type: told.complaint_type.map(str::to_owned),
            complaint_date: told.at,
            created_at: self.clock().now(),
        };
        let callback = self.complaint_callback(&row, &complaint, told.recipient, trace).await?;
        let written = callback.as_ref().map(|envelope| self.written(envelope)).transpose()?;
        let db = self.db().await?;
        let new = store::complaints::insert(&db, &complaint, written.as_ref()).await?;
        drop(db);
        if !new {
            return Ok(Applied::Ignored);
        }
        if let (Some(written), Some(callback)) = (&written, &callback) {
            self.publish_written(written.id, callback).await;
        }
        Ok(Applied::Changed)
    }

    async fn find_email(
        &self,
        id: Option<NotificationId>,
        reference: &str,
    ) -> Result<Option<Receivable>, Error> {
        if let Some(id) = id
            && let Some(row) = self.0.groups.receivables.call(id).await?
            && row.notification_type == NotificationType::Email
        {
            return Ok(Some(row));
        }
        Ok(store::receipts::find_by_reference(&self.db().await?, reference).await?)
    }

    /// Changes the row and, in the same statement, writes the callback; then publishes it.
    async fn apply(
        &self,
        row: &Receivable,
        mut outcome: Outcome,
        trace: &Trace,
    ) -> Result<bool, Error> {
        let (status, at) = (outcome.to, outcome.at);
        let callback = match status {
            NotificationStatus::Pending => None,
            _ => self.delivery_status_callback(row, status, at, trace).await?,
        };
        outcome.callback = callback.as_ref().map(|envelope| self.written(envelope)).transpose()?;
        let written = outcome.callback.as_ref().map(|row| row.id);
        let changed = self.0.groups.outcomes.call(outcome).await?;
        if changed {
            metrics::counter!("notifications_finished_total",
                "channel" => <&str>::from(row.notification_type), "status" => <&str>::from(status))
            .increment(1);
            if let (Some(written), Some(callback)) = (written, &callback) {
                self.publish_written(written, callback).await;
            }
        }
        Ok(changed)
    }

    /// The fragments of a text message whose receipt is faster than the record of its send.
    async fn missing_fragments(&self, row: &Receivable) -> i32 {
        if row.billable_units > 0 {
            return row.billable_units;
        }
        let message = ToSend {
            holder: Uuid::nil(),
            id: row.id,
            service_id: row.service_id,
            template_id: row.template_id,
            template_version: row.template_version,
            notification_type: row.notification_type,
            key_type: row.key_type,
            to: String::new(),
            normalised_to: String::new(),
            signed_personalisation: row.signed_personalisation.clone(),
            reply_to_text: None,
            international: row.international,
            unsubscribe_link: None,
        };
        match self.compose_sms(&message).await {
            Ok(sms) => sms.fragments,
            Err(error) => {
                warn!(error = %runtime::chain(&error), "cannot count the fragments");
                0
            }
        }
    }
}

/// Finds the rows that receipts are for.
pub(crate) struct Receivables;

impl Statement for Receivables {
    type Ask = NotificationId;
    type Answer = Option<Receivable>;

    fn key(id: &NotificationId) -> Uuid {
        id.0
    }

    async fn run(db: &Pool, ids: &[NotificationId]) -> Result<Vec<Self::Answer>, store::Error> {
        let lease = Lease::of(db).await?;
        let found = store::receipts::find(&*lease, ids).await;
        lease.end();
        let mut found: HashMap<_, _> = found?.into_iter().map(|row| (row.id, row)).collect();
        Ok(ids.iter().map(|id| found.remove(id)).collect())
    }
}

/// Applies receipts; tells which changed their rows.
pub(crate) struct Outcomes;

impl Statement for Outcomes {
    type Ask = Outcome;
    type Answer = bool;

    fn key(outcome: &Outcome) -> Uuid {
        outcome.id.0
    }

    async fn run(db: &Pool, outcomes: &[Outcome]) -> Result<Vec<bool>, store::Error> {
        let lease = Lease::of(db).await?;
        let changed = store::receipts::apply(&*lease, outcomes).await;
        lease.end();
        let changed: HashSet<_> = changed?.into_iter().collect();
        Ok(outcomes.iter().map(|outcome| changed.contains(&outcome.id)).collect())
    }
}

/// The status that a receipt makes of this row: a bare failure from Firetext is refined by its
/// detail code, else by the row's own state (public API contract §5.1).
fn refine(receipt: &SmsReceipt<'_>, row: &Receivable) -> NotificationStatus {
    let firetext_failure = receipt.provider == SmsProvider::Firetext
        && receipt.status == NotificationStatus::PermanentFailure;
    if !firetext_failure {
        return receipt.status;
    }
    let from_firetext = row.sent_by.as_deref().is_none_or(|name| name == "firetext");
    let detail = receipt.detail.filter(|_| from_firetext);
    match detail {
        Some("101" | "201" | "301" | "401") => NotificationStatus::PermanentFailure,
        Some("000" | "102" | "103" | "104" | "302" | "900") => NotificationStatus::TemporaryFailure,
        _ => {
            if detail.is_some() {
                warn!("a code of Firetext's that we do not know");
            }
            match row.status {
                NotificationStatus::Pending => NotificationStatus::TemporaryFailure,
                _ => NotificationStatus::PermanentFailure,
            }
        }
    }
}

fn country_reports_delivery(row: &Receivable) -> bool {
    let rate = row.phone_prefix.as_deref().and_then(phone::rate_of);
    rate.is_none_or(|rate| rate.sends_delivery_receipts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_words() {
        use NotificationStatus as S;
        for (provider, word, status) in [
            (SmsProvider::Mmg, "2", Some(S::PermanentFailure)),
            (SmsProvider::Mmg, "3", Some(S::Delivered)),
            (SmsProvider::Mmg, "4", Some(S::TemporaryFailure)),
            (SmsProvider::Mmg, "5", Some(S::PermanentFailure)),
            (SmsProvider::Mmg, "0", None),
            (SmsProvider::Firetext, "0", Some(S::Delivered)),
            (SmsProvider::Firetext, "1", Some(S::PermanentFailure)),
            (SmsProvider::Firetext, "2", Some(S::Pending)),
            (SmsProvider::Firetext, "3", None),
            (SmsProvider::Reach, "delivered", Some(S::Delivered)),
            (SmsProvider::Reach, "temporary-failure", Some(S::TemporaryFailure)),
            (SmsProvider::Reach, "permanent-failure", Some(S::PermanentFailure)),
            (SmsProvider::Reach, "sending", None),
        ] {
            assert_eq!(provider.status(word), status, "{provider:?} {word}");
        }
    }
}
