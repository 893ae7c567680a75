//! UK postcodes.
//!
//! Source: content contract §10.5; the areas are in `data/postcode_areas.json`.

use std::{collections::HashSet, sync::LazyLock};

use crate::whitespace::remove_blank;

static AREAS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../data/postcode_areas.json"))
        .expect("the file is part of this program")
});

/// The letters of the last two characters of a postcode.
const INWARD_LETTERS: &[u8] = b"ABDEFGHJLNPQRSTUWXYZ";

/// `text` as a postcode with its one space, if it is nothing but a postcode.
#[must_use]
pub fn format(text: &str) -> Option<String> {
    let text = remove_blank(text).to_uppercase();
    let (outward, inward) = text.split_at_checked(text.len().checked_sub(3)?)?;
    (is_outward(outward) && is_inward(inward)).then(|| format!("{outward} {inward}"))
}

/// An area, a digit, and perhaps one more digit or letter.
fn is_outward(text: &str) -> bool {
    let area_length = text.bytes().take_while(u8::is_ascii_uppercase).count();
    let (area, district) = text.split_at(area_length);
    AREAS.contains(area)
        && match district.as_bytes() {
            [first] => first.is_ascii_digit(),
            [first, second] => {
                first.is_ascii_digit() && (second.is_ascii_digit() || second.is_ascii_uppercase())
            }
            _ => false,
        }
}

/// A digit and two letters.
fn is_inward(text: &str) -> bool {
    match text.as_bytes() {
        [digit, letters @ ..] => {
            digit.is_ascii_digit() && letters.iter().all(|letter| INWARD_LETTERS.contains(letter))
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postcodes_are_written_with_one_space() {
        assert_eq!(format("sw1a2aa").as_deref(), Some("SW1A 2AA"));
        assert_eq!(format(" l s 1\u{a0}4 a p ").as_deref(), Some("LS1 4AP"));
        assert_eq!(format("dn551pt").as_deref(), Some("DN55 1PT"));
    }

    #[test]
    fn what_is_not_a_postcode_is_none() {
        for text in [
            "",
            "1AA",
            "GIR 0AA",
            "XX1 1XX",
            "LS1 4CP",
            "LS 4AP",
            "LS1 4APX",
            "LS12A 4AP",
            "LSé 4AP",
        ] {
            assert_eq!(format(text), None, "{text}");
        }
    }
}
