//! Postal addresses, postcodes and countries.
#![no_main]

use content::{country::Country, postal_address::PostalAddress, postcode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let address = PostalAddress::new(text, true);
    assert!(!address.is_valid() || address.has_enough_lines());
    let _ = (address.as_personalisation(), address.bfpo_lines().is_ok());
    if let Some(formatted) = postcode::format(text) {
        assert_eq!(postcode::format(&formatted), Some(formatted.clone()));
    }
    if let Some(country) = Country::find(text) {
        assert_eq!(Country::find(country.name()), Some(country));
    }
});
