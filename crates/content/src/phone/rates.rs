//! What messages cost, country by country.

use std::{collections::HashMap, sync::LazyLock};

use serde::Deserialize;

/// What one country's network costs and can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many times the price of a UK fragment one fragment costs.
    pub multiplier: u32,
    /// Whether the network tells what became of a message.
    pub sends_delivery_receipts: bool,
    /// Whether the sender must be a number, because names do not get through.
    pub needs_numeric_sender: bool,
}

/// A line of `international_rates.json`.
#[derive(Deserialize)]
struct RateLine<'a> {
    rate_multiplier: u32,
    delivery_receipts: Option<&'a str>,
    alpha: Option<&'a str>,
}

/// Rates by dialling prefix: a country code, or four digits where countries share one.
static RATES: LazyLock<HashMap<&'static str, Rate>> = LazyLock::new(|| {
    let lines: HashMap<&'static str, RateLine<'static>> =
        serde_json::from_str(include_str!("../../data/international_rates.json"))
            .expect("the file is part of this program");
    let rates = lines.into_iter().map(|(prefix, line)| {
        let rate = Rate {
            multiplier: line.rate_multiplier,
            sends_delivery_receipts: line.delivery_receipts == Some("YES"),
            needs_numeric_sender: line.alpha == Some("NO"),
        };
        (prefix, rate)
    });
    rates.collect()
});

/// The rate for a dialling prefix such as [`PhoneNumber::country_prefix`] gives, if there is one.
///
/// [`PhoneNumber::country_prefix`]: super::PhoneNumber::country_prefix
pub fn rate_of(prefix: &str) -> Option<Rate> {
    RATES.get(prefix).copied()
}
