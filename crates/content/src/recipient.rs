//! Comparing recipients, which people write in many ways.

use crate::{email_address::EmailAddress, phone::PhoneNumber};

/// `text` in the form recipients are compared by: a phone number as international digits, an
/// email address in lower case, anything else as it is.
pub fn normalise(text: &str) -> String {
    if let Ok(number) = PhoneNumber::recognise(text) {
        number.normalised().to_owned()
    } else if let Ok(address) = EmailAddress::parse(text) {
        address.normalised()
    } else {
        text.to_owned()
    }
}

/// Whether `recipient` is one of `allowed`, however either is written.
pub fn is_allowed<'a>(recipient: &str, allowed: impl IntoIterator<Item = &'a str>) -> bool {
    let recipient = normalise(recipient);
    allowed.into_iter().any(|entry| normalise(entry) == recipient)
}
