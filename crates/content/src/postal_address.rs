//! Postal addresses: what is typed, and what goes on the envelope.
//!
//! Source: content contract §10.

mod fault;

use std::fmt;

use serde_json::Value;

use crate::{
    Personalisation,
    country::{Country, Zone},
    postcode,
    python::python_str,
    whitespace::{close_up_punctuation, lines, normalise},
};

pub use fault::AddressError;

/// Fewest lines of an address.
pub const MIN_LINES: usize = 3;
/// Most lines of an address.
pub const MAX_LINES: usize = 7;

/// Sorting machines take a line that starts with one of these for something else.
const BAD_STARTS: [char; 13] = ['@', '(', ')', '=', '[', ']', '"', '\\', '/', ',', '<', '>', '~'];

/// An address that was asked for its lines as one of the forces', and is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Cannot be used for non-BFPO addresses")]
pub struct NotBfpo;

/// An address, taken apart.
#[derive(Clone, PartialEq, Eq)]
pub struct PostalAddress {
    /// What is left when country and BFPO lines are taken away.
    lines: Vec<String>,
    country: Country,
    bfpo_number: Option<String>,
    postcode: Option<String>,
    allow_international: bool,
}

impl PostalAddress {
    /// Takes `text` apart. `allow_international` is whether the service may send letters abroad.
    #[must_use]
    pub fn new(text: &str, allow_international: bool) -> Self {
        let all: Vec<String> = lines(text)
            .map(normalise)
            .map(|line| line.trim_end_matches([' ', ',']).to_owned())
            .filter(|line| !line.is_empty())
            .map(|line| close_up_punctuation(&line).into_owned())
            .collect();
        // Of nothing at all there is one empty line.
        let all = if all.is_empty() { vec![String::new()] } else { all };
        let (bfpo_number, mut lines) = without_bfpo(all);
        let country = take_country(&mut lines);
        let is_foreign = country.is_foreign();
        let postcode = lines.last().filter(|_| !is_foreign).and_then(|line| postcode::format(line));
        Self { lines, country, bfpo_number, postcode, allow_international }
    }

    /// The address in the values of a letter: lines 1 to 6, then line 7 where it is among them, else
    /// the postcode.
    #[must_use]
    pub fn from_personalisation(values: &Personalisation, allow_international: bool) -> Self {
        let last = if values.has("address_line_7") { "address_line_7" } else { "postcode" };
        let keys = (1..=6).map(|line| format!("address_line_{line}")).chain([last.to_owned()]);
        let text: Vec<String> = keys
            .map(|key| {
                values
                    .get(&key)
                    .filter(|value| is_given(value))
                    .map_or_else(String::new, |value| python_str(value).into_owned())
            })
            .collect();
        Self::new(&text.join("\n"), allow_international)
    }

    /// The lines as they are printed.
    #[must_use]
    pub fn normalised_lines(&self) -> Vec<String> {
        let mut lines = self.lines.clone();
        if let Some(postcode) = &self.postcode {
            lines.pop();
            lines.push(postcode.clone());
        }
        if let Some(number) = &self.bfpo_number {
            lines.push(format!("BFPO {number}"));
        }
        if self.is_international() {
            lines.push(self.country.name().to_owned());
        }
        lines
    }

    /// The lines as they are printed, on one line.
    #[must_use]
    pub fn single_line(&self) -> String {
        self.normalised_lines().join(", ")
    }

    /// The lines of a forces' address without postcode and BFPO number.
    ///
    /// # Errors
    /// [`NotBfpo`] when it is none.
    pub fn bfpo_lines(&self) -> Result<&[String], NotBfpo> {
        self.bfpo_number.as_ref().ok_or(NotBfpo)?;
        let postcode = usize::from(self.postcode.is_some());
        Ok(&self.lines[..self.lines.len() - postcode])
    }

    /// The country, by default the United Kingdom.
    #[must_use]
    pub const fn country(&self) -> Country {
        self.country
    }

