//! Files of recipients, and where they are in their life (tasks contract §3.18).

use strum::{Display, EnumString, IntoStaticStr, VariantArray};
use uuid::Uuid;

use crate::{JobId, NotificationId};

/// Where a job is in its life. The database has these names.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr, VariantArray,
)]
pub enum JobStatus {
    /// Waits for a worker.
    #[strum(serialize = "pending")]
    Pending,
    /// Its rows are being queued.
    #[strum(serialize = "in progress")]
    InProgress,
    /// All its rows are queued.
    #[strum(serialize = "finished")]
    Finished,
    /// All its rows are notifications.
    #[strum(serialize = "finished all notifications created")]
    Complete,
    /// It has more rows than its service may send messages.
    #[strum(serialize = "sending limits exceeded")]
    LimitsExceeded,
    /// Waits for its time.
    #[strum(serialize = "scheduled")]
    Scheduled,
    /// Called back, or its service is no longer in use.
    #[strum(serialize = "cancelled")]
    Cancelled,
    /// An old word; never written any more.
    #[strum(serialize = "ready to send")]
    ReadyToSend,
    /// An old word; never written any more.
    #[strum(serialize = "sent to dvla")]
    SentToDvla,
    /// It stopped half way and will be resumed, or its file cannot be read.
    #[strum(serialize = "error")]
    Error,
}

/// The id of the notification that a row becomes: the same, however often the row is queued.
#[must_use]
pub fn notification_of(job: JobId, row: usize) -> NotificationId {
    NotificationId(Uuid::new_v5(&job.0, row.to_string().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_database() {
        let mut names: Vec<&str> = JobStatus::VARIANTS.iter().map(|status| status.into()).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "cancelled",
                "error",
                "finished",
                "finished all notifications created",
                "in progress",
                "pending",
                "ready to send",
                "scheduled",
                "sending limits exceeded",
                "sent to dvla",
            ]
        );
    }

    #[test]
    fn a_row_has_one_id() {
        let job: JobId = "3d844edf-8d35-48ac-975b-e847b4f122b0".parse().unwrap();
        assert_eq!(notification_of(job, 7), notification_of(job, 7));
        assert_ne!(notification_of(job, 7), notification_of(job, 8));
    }
}
