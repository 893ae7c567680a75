//! Reports that people ask for in the admin app (tasks contract §3.12).

use strum::{Display, EnumString, IntoStaticStr, VariantArray};

use crate::NotificationStatus;

/// How far a report is. The database has these names.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr, VariantArray,
)]
pub enum ReportStatus {
    /// Waits for a worker.
    #[strum(serialize = "pending")]
    Pending,
    /// A worker writes it.
    #[strum(serialize = "in progress")]
    InProgress,
    /// Its file can be downloaded.
    #[strum(serialize = "stored")]
    Stored,
    /// It could not be written.
    #[strum(serialize = "failed")]
    Failed,
    /// Its file is gone, if there was one.
    #[strum(serialize = "deleted")]
    Deleted,
}

/// Which messages a report is about.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr, VariantArray,
)]
#[strum(serialize_all = "lowercase")]
pub enum Reported {
    /// All of them.
    All,
    /// Those on their way.
    Sending,
    /// Those that have arrived, returned letters among them.
    Delivered,
    /// Those that have failed, returned letters among them: the API's `failed` (internal API contract
    /// §2.5).
    Failed,
}

impl Reported {
    /// The statuses of these messages.
    #[must_use]
    pub const fn statuses(self) -> &'static [NotificationStatus] {
        use NotificationStatus as S;
        match self {
            Self::All => S::VARIANTS,
            Self::Sending => &[S::Created, S::Sending, S::Pending, S::PendingVirusCheck],
            Self::Delivered => &[S::Delivered, S::Sent, S::ReturnedLetter],
            Self::Failed => &[
                S::Failed,
                S::TechnicalFailure,
                S::TemporaryFailure,
                S::PermanentFailure,
                S::ValidationFailed,
                S::VirusScanFailed,
                S::ReturnedLetter,
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_database() {
        let names: Vec<&str> = ReportStatus::VARIANTS.iter().map(|status| status.into()).collect();
        assert_eq!(names, ["pending", "in progress", "stored", "failed", "deleted"]);
        let names: Vec<&str> = Reported::VARIANTS.iter().map(|reported| reported.into()).collect();
        assert_eq!(names, ["all", "sending", "delivered", "failed"]);
    }

    #[test]
    fn every_status_but_cancelled_is_on_its_way_arrived_or_failed() {
        for status in NotificationStatus::VARIANTS {
            let parts = [Reported::Sending, Reported::Delivered, Reported::Failed];
            let is_in_one = parts.iter().any(|reported| reported.statuses().contains(status));
            assert_eq!(is_in_one, *status != NotificationStatus::Cancelled, "{status}");
            assert!(Reported::All.statuses().contains(status));
        }
    }
}
