//! Phone numbers: which ones a message can be sent to, and what that costs.
//!
//! libphonenumber knows the shape of the world's numbers. What is accepted, how sloppily a
//! number may be written, and what is billed are rules of this service.

mod rates;

use std::fmt;

use crate::{characters::to_ascii, whitespace::is_blank};
use rlibphonenumber::{
    NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumber as Parsed, PhoneNumberFormat, PhoneNumberType,
    Region, ValidationError,
};

pub use rates::{Rate, rate_of};

/// A number that messages could be sent to.
#[derive(Clone, PartialEq)]
pub struct PhoneNumber {
    /// Digits with the country code.
    digits: String,
    /// How many of the digits are the billing prefix.
    prefix_length: usize,
    is_international: bool,
    is_landline: bool,
    parsed: Parsed,
}

/// Why a number was refused. The texts are those of the public API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum PhoneError {
    /// It is not a number that exists, or of a kind that takes no messages.
    #[error("Number is not valid – double check the phone number you entered")]
    InvalidNumber,
    /// More digits than any number of its country has.
    #[error("Too many digits")]
    TooLong,
    /// Fewer digits than any number of its country has, or none.
    #[error("Not enough digits")]
    TooShort,
    /// International or a landline, where that is not allowed.
    #[error("Not a UK mobile number")]
    NotAUkMobile,
    /// Something else than digits, space, brackets, plus and hyphen.
    #[error("Must not contain letters or symbols")]
    UnknownCharacter,
    /// A country that is not in the table of rates.
    #[error("Not a valid country prefix")]
    UnsupportedCountryCode,
    /// A service's contact number cannot be 999 or 112.
    #[error("Phone number cannot be an emergency number")]
    UnsupportedEmergencyNumber,
}

/// What a service may send to, beyond UK mobiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Numbers outside the UK's country code.
    pub international: bool,
    /// UK numbers that are not mobiles.
    pub uk_landline: bool,
}

const UK: i32 = 44;

/// Country code of North America, where some four-digit prefixes are countries of their own.
const NORTH_AMERICA: i32 = 1;

/// What the numbers kept for television start with, after the country code.
const FICTIONAL: &str = "7700";

/// Longest text that is looked at, in bytes; numbers have at most 17 digits.
const MAX_INPUT_BYTES: usize = 250;

