//! Addresses, postcodes and countries, whatever is typed.

use content::{Personalisation, country::Country, postal_address::PostalAddress, postcode};
use proptest::prelude::*;
use serde_json::Value;

/// Addresses made of what matters to their reader, and any other text.
fn address() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "[A-Z][a-z]{1,8} ?[0-9]{0,2}",
        Just("LS1 4AP".to_owned()),
        Just("sw1a2aa".to_owned()),
        Just("England".to_owned()),
        Just("Cymru".to_owned()),
        Just("France".to_owned()),
        Just("Japan ,".to_owned()),
        Just("BFPO".to_owned()),
        Just("bfpo c/o 0012".to_owned()),
        Just("BFPO 99999999999999999999999".to_owned()),
        Just("NFA".to_owned()),
        Just(String::new()),
        "\\PC{0,6}",
    ];
    prop::collection::vec(line, 0..9).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn an_address_that_is_printed_reads_the_same(text in address(), abroad: bool) {
        let first = PostalAddress::new(&text, abroad);
        let printed = first.normalised_lines();
        // Of several names of countries the rules make what they have always made.
        let names = printed.iter().filter(|line| Country::find(line).is_some()).count();
        if first.is_valid() && names == usize::from(first.is_international()) {
            let again = PostalAddress::new(&printed.join("\n"), abroad);
            prop_assert_eq!(again.normalised_lines(), printed);
            let values = first.as_personalisation().unwrap();
            let values = values.map(|(key, text)| (key, Value::from(text)));
            let values = Personalisation::from_iter(values);
            let from_values = PostalAddress::from_personalisation(&values, abroad);
            prop_assert!(from_values.is_valid());
            prop_assert_eq!(from_values.zone(), first.zone());
        }
    }

    #[test]
    fn any_text_is_an_address_of_some_kind(text: String) {
        let address = PostalAddress::new(&text, true);
        let lines = address.normalised_lines();
        prop_assert_eq!(address.single_line(), lines.join(", "));
        prop_assert!(address.has_enough_lines() || !address.is_valid());
        let _ = (address.as_personalisation(), address.bfpo_lines().is_ok());
    }

    #[test]
    fn a_postcode_stays_as_it_is(text in "[A-Za-z]{1,2}[0-9][0-9A-Za-z]? ?[0-9][A-Za-z]{2}|\\PC{0,10}") {
        if let Some(formatted) = postcode::format(&text) {
            prop_assert_eq!(postcode::format(&formatted), Some(formatted.clone()));
            prop_assert_eq!(formatted.matches(' ').count(), 1);
        }
    }

    #[test]
    fn a_country_is_known_by_its_own_name(text in "\\PC{0,12}|[A-Za-z' ]{2,12}") {
        if let Some(country) = Country::find(&text) {
            prop_assert_eq!(Country::find(country.name()), Some(country));
        }
    }
}