    /// How far away it goes.
    #[must_use]
    pub const fn zone(&self) -> Zone {
        self.country.zone()
    }

    /// Whether it goes abroad.
    #[must_use]
    pub fn is_international(&self) -> bool {
        self.country.is_foreign()
    }

    /// The UK postcode, if the last line is one.
    #[must_use]
    pub fn postcode(&self) -> Option<&str> {
        self.postcode.as_deref()
    }

    /// The number of a British Forces Post Office, without leading zeros.
    #[must_use]
    pub fn bfpo_number(&self) -> Option<&str> {
        self.bfpo_number.as_deref()
    }

    /// How many lines are printed.
    #[must_use]
    pub fn line_count(&self) -> usize {
        self.normalised_lines().iter().filter(|line| !line.is_empty()).count()
    }

    /// Whether there are at least [`MIN_LINES`].
    #[must_use]
    pub fn has_enough_lines(&self) -> bool {
        self.line_count() >= MIN_LINES
    }

    /// Whether there are more than [`MAX_LINES`].
    #[must_use]
    pub fn has_too_many_lines(&self) -> bool {
        self.line_count() > MAX_LINES
    }

    /// Whether it ends as an address must: in a postcode, a BFPO number, or a country that the
    /// service may send to.
    #[must_use]
    pub fn has_valid_last_line(&self) -> bool {
        let is_bfpo = self.bfpo_number.is_some();
        (self.allow_international && self.is_international() && !is_bfpo)
            || self.postcode.is_some()
            || (is_bfpo && !self.is_international())
    }

    /// Whether a line starts with a character that sorting machines misread.
    #[must_use]
    pub fn has_invalid_characters(&self) -> bool {
        self.normalised_lines().iter().any(|line| line.starts_with(BAD_STARTS))
    }

    /// Whether it says that its person lives nowhere.
    #[must_use]
    pub fn has_no_fixed_abode_address(&self) -> bool {
        let lines: Vec<String> =
            self.normalised_lines().iter().map(|line| line.to_lowercase()).collect();
        let says = |text: &str| lines.iter().any(|line| line.contains(text));
        lines.iter().any(|line| line == "nfa") || says("no fixed abode") || says("no fixed address")
    }

    /// Whether a country follows a BFPO number, which stands for one itself.
    #[must_use]
    pub fn has_invalid_country_for_bfpo_address(&self) -> bool {
        self.is_international() && self.bfpo_number.is_some()
    }

    /// Whether there is something to read in each of the first two lines.
    #[must_use]
    pub fn has_alphanumeric_in_lines_1_and_2(&self) -> bool {
        let lines = self.normalised_lines();
        let is_readable = |line: &String| line.chars().any(|c| c.is_ascii_alphanumeric());
        lines.len() >= 2 && lines.iter().take(2).all(is_readable)
    }

    /// Whether a letter can be sent there.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.check().is_ok()
    }

    /// The values that stand for it in a letter; `None` when it was nothing but its country.
    #[must_use]
    pub fn as_personalisation(&self) -> Option<[(&'static str, String); 8]> {
        let lines = self.normalised_lines();
        let last = lines.last()?.clone();
        let footer = if self.bfpo_number.is_some() && self.postcode.is_some() { 2 } else { 1 };
        let body = &lines[..lines.len() - footer];
        let line = |number: usize| body.get(number - 1).cloned().unwrap_or_default();
        let (sixth, postcode) = match (&self.bfpo_number, &self.postcode) {
            (Some(_), Some(postcode)) => (postcode.clone(), postcode.clone()),
            (Some(_), None) => (line(6), String::new()),
            (None, _) => (line(6), last.clone()),
        };
        Some([
            ("address_line_1", line(1)),
            ("address_line_2", line(2)),
            ("address_line_3", line(3)),
            ("address_line_4", line(4)),
            ("address_line_5", line(5)),
            ("address_line_6", sixth),
            ("postcode", postcode),
            ("address_line_7", last),
        ])
    }
}

