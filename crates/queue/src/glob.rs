//! Shell patterns, as remote control uses them to name many workers.

/// Whether the whole of `text` fits `pattern`: `*` is anything, `?` one character, `[a-c]` one of
/// these, `[!a-c]` one that is not. A `[` that is never closed stands for itself.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut seen) = (0, 0);
    // After the last `*`: where the pattern goes on, and where in the text it was tried.
    let mut star = None;
    while seen < text.len() {
        if pattern.get(at) == Some(&'*') {
            at += 1;
            star = Some((at, seen));
        } else if let Some(length) = one(&pattern[at..], text[seen]) {
            at += length;
            seen += 1;
        } else if let Some((after, tried)) = star {
            // That `*` takes one character more. Earlier ones need not be tried again.
            star = Some((after, tried + 1));
            (at, seen) = (after, tried + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

/// The length of the first part of `pattern`, if it stands for `character`.
fn one(pattern: &[char], character: char) -> Option<usize> {
    match *pattern.first()? {
        '?' => Some(1),
        '[' => match set(&pattern[1..]) {
            Some(inside) => is_in(inside, character).then_some(inside.len() + 2),
            None => (character == '[').then_some(1),
        },
        same => (character == same).then_some(1),
    }
}

/// What is between the brackets. A `]` that comes first is part of it.
fn set(rest: &[char]) -> Option<&[char]> {
    let first = if rest.first() == Some(&'!') { 2 } else { 1 };
    let end = rest.iter().skip(first).position(|character| *character == ']')?;
    Some(&rest[..first + end])
}

fn is_in(set: &[char], character: char) -> bool {
    let (negated, mut set) = match set {
        ['!', rest @ ..] => (true, rest),
        all => (false, all),
    };
    let mut found = false;
    while !set.is_empty() {
        set = match set {
            [low, '-', high, rest @ ..] => {
                found |= (*low..=*high).contains(&character);
                rest
            }
            [only, rest @ ..] => {
                found |= *only == character;
                rest
            }
            [] => set,
        };
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_the_shell() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "any"),
            ("a*c*e", "abcde"),
            ("*@host", "postroom@host"),
            ("w?@host", "w1@host"),
            ("w[1-3]@*", "w2@host"),
            ("w[!1-3]@*", "w4@host"),
            ("[]x]", "]"),
            ("[a-]", "-"),
            ("[ab", "[ab"),
            ("*aab", "aaaab"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("a", ""),
            ("w?@host", "w@host"),
            ("w[1-3]@*", "w4@host"),
            ("w[!1-3]", "w1"),
            ("a*b", "abc"),
            ("[", "x"),
            ("[]", "x"),
            ("[!]", "x"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_panics(pattern in r"[\[\]!*?a\-]{0,12}", text in r"[\[\]!a\-]{0,12}") {
            matches(&pattern, &text);
        }
    }
}
