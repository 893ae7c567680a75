//! The name GOV.UK, which is not the address of a page.

use std::borrow::Cow;

use crate::whitespace::is_space;

/// What stands between the two parts of the name.
const NAME: &str = "gov.uk";

/// `text` with a zero-width space after the full stop of each `GOV.UK` that is a name: mail programs
/// would make a link of it. It is one at the start of a word, perhaps after a `#`, `*` or `^`, and
/// unless a path follows.
pub fn unlink(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    for (dot, _) in text.match_indices('.') {
        let Some(start) = dot.checked_sub(3) else {
            continue;
        };
        let is_name = text.get(start..dot + 3).is_some_and(|name| name.eq_ignore_ascii_case(NAME));
        if is_name && starts_word(&text[..start]) && !text[dot + 3..].starts_with(['/', '?', '#']) {
            out.push_str(&text[copied..=dot]);
            out.push('\u{200B}');
            copied = dot + 1;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// Whether a word starts after `before`.
fn starts_word(before: &str) -> bool {
    let is_border = |before: &str| before.is_empty() || before.ends_with(is_space);
    is_border(before) || before.strip_suffix(['#', '*', '^']).is_some_and(is_border)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_at_the_start_of_a_word_are_changed() {
        for (text, expected) in [
            ("GOV.UK and gov.uk.", "GOV.\u{200B}UK and gov.\u{200B}uk."),
            ("#Gov.uk\n*GOV.UK ^GOV.UKx", "#Gov.\u{200B}uk\n*GOV.\u{200B}UK ^GOV.\u{200B}UKx"),
            ("GOV.UK/pay (gov.uk) www.gov.uk ##gov.uk", "GOV.UK/pay (gov.uk) www.gov.uk ##gov.uk"),
            (".uk é.uk ov.uk gov.", ".uk é.uk ov.uk gov."),
        ] {
            assert_eq!(unlink(text), expected);
        }
    }
}
