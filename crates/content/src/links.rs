//! Finding links in plain text: `example.com/page` as well as `https://example.com`.

use std::ops::{Range, RangeInclusive};

use crate::{python::is_word, whitespace::is_space};

/// How many letters a top-level domain has.
const TOP_LEVEL: RangeInclusive<usize> = 2..=63;

/// Where the links in `text` are, in order and apart, in bytes.
///
/// A link is an optional `http://` or `https://`, a name of at least two parts that ends in a
/// top-level domain (two or more letters), and, from a `/`, `?` or `#`, everything up to the
/// next space or `<`. Names beside an `@` belong to email addresses and are left out.
///
/// Takes time linear in the length of `text`.
pub fn links(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    // Each turn looks at one unbroken name; two dots in a row break it.
    while let Some(start) = text[from..].find(is_label_char).map(|at| from + at) {
        let end = name_end(text, start);
        from = match link_in(text, start..end) {
            Some(link) => {
                let next = link.end;
                found.push(link);
                next
            }
            None => end,
        };
    }
    found
}

/// The link in an unbroken `name`. There is at most one, since it takes the last top-level domain.
fn link_in(text: &str, name: Range<usize>) -> Option<Range<usize>> {
    // After a scheme a name may start with a hyphen.
    let (scheme, first) = match scheme_length(&text[..name.start]) {
        0 => (0, name_start(text, &name)?),
        scheme => (scheme, name.start),
    };
    let end = top_level_end(text, first, name.end)?;
    let start = first - scheme;
    let rest = &text[end..];
    let tail = if rest.starts_with(['/', '?', '#']) {
        rest.find(|c| is_space(c) || c == '<').unwrap_or(rest.len())
    } else {
        0
    };
    Some(start..end + tail)
}

/// Where a link's name may start: at the border of a word, but not after `@` or a dot.
fn name_start(text: &str, name: &Range<usize>) -> Option<usize> {
    let mut previous = text[..name.start].chars().next_back();
    for (at, c) in text[name.clone()].char_indices() {
        let is_border = is_word(c) != previous.is_some_and(is_word);
        if is_label_char(c) && is_border && !matches!(previous, Some('@' | '.')) {
            return Some(name.start + at);
        }
        previous = Some(c);
    }
    None
}

/// Where the longest name from `start` ends that has a top-level domain, at most at `limit`.
fn top_level_end(text: &str, start: usize, limit: usize) -> Option<usize> {
    let mut end = limit;
    // From the last dot back to the first: the longest name wins.
    while let Some(dot) = text[start..end].rfind('.').map(|at| start + at) {
        let label = &text[dot + 1..end];
        let letters = label.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(label.len());
        let after = dot + 1 + letters;
        let next = text[after..].chars().next();
        if dot > start
            && TOP_LEVEL.contains(&letters)
            && !next.is_some_and(|c| is_word(c) || c == '@')
        {
            return Some(after);
        }
        end = dot;
    }
    None
}

/// How long the `http://` or `https://` is that `before` ends with and that can start a link.
fn scheme_length(before: &str) -> usize {
    for scheme in ["https://", "http://"] {
        let Some(at) = before.len().checked_sub(scheme.len()) else {
            continue;
        };
        let is_scheme = before.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(scheme));
        if is_scheme {
            let previous = before[..at].chars().next_back();
            let starts_here = !previous.is_some_and(|c| is_word(c) || matches!(c, '@' | '.'));
            return if starts_here { scheme.len() } else { 0 };
        }
    }
    0
}

fn name_end(text: &str, start: usize) -> usize {
    let mut previous = None;
    for (at, c) in text[start..].char_indices() {
        if !(is_label_char(c) || c == '.') || (c == '.' && previous == Some('.')) {
            return start + at;
        }
        previous = Some(c);
    }
    text.len()
}

fn is_label_char(c: char) -> bool {
    is_word(c) || c == '-'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        links(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn names_with_a_top_level_domain_are_links() {
        for (text, expected) in [
            ("see example.com/path?a=b, ok", &["example.com/path?a=b,"][..]),
            ("(www.gov.uk).", &["www.gov.uk"]),
            ("HTTP://X.CO http://y.org?z<b>", &["HTTP://X.CO", "http://y.org?z"]),
            ("Marie.Curie and a.test-case", &["Marie.Curie", "a.test"]),
            ("münchen.de/ü", &["münchen.de/ü"]),
            ("1.2.3 x.y.z/?q http://localhost:3000/x", &[]),
            ("a.b@c.com @foo.com foo.com@ jo.bloggs@example.gov.uk", &[]),
            ("aa.bb.com@x", &["aa.bb"]),
            ("@aa-bb.com", &["-bb.com"]),
            ("a..bb.cc", &[]),
            ("a..b-cc.dd ..ee", &["-cc.dd"]),
            ("xhttp://ab.cd", &["ab.cd"]),
            ("http://-ab.cd xhttp://-ab.cd", &["http://-ab.cd", "ab.cd"]),
            ("Ⓐb.cd", &["b.cd"]),
            ("www.foo.com/a www.bar.com", &["www.foo.com/a", "www.bar.com"]),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn long_runs_take_linear_time() {
        assert_eq!(found(&"a-".repeat(200_000)), [""; 0]);
        assert_eq!(found(&"a.".repeat(200_000)), [""; 0]);
        assert_eq!(found(&"aa.b1..".repeat(200_000)), [""; 0]);
    }
}
