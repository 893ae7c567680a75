//! What happens to a letter, and what it becomes.
//!
//! Source: letters contract §1.2, with the guards that it asks for: an event that finds a letter
//! past the point where it belongs changes nothing.

use strum::{Display, VariantArray};

use crate::{KeyType, NotificationStatus};

/// Something that happens to a letter.
#[derive(Clone, Copy, Debug, Display, PartialEq, Eq, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum LetterEvent {
    /// Its PDF has been made, and its sheets counted.
    Typeset,
    /// Its PDF has been made and has too many pages.
    TooLong,
    /// A PDF that came with it has been scanned, checked and sanitised.
    Passed,
    /// A PDF that came with it cannot be printed.
    Refused,
    /// A PDF that came with it holds a virus.
    VirusFound,
    /// A PDF that came with it could not be scanned.
    ScanFailed,
    /// A PDF whose scan failed is to be scanned again, an operator says.
    ScanRepeated,
    /// A step on its way to the printer failed for good.
    GivenUp,
    /// It was called back before the deadline.
    CalledBack,
    /// The printer has taken it.
    HandedOver,
    /// The printer has posted it.
    Despatched,
    /// The printer cannot print it.
    Rejected,
    /// It came back from the addressee.
    Returned,
}

impl LetterEvent {
    /// The statuses in which a letter may be when this happens to it, and the one that it has
    /// afterwards. Letters of test keys are never printed: theirs may have ended before the PDF
    /// exists.
    #[must_use]
    pub fn transition(
        self,
        key_type: KeyType,
    ) -> (&'static [NotificationStatus], NotificationStatus) {
        use NotificationStatus as S;
        let test = key_type == KeyType::Test;
        match self {
            Self::Typeset => (&[S::Created], S::Created),
            Self::TooLong if test => (&[S::Created, S::Sending, S::Delivered], S::ValidationFailed),
            Self::TooLong => (&[S::Created], S::ValidationFailed),
            Self::Passed if test => (&[S::PendingVirusCheck], S::Delivered),
            Self::Passed => (&[S::PendingVirusCheck], S::Created),
            Self::Refused => (&[S::PendingVirusCheck], S::ValidationFailed),
            Self::VirusFound => (&[S::PendingVirusCheck], S::VirusScanFailed),
            Self::ScanFailed => (&[S::PendingVirusCheck], S::TechnicalFailure),
            Self::ScanRepeated => (&[S::TechnicalFailure], S::PendingVirusCheck),
            Self::GivenUp => (&[S::Created, S::PendingVirusCheck], S::TechnicalFailure),
            Self::CalledBack => (&[S::Created, S::PendingVirusCheck], S::Cancelled),
            Self::HandedOver => (&[S::Created], S::Sending),
            Self::Despatched => (&[S::Created, S::Sending, S::TemporaryFailure], S::Delivered),
            Self::Rejected => (&[S::Created, S::Sending, S::TemporaryFailure], S::TechnicalFailure),
            Self::Returned => (S::VARIANTS, S::ReturnedLetter),
        }
    }

    /// Whether this may happen to a letter in `status`.
    #[must_use]
    pub fn applies(self, key_type: KeyType, status: NotificationStatus) -> bool {
        self.transition(key_type).0.contains(&status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_is_not_begun_again() {
        use NotificationStatus as S;
        for event in LetterEvent::VARIANTS {
            for key_type in KeyType::VARIANTS {
                let (from, _) = event.transition(*key_type);
                for over in
                    [S::Cancelled, S::ValidationFailed, S::VirusScanFailed, S::ReturnedLetter]
                {
                    let may = *event == LetterEvent::Returned;
                    assert_eq!(from.contains(&over), may, "{event} {key_type} {over}");
                }
            }
        }
    }

    #[test]
    fn only_unscanned_letters_are_scanned() {
        use LetterEvent as E;
        for event in [E::Passed, E::Refused, E::VirusFound, E::ScanFailed] {
            for status in NotificationStatus::VARIANTS {
                let expected = *status == NotificationStatus::PendingVirusCheck;
                assert_eq!(event.applies(KeyType::Normal, *status), expected, "{event} {status}");
            }
        }
    }

    #[test]
    fn a_late_receipt_leaves_a_returned_letter_alone() {
        for event in [LetterEvent::Despatched, LetterEvent::Rejected] {
            assert!(event.applies(KeyType::Normal, NotificationStatus::Sending));
            assert!(!event.applies(KeyType::Normal, NotificationStatus::ReturnedLetter));
            assert!(!event.applies(KeyType::Normal, NotificationStatus::Delivered));
        }
    }
}