impl PhoneNumber {
    /// Parses a number that somebody may be allowed to send to, landlines and foreign numbers
    /// included; [`check`](Self::check) then tells whether a given service is.
    ///
    /// Sloppy writing is forgiven: what fails as it stands is tried once more with plus signs,
    /// leading zeros and odd characters mended.
    ///
    /// # Errors
    /// The fault of the mended number.
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        let number = Self::recognise(text)?;
        number.check(Allowed { international: true, uk_landline: true })?;
        Ok(number)
    }

    /// Parses a number whether or not there is a rate for its country, for comparing and display.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), but never for its country.
    pub fn recognise(text: &str) -> Result<Self, PhoneError> {
        attempt(text, dialled).or_else(|_| attempt(&repair(text), dialled))
    }

    /// Parses the number at which a service can be called: also three digits, such as 101, but
    /// not an emergency number.
    ///
    /// # Errors
    /// As [`recognise`](Self::recognise), and [`PhoneError::UnsupportedEmergencyNumber`].
    pub fn parse_service_contact(text: &str) -> Result<Self, PhoneError> {
        attempt(text, contact).or_else(|_| attempt(&repair(text), contact))
    }

    /// Whether a service that is `allowed` so much may send here.
    ///
    /// # Errors
    /// [`PhoneError::NotAUkMobile`] or [`PhoneError::UnsupportedCountryCode`].
    pub fn check(&self, allowed: Allowed) -> Result<(), PhoneError> {
        if self.needs_international_permission() && !allowed.international {
            return Err(PhoneError::NotAUkMobile);
        }
        if self.is_uk_landline() && !allowed.uk_landline {
            return Err(PhoneError::NotAUkMobile);
        }
        match self.rate() {
            Some(_) => Ok(()),
            None => Err(PhoneError::UnsupportedCountryCode),
        }
    }

    /// Digits with the country code, without a plus: `447700900123`.
    pub fn normalised(&self) -> &str {
        &self.digits
    }

    /// The number as people write it: national form for the UK, with country code for others.
    pub fn display(&self) -> String {
        let format = if self.is_uk() {
            PhoneNumberFormat::National
        } else {
            PhoneNumberFormat::International
        };
        self.parsed.format_as(format).into_owned()
    }

    /// The prefix whose rate applies: the country code, or four digits within North America.
    pub fn country_prefix(&self) -> &str {
        &self.digits[..self.prefix_length]
    }

    /// Whether the number has the UK's country code, 44.
    pub fn is_uk(&self) -> bool {
        self.parsed.country_code == UK
    }

    /// Whether the number is outside Great Britain and Northern Ireland. Numbers of Jersey,
    /// Guernsey and the Isle of Man are, although they begin with 44.
    pub fn is_international(&self) -> bool {
        self.is_international
    }

    /// Whether the number has the UK's country code but belongs to a crown dependency.
    pub fn is_crown_dependency(&self) -> bool {
        self.is_uk() && self.is_international
    }

    /// Whether the number has the UK's country code and is not a mobile or personal number.
    pub fn is_uk_landline(&self) -> bool {
        self.is_uk() && self.is_landline
    }

    /// Whether only services with international permission may send here: any country code but 44.
    pub fn needs_international_permission(&self) -> bool {
        !self.is_uk()
    }

    /// How many UK fragments one fragment is billed as: 1 within the UK.
    pub fn rate_multiplier(&self) -> u32 {
        match self.rate() {
            Some(rate) if self.is_international => rate.multiplier,
            _ => 1,
        }
    }

    /// Whether the network there tells what became of a message.
    pub fn sends_delivery_receipts(&self) -> bool {
        self.rate().is_some_and(|rate| rate.sends_delivery_receipts)
    }

    /// Whether messages there must come from a number, because names do not get through.
    pub fn needs_numeric_sender(&self) -> bool {
        self.rate().is_some_and(|rate| rate.needs_numeric_sender)
    }

    /// The rate of the country; every number that [`parse`](Self::parse) gave has one.
    pub fn rate(&self) -> Option<Rate> {
        rate_of(self.country_prefix())
    }

    fn new(parsed: Parsed, kind: PhoneNumberType) -> Self {
        let mut digits = parsed.format_as(PhoneNumberFormat::E164).into_owned();
        digits.retain(|c| c.is_ascii_digit());
        let country_length = parsed.country_code.to_string().len();
        let prefix_length = match digits.get(..4) {
            Some(prefix) if parsed.country_code == NORTH_AMERICA && rate_of(prefix).is_some() => 4,
            _ => country_length,
        };
        Self {
            prefix_length,
            is_international: parsed.get_region_code() != Some(Region::GB)
                && !is_fictional(&parsed),
            is_landline: matches!(
                kind,
                PhoneNumberType::FixedLine
                    | PhoneNumberType::FixedLineOrMobile
                    | PhoneNumberType::UAN
            ),
            digits,
            parsed,
        }
    }
}

impl PhoneError {
    /// The text shown to people who use the admin app.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::InvalidNumber => {
                "Number is not valid – double check the phone number you entered"
            }
            Self::TooLong => "Mobile number is too long",
            Self::TooShort => "Mobile number is too short",
            Self::NotAUkMobile => {
                "This does not look like a UK mobile number – double check the mobile number you entered"
            }
            Self::UnknownCharacter => {
                "Mobile numbers can only include: 0 1 2 3 4 5 6 7 8 9 ( ) + -"
            }
            Self::UnsupportedCountryCode => {
                "Country code not found - double check the mobile number you entered"
            }
            Self::UnsupportedEmergencyNumber => "Phone number cannot be an emergency number",
        }
    }
}

