use serde::Serialize;

/// What happens to a message. Its recipient decides: see [`Outcome::HELP`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Accepted, then delivered.
    Delivered,
    /// Accepted, then failed for now. Over SMTP: refused for now.
    Temporary,
    /// Accepted, then failed for good. Over SMTP: refused for good.
    Permanent,
    /// Delivered and complained about.
    Complaint,
    /// Refused for good.
    Reject,
    /// Refused with a request to slow down.
    Throttle,
    /// The server fails.
    Error500,
    /// An answer that says success and is none: a page instead of what the protocol wants.
    Garbage,
    /// No answer.
    Hang,
    /// Accepted after two seconds, then delivered.
    Slow,
    /// Accepted, then delivered according to two receipts.
    Twice,
    /// Accepted, then nothing.
    NoReceipt,
}

impl Outcome {
    /// The rules, for `--help`.
    pub const HELP: &str = "\
The recipient decides what happens to a message:
  phone number ending in 900NNN   email address   outcome
  002                             permanent@      accepted, then failed for good (SMTP: 550)
  003                             temporary@      accepted, then failed for now (SMTP: 451)
  005                             error500@       500 (SMTP: 451)
  006                             hang@           no answer
  007                             slow@           accepted after 2 seconds, then delivered
  008                             twice@          delivered, receipt sent twice
  009                             no-receipt@     accepted, no receipt
                                  reject@         400 MessageRejected (SMTP: 554)
                                  throttle@       429 TooManyRequestsException (SMTP: 454)
                                  complaint@      delivered, then complained about
  other                           other           delivered
The word before the @ may be followed by a + and anything, as in temporary+7@example.com.";

    /// The outcome for an email address (it has an `@`) or a phone number.
    #[must_use]
    pub fn of(recipient: &str) -> Self {
        match recipient.split_once('@') {
            Some((local, _)) => Self::of_local_part(local),
            None => Self::of_number(recipient),
        }
    }

    fn of_number(number: &str) -> Self {
        match number.get(number.len().saturating_sub(6)..) {
            Some("900002") => Self::Permanent,
            Some("900003") => Self::Temporary,
            Some("900005") => Self::Error500,
            Some("900006") => Self::Hang,
            Some("900007") => Self::Slow,
            Some("900008") => Self::Twice,
            Some("900009") => Self::NoReceipt,
            _ => Self::Delivered,
        }
    }

    fn of_local_part(local: &str) -> Self {
        match local.split('+').next() {
            Some("permanent") => Self::Permanent,
            Some("temporary") => Self::Temporary,
            Some("complaint") => Self::Complaint,
            Some("reject") => Self::Reject,
            Some("throttle") => Self::Throttle,
            Some("error500") => Self::Error500,
            Some("hang") => Self::Hang,
            Some("slow") => Self::Slow,
            Some("twice") => Self::Twice,
            Some("no-receipt") => Self::NoReceipt,
            _ => Self::Delivered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn numbers_are_told_by_their_last_six_digits() {
        for (number, outcome) in [
            ("447700900002", Outcome::Permanent),
            ("447700900003", Outcome::Temporary),
            ("447700900005", Outcome::Error500),
            ("447700900006", Outcome::Hang),
            ("447700900007", Outcome::Slow),
            ("07700900008", Outcome::Twice),
            ("+12025900009", Outcome::NoReceipt),
            ("447700900001", Outcome::Delivered),
            ("447123456003", Outcome::Delivered),
            ("003", Outcome::Delivered),
            ("£€£", Outcome::Delivered),
            ("", Outcome::Delivered),
        ] {
            assert_eq!(Outcome::of(number), outcome, "{number}");
        }
    }

    #[test]
    fn addresses_are_told_by_their_first_word() {
        for (address, outcome) in [
            ("permanent@example.com", Outcome::Permanent),
            ("temporary+7@example.com", Outcome::Temporary),
            ("complaint@example.com", Outcome::Complaint),
            ("reject@example.com", Outcome::Reject),
            ("throttle@example.com", Outcome::Throttle),
            ("error500@example.com", Outcome::Error500),
            ("hang@example.com", Outcome::Hang),
            ("slow@example.com", Outcome::Slow),
            ("twice@example.com", Outcome::Twice),
            ("no-receipt@example.com", Outcome::NoReceipt),
            ("anna+temporary@example.com", Outcome::Delivered),
            ("@", Outcome::Delivered),
        ] {
            assert_eq!(Outcome::of(address), outcome, "{address}");
        }
    }
}
