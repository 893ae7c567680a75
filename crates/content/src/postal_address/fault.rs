//! Why a letter cannot be sent to an address.

use super::PostalAddress;

/// The first thing that is wrong with an address, in the words that clients are told (public API
/// contract §3.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Fewer than three lines.
    #[error("Address must be at least 3 lines")]
    NotEnoughLines,
    /// More than seven lines.
    #[error("Address must be no more than 7 lines")]
    TooManyLines,
    /// Nothing to read in one of the first two lines.
    #[error(
        "The first 2 lines of the address must both include at least one alphanumeric character"
    )]
    NothingToRead,
    /// A country after a BFPO number.
    #[error("The last line of a BFPO address must not be a country.")]
    CountryAfterBfpo,
    /// No end to an address that may go abroad.
    #[error("Last line of address must be a real UK postcode or another country")]
    NoPostcodeOrCountry,
    /// No end to an address that may not.
    #[error("Must be a real UK postcode")]
    NoPostcode,
    /// A line starts with a character that sorting machines misread.
    #[error(
        "Address lines must not start with any of the following characters: @ ( ) = [ ] ” \\ / , < >"
    )]
    InvalidCharacters,
    /// Of no fixed abode.
    #[error("Must be a real address")]
    NoFixedAbode,
}

impl PostalAddress {
    /// Whether a letter can be sent there.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), AddressError> {
        use AddressError as E;
        let last_line =
            if self.allow_international { E::NoPostcodeOrCountry } else { E::NoPostcode };
        let faults = [
            (!self.has_enough_lines(), E::NotEnoughLines),
            (self.has_too_many_lines(), E::TooManyLines),
            (!self.has_alphanumeric_in_lines_1_and_2(), E::NothingToRead),
            (self.has_invalid_country_for_bfpo_address(), E::CountryAfterBfpo),
            (!self.has_valid_last_line(), last_line),
            (self.has_invalid_characters(), E::InvalidCharacters),
            (self.has_no_fixed_abode_address(), E::NoFixedAbode),
        ];
        match faults.into_iter().find(|(is_wrong, _)| *is_wrong) {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }
}
