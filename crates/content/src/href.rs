//! Where links lead, as an attribute of HTML.

use std::fmt::Write;

/// How a target starts that says by itself how to get there.
const SCHEMES: [&str; 6] = ["ftp:", "file:", "http:", "https:", "mailto:", "tel:"];

/// `target` as the value of a `href`, which neither ends the attribute nor runs a script: a target
/// without a known scheme is a web address, and every character that could have a meaning in HTML
/// is percent-encoded. Character references and what is encoded already stay.
pub fn href(target: &str) -> String {
    let has_scheme = SCHEMES.iter().any(|scheme| {
        target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    let mut out = String::with_capacity(target.len() + 8);
    out.push_str(if has_scheme { "" } else { "http://" });
    for byte in target.bytes() {
        if byte.is_ascii_alphanumeric() || b"_.-~:/?#=&;%".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_web_addresses_unless_they_say_otherwise() {
        for (target, expected) in [
            ("https://e.com/a_(b)", "https://e.com/a_%28b%29"),
            ("e.com/é?x=a%20b&amp;y#z", "http://e.com/%C3%A9?x=a%20b&amp;y#z"),
            ("MAILTO:a@e.com", "MAILTO:a%40e.com"),
            ("javascript:alert(\"'<>\")", "http://javascript:alert%28%22%27%3C%3E%22%29"),
            ("", "http://"),
        ] {
            assert_eq!(href(target), expected);
        }
    }
}
