//! Typographic punctuation: curly quotes and dashes, as a typesetter would put them.

mod quotes;
mod tokens;

use crate::whitespace::{close_up_punctuation, is_space};
use quotes::turn_quotes;

/// `text`, which may hold HTML tags, with space before commas and full stops taken out, quotes
/// turned, and hyphens between words made dashes. Apostrophes in email addresses stay straight.
pub fn make_typographic(text: &str) -> String {
    let turned = turn_quotes(&close_up_punctuation(text));
    let turned = if turned.contains('@') { straighten_addresses(&turned) } else { turned };
    set_dashes(&turned)
}

/// Turns the quotes in email addresses back into apostrophes.
///
/// The space after an address belongs to it, so that of two with one space between only the first
/// is an address; but every line starts anew.
fn straighten_addresses(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut is_start = true;
    for token in text.split_inclusive(is_space) {
        let word = token.trim_end_matches(is_space);
        let has_at = word.char_indices().skip(1).any(|(at, c)| c == '@' && at + 1 < word.len());
        let is_address = is_start && has_at;
        match is_address {
            true => out.push_str(&token.replace(['‘', '’'], "'")),
            false => out.push_str(token),
        }
        is_start = !is_address || token.ends_with('\n');
    }
    out
}

/// Makes each one to three hyphens or dashes that stand between spaces an en dash.
fn set_dashes(text: &str) -> String {
    let is_dash = |c| matches!(c, '-' | '–' | '—');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(is_dash) {
        let after = rest[at..].trim_start_matches(is_dash);
        let dashes = &rest[at..rest.len() - after.len()];
        let (before, next) =
            (rest[..at].trim_end_matches(is_space), after.trim_start_matches(is_space));
        let is_loose = before.len() < at && next.len() < after.len();
        if is_loose && dashes.chars().count() <= 3 {
            out.push_str(before);
            out.push_str(" – ");
            rest = next;
        } else {
            out.push_str(&rest[..rest.len() - after.len()]);
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn punctuation_is_set() {
        for (text, expected) in [
            (r#""Hello," she said - "it's 'fine'""#, "“Hello,” she said – “it’s ‘fine’”"),
            ("rock 'n' roll in the '80s", "rock ‘n’ roll in the ‘80s"),
            ("1980's, 80's, Jo's '", "1980’s, 80’s, Jo’s ‘"),
            (r#"6'2" tall"#, "6‘2” tall"),
            (r#""'Quoted' words""#, "“‘Quoted’ words”"),
            ("a's's b''", "a’s‘s b’‘"),
            ("<a href=\"x'y\">it's</a> 'q' <b>'</b>", "<a href=\"x'y\">it's</a> ‘q’ <b>‘</b>"),
            ("don't@x.com 'hi' a'b", "don't@x.com ‘hi’ a’b"),
            ("x - y -- z --- w ---- v a-b - - c", "x – y – z – w ---- v a-b – - c"),
            ("a , b .", "a, b."),
            ("<a><abbr>'b'</a> 'c'</a> 'd'", "<a><abbr>'b'</a> 'c'</a> ‘d’"),
            ("it's@a it's@b\nit's@c  it's@d", "it's@a it’s@b\nit's@c  it's@d"),
            ("&#8217;x &mdash;'y &#8212;'z", "’x &mdash;‘y —’z"),
            (r#"\"x\" <"#, "&#34;x&#34; <"),
        ] {
            assert_eq!(make_typographic(text), expected);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_set(text in "[a-s'\"&;<>/ \\-@\\\\0-9(é]*") {
            make_typographic(&text);
        }
    }
}
