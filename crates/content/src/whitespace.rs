//! White space, visible and not.
//!
//! People paste text from web pages and spreadsheets, and with it characters that nobody can
//! see. These helpers say which ones count as space, and remove them where they would harm.

use std::borrow::Cow;

/// Whether `c` takes no room at all: joiners, byte order marks, line and paragraph separators.
pub fn is_zero_width(c: char) -> bool {
    matches!(
        c,
        '\u{180E}' | '\u{200B}'..='\u{200D}' | '\u{2028}' | '\u{2029}' | '\u{2060}' | '\u{FEFF}'
    )
}

/// Whether `c` is a space that a line may not be broken at.
pub fn is_no_break(c: char) -> bool {
    matches!(c, '\u{A0}' | '\u{202F}')
}

/// Whether `c` is space that readers of a text would not expect: zero width or no-break.
pub fn is_obscure(c: char) -> bool {
    is_zero_width(c) || is_no_break(c)
}

/// Whether `c` is the space bar, a tab, a line ending, a vertical tab or a form feed.
pub fn is_ascii_space(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r')
}

/// Whether `c` is blank for whoever fills in a form or a spreadsheet: ASCII or obscure space.
pub fn is_blank(c: char) -> bool {
    is_ascii_space(c) || is_obscure(c)
}

/// Whether `c` separates words: Unicode's white space and the four ASCII information separators,
/// which is what clients in Python call space.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1C}'..='\u{1F}')
}

/// `text` without [`is_space`] characters at either end.
pub fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `text` without [`is_blank`] characters at either end.
pub fn trim_blank(text: &str) -> &str {
    text.trim_matches(is_blank)
}

/// `text` without any [`is_blank`] character.
pub fn remove_blank(text: &str) -> String {
    text.chars().filter(|&c| !is_blank(c)).collect()
}

/// `text` without any [obscure](is_obscure) character, then trimmed of ASCII space.
pub fn strip_obscure(text: &str) -> Cow<'_, str> {
    if text.contains(is_obscure) {
        let visible: String = text.chars().filter(|&c| !is_obscure(c)).collect();
        Cow::Owned(visible.trim_matches(is_ascii_space).to_owned())
    } else {
        Cow::Borrowed(text.trim_matches(is_ascii_space))
    }
}

/// `text` on one line: words joined by single spaces, zero-width characters dropped.
pub fn normalise(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    push_normalised(&mut line, text);
    line
}

/// Appends `text` to `out` as [`normalise`] would write it.
pub(crate) fn push_normalised(out: &mut String, text: &str) {
    let start = out.len();
    let mut gap = false;
    for c in text.chars().filter(|&c| !is_zero_width(c)) {
        if is_space(c) {
            gap = true;
        } else {
            if gap && out.len() > start {
                out.push(' ');
            }
            gap = false;
            out.push(c);
        }
    }
}

/// `text` with each of its lines [normalised](normalise), and without a line ending at the end.
pub fn normalise_lines(text: &str) -> String {
    let mut lines: Vec<&str> = lines(text).collect();
    // What follows the last line ending is a line only if there is something.
    if lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    let lines: Vec<String> = lines.into_iter().map(normalise).collect();
    lines.join("\n")
}

/// The lines of `text`, ended by any line ending known to Unicode (a CRLF pair is one).
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split("\r\n").flat_map(|part| {
        part.split(|c| {
            matches!(
                c,
                '\n'..='\r' | '\u{1C}'..='\u{1E}' | '\u{85}' | '\u{2028}' | '\u{2029}'
            )
        })
    })
}

/// `text` without the spaces and tabs directly before each comma and full stop.
pub fn close_up_punctuation(text: &str) -> Cow<'_, str> {
    let is_gap = |c| matches!(c, ' ' | '\t');
    let is_loose = |pair: &[u8]| is_gap(pair[0].into()) && matches!(pair[1], b',' | b'.');
    if !text.as_bytes().windows(2).any(is_loose) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find([',', '.']) {
        out.push_str(rest[..at].trim_end_matches(is_gap));
        out.push_str(&rest[at..=at]);
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalising_joins_words_and_drops_what_is_invisible() {
        assert_eq!(normalise("  a\u{A0}b\u{200B}c \n\t d "), "a bc d");
        assert_eq!(normalise(" \u{FEFF}\n"), "");
    }

    #[test]
    fn obscure_space_is_deleted_anywhere_and_ordinary_space_only_trimmed() {
        assert_eq!(strip_obscure(" a\u{A0}b c\u{200B}\x0b"), "ab c");
        assert!(matches!(strip_obscure(" ab "), Cow::Borrowed("ab")));
    }

    #[test]
    fn blanks_are_those_of_forms() {
        assert_eq!(trim_blank("\u{FEFF} a\u{A0}b\t\u{2003}\u{200B}"), "a\u{A0}b\t\u{2003}");
        assert_eq!(remove_blank(" a\u{A0}\nb\u{2003}"), "ab\u{2003}");
    }

    #[test]
    fn lines_are_normalised_one_by_one() {
        assert_eq!(normalise_lines("\u{A0}a  b\r\n\n c\u{200B}\n"), "a b\n\nc");
        assert_eq!(normalise_lines(""), "");
        assert_eq!(normalise_lines("\n\n"), "\n");
    }

    #[test]
    fn every_line_ending_ends_one_line() {
        let all: Vec<&str> = lines("a\r\nb\rc\x0bd\x0ce\u{85}f\u{2028}g\n\nh").collect();
        assert_eq!(all, ["a", "b", "c", "d", "e", "f", "g", "", "h"]);
    }

    #[test]
    fn only_spaces_and_tabs_before_commas_and_full_stops_go() {
        assert_eq!(close_up_punctuation("a \t, b . c ? d\n."), "a, b. c ? d\n.");
    }
}
