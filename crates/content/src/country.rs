//! Countries and territories, by the many names that people give them.
//!
//! Source: content contract §10.4; the table is `data/countries.json`.

use std::{collections::HashMap, sync::LazyLock};

use serde::Deserialize;

use crate::to_ascii;

/// How far away a country is, for postage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
#[serde(rename_all = "kebab-case")]
pub enum Zone {
    /// England, Scotland, Wales, Northern Ireland, the Channel Islands and the Isle of Man.
    UnitedKingdom,
    /// Royal Mail's list of Europe.
    Europe,
    /// Everywhere else.
    RestOfWorld,
}

/// A country or territory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Country {
    name: &'static str,
    zone: Zone,
}

/// No country has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Not a known country or territory ({0})")]
pub struct UnknownCountry(pub String);

#[derive(Deserialize)]
struct Table {
    by_normalised_name: HashMap<String, String>,
    zone_by_canonical_name: HashMap<String, Zone>,
}

static COUNTRIES: LazyLock<HashMap<&'static str, Country>> = LazyLock::new(|| {
    static TABLE: LazyLock<Table> = LazyLock::new(|| {
        serde_json::from_str(include_str!("../data/countries.json"))
            .expect("the file is part of this program")
    });
    let country = |name: &'static str| {
        // The postage of a territory that the list leaves out is that of the far away.
        let zone = TABLE.zone_by_canonical_name.get(name).copied().unwrap_or(Zone::RestOfWorld);
        Country { name, zone }
    };
    TABLE.by_normalised_name.iter().map(|(key, name)| (key.as_str(), country(name))).collect()
});

impl Country {
    /// Where letters without a country go.
    pub const UNITED_KINGDOM: Self = Self { name: "United Kingdom", zone: Zone::UnitedKingdom };

    /// The country that `name` is a name of.
    ///
    /// # Errors
    /// [`UnknownCountry`] when there is none.
    pub fn parse(name: &str) -> Result<Self, UnknownCountry> {
        Self::find(name).ok_or_else(|| UnknownCountry(name.to_owned()))
    }

    /// As [`parse`](Self::parse).
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        let name = normalise(name)?;
        // Names that are known with an article, in English or in Welsh.
        ["", "the", "yr", "y"]
            .iter()
            .find_map(|article| COUNTRIES.get([article, name.as_str()].concat().as_str()))
            .copied()
    }

    /// Its one name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// How far away it is.
    #[must_use]
    pub const fn zone(&self) -> Zone {
        self.zone
    }

    /// Whether it is abroad.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.zone != Zone::UnitedKingdom
    }
}

/// The form that names are compared by; `None` for what has a digit in it, such as a postcode.
fn normalise(name: &str) -> Option<String> {
    if name.chars().any(char::is_numeric) {
        return None;
    }
    let name: String = name
        .replace(['&', '+'], "and")
        .chars()
        .filter(|c| !matches!(c, ' ' | '_' | '-' | '\'' | '’' | ',' | '.' | '(' | ')'))
        .collect();
    let name = name.to_lowercase();
    let plain = to_ascii(&name);
    Some(if plain.contains('?') { name } else { plain.into_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_be_spelled_in_many_ways() {
        for name in ["Ivory Coast", "côte d’ivoire", "Cote d'Ivoire", " IVORY-COAST."] {
            assert_eq!(Country::find(name).map(|country| country.name()), Some("Ivory Coast"));
        }
        assert_eq!(Country::parse("Gambia").unwrap().name(), "The Gambia");
        assert_eq!(Country::parse("Trinidad & Tobago").unwrap().zone(), Zone::RestOfWorld);
        assert!(!Country::parse("Jersey").unwrap().is_foreign());
    }

    #[test]
    fn what_is_no_country_is_told() {
        let error = Country::parse("Mordor").unwrap_err();
        assert_eq!(error.to_string(), "Not a known country or territory (Mordor)");
        assert_eq!(Country::find("France 2"), None);
        assert_eq!(Country::find(""), None);
    }
}
