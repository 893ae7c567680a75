//! Email addresses: which ones messages can be sent to.

use std::fmt;

use crate::{idna, whitespace::strip_obscure};

/// An address that messages can be sent to.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

/// The text is not an email address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Not a valid email address")]
pub struct InvalidEmail;

/// Most characters of an address.
const MAX_CHARACTERS: usize = 320;

/// Most bytes of a domain, in ASCII.
const MAX_DOMAIN_BYTES: usize = 253;

const MAX_LABEL_BYTES: usize = 63;

impl EmailAddress {
    /// Parses an address. Space around it, and invisible characters anywhere, are dropped.
    ///
    /// # Errors
    /// [`InvalidEmail`] if no mail could be sent there.
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        let address = strip_obscure(text);
        let (local, domain) = address.split_once('@').ok_or(InvalidEmail)?;
        let is_address = !local.is_empty()
            && local.bytes().all(is_local)
            && address.chars().count() <= MAX_CHARACTERS
            && !address.contains("..")
            && idna::to_ascii(domain).is_some_and(|domain| is_domain(&domain));
        is_address.then(|| Self(address.into_owned())).ok_or(InvalidEmail)
    }

    /// The address in its own case, and its domain in its own script.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address in lower case, for sending and for comparing.
    pub fn normalised(&self) -> String {
        self.0.to_lowercase()
    }
}

/// Not the address: it is personal data.
impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmailAddress").finish_non_exhaustive()
    }
}

/// `text` as an address is compared: lower case and without invisible characters. Not checked.
pub fn normalise(text: &str) -> String {
    strip_obscure(&text.to_lowercase()).into_owned()
}

/// Whether `address`, which need not be one, is at `domain`, which is in lower case, or below it.
pub fn is_at(address: &str, domain: &str) -> bool {
    let address = address.to_lowercase();
    address.strip_suffix(domain).is_some_and(|before| before.ends_with(['@', '.']))
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte)
}

fn is_domain(domain: &str) -> bool {
    let Some((parents, top)) = domain.rsplit_once('.') else {
        return false;
    };
    domain.len() <= MAX_DOMAIN_BYTES && parents.split('.').all(is_label) && is_top_level(top)
}

/// Letters and digits, with one or two hyphens between them.
fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL_BYTES).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
        && !label.contains("---")
}

/// Letters alone, unless it is in another script.
fn is_top_level(label: &str) -> bool {
    let is_punycode = label.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("xn--"));
    let is_name = if is_punycode {
        !label[4..].contains("--")
    } else {
        label.len() >= 2 && label.bytes().all(|b| b.is_ascii_alphabetic())
    };
    is_label(label) && is_name
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_cleaned_and_keep_their_case() {
        let address = EmailAddress::parse(" \u{200b}Jo@Example.GOV.UK\n").unwrap();
        assert_eq!(address.as_str(), "Jo@Example.GOV.UK");
        assert_eq!(address.normalised(), "jo@example.gov.uk");
    }

    #[test]
    fn what_cannot_be_mailed_is_refused() {
        for text in [
            "",
            "@",
            "jo@",
            "@x.com",
            "jo@x",
            "jo@x.c",
            "jo@@x.com",
            "jo@x@y.com",
            "a b@x.com",
            "jo@x y.com",
            "j..o@x.com",
            "jo@x.1a",
            "jo@-x.com",
            "jo@x---y.com",
            "jo@127.0.0.1",
            "jo@x.xn--",
            "jo@x.xn--a--b",
            "jo@x.com.",
            "é@x.com",
        ] {
            assert_eq!(EmailAddress::parse(text), Err(InvalidEmail), "{text}");
        }
        assert_eq!(InvalidEmail.to_string(), "Not a valid email address");
    }

    #[test]
    fn domains_match_on_label_borders() {
        for (domain, expected) in [("gov.uk", true), ("x.gov.uk", true), ("ov.uk", false)] {
            assert_eq!(is_at("Jo@X.gov.uk", domain), expected, "{domain}");
        }
        assert!(!is_at("gov.uk", "gov.uk"));
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC*@\\PC*\\.\\PC*|.*") {
            if let Ok(address) = EmailAddress::parse(&text) {
                prop_assert_eq!(EmailAddress::parse(address.as_str()), Ok(address));
            }
        }
    }
}