/// Not the number: it is personal data.
impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PhoneNumber").finish_non_exhaustive()
    }
}

/// The sender of a text message as providers take it: a phone number becomes international
/// digits, a name such as `GOVUK` stays.
pub fn sender(text: &str) -> String {
    PhoneNumber::recognise(text).map_or_else(|_| text.to_owned(), |number| number.digits)
}

/// Reads `text`, then lets `judge` decide on the number found.
fn attempt(
    text: &str,
    judge: fn(&str, Parsed) -> Result<PhoneNumber, PhoneError>,
) -> Result<PhoneNumber, PhoneError> {
    let is_known = |c| matches!(c, '0'..='9' | '(' | ')' | '-' | '+') || is_blank(c);
    if !text.chars().all(is_known) {
        return Err(PhoneError::UnknownCharacter);
    }
    if text.is_empty() {
        return Err(PhoneError::TooShort);
    }
    judge(text, read(text, Some(Region::GB)).ok_or(PhoneError::InvalidNumber)?)
}

/// The rules for numbers that messages are sent to.
fn dialled(text: &str, parsed: Parsed) -> Result<PhoneNumber, PhoneError> {
    let parsed = possible(text, parsed)?;
    let kind = parsed.get_type();
    // Only a valid number has a kind.
    let takes_messages = matches!(
        kind,
        PhoneNumberType::FixedLine
            | PhoneNumberType::Mobile
            | PhoneNumberType::FixedLineOrMobile
            | PhoneNumberType::UAN
            | PhoneNumberType::PersonalNumber
    );
    if takes_messages || is_fictional(&parsed) {
        Ok(PhoneNumber::new(parsed, kind))
    } else {
        Err(PhoneError::InvalidNumber)
    }
}

/// The rules for numbers that a service gives as its contact.
fn contact(text: &str, parsed: Parsed) -> Result<PhoneNumber, PhoneError> {
    match parsed.national_number {
        999 | 112 => Err(PhoneError::UnsupportedEmergencyNumber),
        100..=998 => Ok(PhoneNumber::new(parsed, PhoneNumberType::Unknown)),
        _ => dialled(text, parsed),
    }
}

/// `parsed` if it has a possible length, or what `text` becomes with a plus in front if that has;
/// for the latter the length of a number without its area code will do.
fn possible(text: &str, parsed: Parsed) -> Result<Parsed, PhoneError> {
    let fault = match parsed.is_possible_with_reason() {
        Ok(NumberLengthType::IsPossible) => return Ok(parsed),
        Ok(NumberLengthType::IsPossibleLocalOnly) | Err(ValidationError::TooShort) => {
            PhoneError::TooShort
        }
        Err(ValidationError::TooLong) => PhoneError::TooLong,
        Err(ValidationError::InvalidCountryCode) => PhoneError::UnsupportedCountryCode,
        Err(ValidationError::InvalidLength) => PhoneError::InvalidNumber,
    };
    let abroad = read(&format!("+{text}"), None);
    abroad.filter(|number| number.is_possible_with_reason().is_ok()).ok_or(fault)
}

/// What libphonenumber makes of `text`, read as if dialled in `region`.
fn read(text: &str, region: Option<Region>) -> Option<Parsed> {
    if text.len() > MAX_INPUT_BYTES {
        return None;
    }
    PHONE_NUMBER_UTIL.parse(text, region).ok()
}

/// Whether the number counts as of the range kept for television, which no network serves.
///
/// The range proper is 07700 900000 to 900999 in the UK. What has always been let pass, and counted
/// as a UK mobile, is whatever starts with 7700 and one more digit, in any country.
fn is_fictional(number: &Parsed) -> bool {
    let digits = number.national_number.to_string();
    digits.len() > FICTIONAL.len() && digits.starts_with(FICTIONAL)
}

