//! A notification's type and its life.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// The channel a notification goes out on.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
    Serialize,
    Deserialize,
)]
#[strum(serialize_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum NotificationType {
    /// A text message.
    Sms,
    /// An email.
    Email,
    /// A letter, printed and posted.
    Letter,
}

/// Where a notification is in its life. The wire and the database use the kebab-case names.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
    Serialize,
    Deserialize,
)]
#[strum(serialize_all = "kebab-case")]
#[serde(rename_all = "kebab-case")]
pub enum NotificationStatus {
    /// A letter was called back before it was printed.
    Cancelled,
    /// Stored; nobody has sent it yet.
    Created,
    /// The recipient has it.
    Delivered,
    /// An old word for "some failure"; never written any more.
    Failed,
    /// The provider has it and said that it does not know yet.
    Pending,
    /// A letter waits for its virus scan.
    PendingVirusCheck,
    /// The recipient can never be reached there.
    PermanentFailure,
    /// A letter came back.
    ReturnedLetter,
    /// The provider has it; a receipt will follow.
    Sending,
    /// The provider has it; no receipt will follow.
    Sent,
    /// It failed on our side or the provider's.
    TechnicalFailure,
    /// The recipient could not be reached this time.
    TemporaryFailure,
    /// A letter's PDF cannot be printed.
    ValidationFailed,
    /// A letter's PDF holds a virus.
    VirusScanFailed,
}

impl NotificationStatus {
    /// The statuses that an SMS receipt may still change (tasks contract §3, "status sets").
    pub const OPEN_TO_SMS_RECEIPT: [Self; 5] =
        [Self::Created, Self::Sending, Self::Pending, Self::Sent, Self::PendingVirusCheck];

    /// The statuses that an email receipt may still change.
    ///
    /// The contract names `sending` and `pending`; `created` is ours, for the receipt that
    /// arrives before a worker that died could record its send.
    pub const OPEN_TO_EMAIL_RECEIPT: [Self; 3] = [Self::Created, Self::Sending, Self::Pending];

    /// The statuses in which a letter is not finished: it stays in the live table at any age.
    pub const UNFINISHED_LETTER: [Self; 3] =
        [Self::PendingVirusCheck, Self::Created, Self::Sending];

    /// The statuses that are billed for a channel; for emails, which cost nothing, counted (tasks
    /// contract §3, "status sets").
    #[must_use]
    pub fn billed(channel: NotificationType) -> &'static [Self] {
        match channel {
            NotificationType::Sms => &[
                Self::Sending,
                Self::Sent,
                Self::Delivered,
                Self::Pending,
                Self::TemporaryFailure,
                Self::PermanentFailure,
            ],
            NotificationType::Email => {
                &[Self::Sending, Self::Delivered, Self::TemporaryFailure, Self::PermanentFailure]
            }
            NotificationType::Letter => &[Self::Sending, Self::Delivered, Self::ReturnedLetter],
        }
    }

    /// True when `updated_at` is the time at which it was completed (public API contract §2.6).
    #[must_use]
    pub fn is_completed(self) -> bool {
        matches!(
            self,
            Self::Sent
                | Self::Delivered
                | Self::Failed
                | Self::TechnicalFailure
                | Self::TemporaryFailure
                | Self::PermanentFailure
                | Self::ReturnedLetter
                | Self::Cancelled
                | Self::ValidationFailed
        )
    }

    /// What people read in files of messages of a channel (internal API contract §2.5).
    #[must_use]
    pub fn in_words(self, channel: NotificationType) -> &'static str {
        use NotificationType::{Email, Letter, Sms};
        match (self, channel) {
            (Self::Failed, Email | Sms) => "Failed",
            (Self::TechnicalFailure, _) => "Technical failure",
            (Self::TemporaryFailure, Email) => "Inbox not accepting messages right now",
            (Self::TemporaryFailure, Sms) => "Phone not accepting messages right now",
            (Self::PermanentFailure, Email) => "Email address doesn’t exist",
            (Self::PermanentFailure, Sms) => "Phone number doesn’t exist",
            (Self::PermanentFailure, Letter) => "Permanent failure",
            (Self::Delivered, Email | Sms) | (Self::Sent, Email) => "Delivered",
            (Self::Sent, Sms) => "Sent internationally",
            (Self::Sending | Self::Created, Email | Sms) => "Sending",
            (Self::Sending | Self::Created, Letter) => "Accepted",
            (Self::Delivered, Letter) => "Received",
            (Self::ReturnedLetter, Letter) => "Returned",
            (other, _) => other.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_database() {
        let names: Vec<&str> = NotificationStatus::VARIANTS.iter().map(|s| s.into()).collect();
        assert_eq!(
            names,
            [
                "cancelled",
                "created",
                "delivered",
                "failed",
                "pending",
                "pending-virus-check",
                "permanent-failure",
                "returned-letter",
                "sending",
                "sent",
                "technical-failure",
                "temporary-failure",
                "validation-failed",
                "virus-scan-failed",
            ]
        );
        for status in NotificationStatus::VARIANTS {
            assert_eq!(status.to_string().parse(), Ok(*status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.to_string());
        }
    }

    #[test]
    fn statuses_are_put_into_words_by_channel() {
        use NotificationType::{Email, Letter, Sms};
        let words = |status: NotificationStatus| [Email, Sms, Letter].map(|c| status.in_words(c));
        let same = |text| [text, text, text];
        for (status, expected) in [
            (NotificationStatus::Created, ["Sending", "Sending", "Accepted"]),
            (NotificationStatus::Sending, ["Sending", "Sending", "Accepted"]),
            (NotificationStatus::Pending, same("pending")),
            (NotificationStatus::Delivered, ["Delivered", "Delivered", "Received"]),
            (NotificationStatus::Sent, ["Delivered", "Sent internationally", "sent"]),
            (NotificationStatus::Failed, ["Failed", "Failed", "failed"]),
            (NotificationStatus::TechnicalFailure, same("Technical failure")),
            (
                NotificationStatus::TemporaryFailure,
                [
                    "Inbox not accepting messages right now",
                    "Phone not accepting messages right now",
                    "temporary-failure",
                ],
            ),
            (
                NotificationStatus::PermanentFailure,
                ["Email address doesn’t exist", "Phone number doesn’t exist", "Permanent failure"],
            ),
            (
                NotificationStatus::ReturnedLetter,
                ["returned-letter", "returned-letter", "Returned"],
            ),
            (NotificationStatus::Cancelled, same("cancelled")),
            (NotificationStatus::PendingVirusCheck, same("pending-virus-check")),
            (NotificationStatus::ValidationFailed, same("validation-failed")),
            (NotificationStatus::VirusScanFailed, same("virus-scan-failed")),
        ] {
            assert_eq!(words(status), expected, "{status}");
        }
    }
}