/// Not the lines: they are personal data.
impl fmt::Debug for PostalAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostalAddress").field("zone", &self.zone()).finish_non_exhaustive()
    }
}

/// Whether Python would take a value for something.
fn is_given(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) => true,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

/// The first BFPO number, and the lines without all that are a BFPO's. Without a number they are
/// ordinary lines.
fn without_bfpo(lines: Vec<String>) -> (Option<String>, Vec<String>) {
    let Some(number) = lines.iter().find_map(|line| bfpo(line)?) else { return (None, lines) };
    let others = lines.into_iter().filter(|line| bfpo(line).is_none()).collect();
    (Some(number), others)
}

/// What a line that is wholly `BFPO`, perhaps `c/o`, perhaps a number, says the number is.
fn bfpo(line: &str) -> Option<Option<String>> {
    let line = line.to_lowercase();
    let rest = line.strip_prefix("bfpo")?.trim_start();
    let number = rest.strip_prefix("c/o").unwrap_or(rest).trim();
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = number.trim_start_matches('0');
    Some(match (number, significant) {
        ("", _) => None,
        (_, "") => Some("0".to_owned()),
        _ => Some(significant.to_owned()),
    })
}

/// Takes the country off the end. Of the United Kingdom's names as many lines go as there are anywhere
/// up to a foreign country: that is how it has always been, though it may take a postcode with it.
fn take_country(lines: &mut Vec<String>) -> Country {
    let Some(country) = lines.last().and_then(|line| Country::find(line)) else {
        return Country::UNITED_KINGDOM;
    };
    let names = if country.is_foreign() {
        1
    } else {
        let countries = lines.iter().rev().filter_map(|line| Country::find(line));
        countries.take_while(|country| !country.is_foreign()).count()
    };
    lines.truncate(lines.len() - names);
    country
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(text: &str) -> Vec<String> {
        PostalAddress::new(text, true).normalised_lines()
    }

    #[test]
    fn lines_are_tidied_and_the_postcode_is_formatted() {
        let lines = lines_of(" Jo  Bloggs ,\r\n\n1 High St , Leeds\u{a0}\nls14ap\nEngland");
        assert_eq!(lines, ["Jo Bloggs", "1 High St, Leeds", "LS1 4AP"]);
    }

    #[test]
    fn a_country_may_be_foreign() {
        let address = PostalAddress::new("Jo\n1 Rue\nParis\nfrance", false);
        assert_eq!(address.single_line(), "Jo, 1 Rue, Paris, France");
        assert_eq!((address.zone(), address.postcode()), (Zone::Europe, None));
        assert!(!address.is_valid());
        assert!(PostalAddress::new("Jo\n1 Rue\nParis\nfrance", true).is_valid());
    }

    #[test]
    fn the_forces_have_addresses_of_their_own() {
        let address = PostalAddress::new("Cpl Jo\nBFPO c/o 007\nRegt\nBF1 3AA\nbfpo", false);
        assert_eq!(address.normalised_lines(), ["Cpl Jo", "Regt", "BF1 3AA", "BFPO 7"]);
        assert_eq!(address.bfpo_lines().unwrap(), ["Cpl Jo", "Regt"]);
        assert!(address.is_valid());
        assert!(PostalAddress::new("BFPO 1", false).bfpo_lines().unwrap().is_empty());
        assert!(!PostalAddress::new("BFPO 1", false).is_valid());
    }

    #[test]
    fn an_address_comes_back_from_its_values() {
        let address = PostalAddress::new("Jo\n1 High St\nLeeds\nLS1 4AP", false);
        let values = address.as_personalisation().unwrap();
        let values = Personalisation::from_iter(values.map(|(key, text)| (key, Value::from(text))));
        assert_eq!(PostalAddress::from_personalisation(&values, false), address);
    }
}