fn repair(text: &str) -> String {
    let digits = text.replace('+', "");
    to_ascii(digits.trim_start_matches('0')).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refusals_have_the_texts_of_the_api() {
        let invalid = "Number is not valid – double check the phone number you entered";
        for (text, expected) in [
            ("", "Not enough digits"),
            ("   ", invalid),
            ("077009001111111", "Too many digits"),
            ("07515*11", "Must not contain letters or symbols"),
            ("0800 123 4567", invalid),
            ("+850 192 123 4567", "Not a valid country prefix"),
            ("٠٧٩١١١٢٣٤٥٦", "Must not contain letters or symbols"),
        ] {
            let error = PhoneNumber::parse(text).unwrap_err();
            assert_eq!(error.to_string(), expected, "{text}");
        }
    }

    #[test]
    fn landlines_and_other_countries_pass_until_permissions_are_checked() {
        for (text, allowed) in [
            ("03001234567", Allowed { uk_landline: true, ..Allowed::default() }),
            ("0117 496 0860", Allowed { uk_landline: true, ..Allowed::default() }),
            ("20-12-1234-1234", Allowed { international: true, ..Allowed::default() }),
            ("+44 (0)7515 111111", Allowed::default()),
            ("07797 712345", Allowed::default()),
        ] {
            let number = PhoneNumber::parse(text).unwrap();
            assert_eq!(number.check(allowed), Ok(()), "{text}");
            let refused = number.check(Allowed::default()).is_err();
            assert_eq!(refused, allowed != Allowed::default(), "{text}");
        }
    }

    #[test]
    fn billing_follows_the_longest_prefix_with_a_rate() {
        for (text, prefix, multiplier, international, receipts) in [
            ("07700 900123", "44", 1, false, true),
            ("07797 712345", "44", 2, true, true),
            ("+1 664 491 1234", "1664", 6, true, true),
            ("+1 202 555 0147", "1", 1, true, false),
            ("+7 912 345-67-89", "7", 10, true, true),
        ] {
            let number = PhoneNumber::parse(text).unwrap();
            assert_eq!(number.country_prefix(), prefix, "{text}");
            assert_eq!(number.rate_multiplier(), multiplier, "{text}");
            assert_eq!(number.is_international(), international, "{text}");
            assert_eq!(number.sends_delivery_receipts(), receipts, "{text}");
        }
    }

    #[test]
    fn the_range_for_television_is_let_pass_widely() {
        for (text, normalised) in [
            ("07700 912345", "447700912345"),
            ("0770 090123", "44770090123"),
            ("+86 7700 5620 000", "8677005620000"),
        ] {
            let number = PhoneNumber::parse(text).unwrap();
            assert_eq!((number.normalised(), number.rate_multiplier()), (normalised, 1), "{text}");
            assert!(!number.is_international());
        }
        assert_eq!(PhoneNumber::parse("+86 7700"), Err(PhoneError::TooShort));
    }

    #[test]
    fn senders_that_are_numbers_become_digits() {
        assert_eq!(sender("07123 123123"), "447123123123");
        assert_eq!(sender("GOVUK"), "GOVUK");
        assert_eq!(sender("60022"), "60022");
    }

    #[test]
    fn debug_output_hides_the_number() {
        let number = PhoneNumber::parse("07700 900123").unwrap();
        assert!(!format!("{number:?}").contains("900"));
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(
            text in "[0-9+() \\-\u{a0}\u{200b}\t\n–]{0,40}|.*",
        ) {
            let _ = PhoneNumber::parse(&text);
            let _ = PhoneNumber::parse_service_contact(&text);
        }

        #[test]
        fn a_normalised_number_parses_to_itself(text in "[0-9+() -]{5,18}|(0|44|\\+44 ?)7[0-9]{9}") {
            // What passes for a number of television need not be a number at all.
            if let Ok(number) = PhoneNumber::parse(&text)
                && !number.normalised().contains(FICTIONAL)
            {
                let again = PhoneNumber::parse(&format!("+{}", number.normalised()));
                prop_assert_eq!(again, Ok(number));
            }
        }
    }
}
