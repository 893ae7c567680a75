//! Names made of other names, for places that take few characters.
//!
//! Source: content contract §14.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use crate::whitespace::{is_space, trim};

/// `text` as the id of an element of a page: `hello-world`.
#[must_use]
pub fn id(text: &str) -> String {
    joined_by('-', text)
}

/// `text` as what stands before the `@` of an email address: `hello.world`.
#[must_use]
pub fn local_part(text: &str) -> String {
    joined_by('.', text)
}

/// The letters and digits of `text` in lower case and without accents, and `separator` for space.
/// Full stops stand alone and never at an end.
fn joined_by(separator: char, text: &str) -> String {
    let plain: String =
        text.nfd().filter(|c| c.general_category() != GeneralCategory::NonspacingMark).collect();
    let mut out = String::new();
    let mut last_was_space = false;
    for c in trim(&plain).chars() {
        let is_gap = is_space(c);
        let c = if is_gap { separator } else { c };
        let is_repeated = (is_gap && last_was_space) || (c == '.' && out.ends_with('.'));
        last_was_space = is_gap;
        if !is_repeated && (c == separator || is_alphanumeric(c)) {
            out.extend(c.to_lowercase());
        }
    }
    out.trim_matches('.').to_owned()
}

/// Whether `c` is a letter or a number. Unlike the standard library's, this leaves out marks and
/// circled letters.
fn is_alphanumeric(c: char) -> bool {
    matches!(
        c.general_category_group(),
        GeneralCategoryGroup::Letter | GeneralCategoryGroup::Number
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_letters_and_digits_are_left() {
        for (text, id_of, local) in [
            ("  Héllo   Wörld  ", "hello-world", "hello.world"),
            ("A.B..C...D", "abcd", "a.b.c.d"),
            ("a . b - c", "a--b---c", "a.b.c"),
            (". a\u{2003}.", "-a-", "a"),
            ("Ⓐ ² ³ Ⅷ", "-²-³-ⅷ", "².³.ⅷ"),
            ("!!!", "", ""),
        ] {
            assert_eq!(id(text), id_of, "{text}");
            assert_eq!(local_part(text), local, "{text}");
        }
    }
}
