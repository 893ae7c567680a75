//! Domain names in ASCII, by the rules of IDNA 2003.
//!
//! Newer rules (IDNA 2008, UTS 46) disagree about which names exist. Addresses have always been
//! checked by these here, and somebody whose address was good yesterday must still be reachable.
//!
//! Source: RFC 3490 §4.1, RFC 3491. Code points that Unicode 3.2 did not know are allowed.

use stringprep::tables;
use unicode_normalization::UnicodeNormalization;

/// What a label in Punycode starts with.
const ACE_PREFIX: &str = "xn--";

const MAX_LABEL_BYTES: usize = 63;

/// `domain` in ASCII, or `None` if it cannot be written so.
pub(crate) fn to_ascii(domain: &str) -> Option<String> {
    if domain.is_ascii() {
        return Some(domain.to_owned()); // whoever asks checks the labels anyway
    }
    let labels: Option<Vec<String>> =
        domain.split(['.', '\u{3002}', '\u{FF0E}', '\u{FF61}']).map(label_to_ascii).collect();
    Some(labels?.join("."))
}

fn label_to_ascii(label: &str) -> Option<String> {
    let ascii = if label.is_ascii() {
        label.to_owned()
    } else {
        let prepared = nameprep(label)?;
        if prepared.is_ascii() {
            prepared
        } else if prepared.starts_with(ACE_PREFIX) {
            return None;
        } else {
            format!("{ACE_PREFIX}{}", idna::punycode::encode_str(&prepared)?)
        }
    };
    (1..=MAX_LABEL_BYTES).contains(&ascii.len()).then_some(ascii)
}

/// Case-folded and normalised, or `None` if it has characters that no name may have.
fn nameprep(label: &str) -> Option<String> {
    let folded = label.chars().filter(|&c| !tables::commonly_mapped_to_nothing(c)).flat_map(fold);
    let prepared = normalise(folded);

    let has_rtl = prepared.contains(is_rtl);
    let is_all_rtl =
        !prepared.contains(is_ltr) && prepared.starts_with(is_rtl) && prepared.ends_with(is_rtl);
    let is_allowed = !prepared.contains(is_prohibited) && (!has_rtl || is_all_rtl);
    is_allowed.then_some(prepared)
}

/// `c` in lower case. Letters that Unicode 3.2 did not know have theirs by the later version.
fn fold(c: char) -> impl Iterator<Item = char> {
    let later = tables::unassigned_code_point(c).then(|| c.to_lowercase());
    let known = later.is_none().then_some(c);
    later.into_iter().flatten().chain(known).flat_map(tables::case_fold_for_nfkc)
}

/// NFKC as of Unicode 3.2: code points of later versions stay, and nothing combines across them.
fn normalise(text: impl Iterator<Item = char>) -> String {
    let mut out = String::new();
    let mut known = String::new();
    for c in text {
        if tables::unassigned_code_point(c) {
            out.extend(known.nfkc());
            known.clear();
            out.push(c);
        } else {
            known.push(c);
        }
    }
    out.extend(known.nfkc());
    out
}

/// Whether `c` is written from right to left, and was so in Unicode 3.2.
fn is_rtl(c: char) -> bool {
    tables::bidi_r_or_al(c) && !tables::unassigned_code_point(c)
}

/// Whether `c` is written from left to right, and was so in Unicode 3.2.
fn is_ltr(c: char) -> bool {
    tables::bidi_l(c) && !tables::unassigned_code_point(c)
}

fn is_prohibited(c: char) -> bool {
    tables::non_ascii_space_character(c)
        || tables::non_ascii_control_character(c)
        || tables::private_use(c)
        || tables::non_character_code_point(c)
        || tables::inappropriate_for_plain_text(c)
        || tables::inappropriate_for_canonical_representation(c)
        || tables::change_display_properties_or_deprecated(c)
        || tables::tagging_character(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_ascii_by_the_older_rules() {
        for (domain, expected) in [
            ("Example.com", Some("Example.com")),
            ("münchen.de", Some("xn--mnchen-3ya.de")),
            ("faß.de", Some("fass.de")),
            ("FAẞ.de", Some("fass.de")),
            ("例え。jp", Some("xn--r8jz45g.jp")),
            ("ex\u{ad}ample.com", Some("example.com")),
            ("😀.com", Some("xn--e28h.com")),
            ("é..com", None),
            ("\u{ad}.com", None),
            ("xn--é.com", None),
            ("é\u{2028}.com", None),
            ("אa.com", None),
            ("𞤢a.com", Some("xn--a-9h8r.com")),
        ] {
            assert_eq!(to_ascii(domain).as_deref(), expected, "{domain}");
        }
    }
}
