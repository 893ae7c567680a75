//! Links in text that is HTML already, for previews of text messages.

use crate::{href::href, html, links::links};

/// `text`, which is escaped, with each web address in it made a link of this class.
#[must_use]
pub fn autolink(text: &str, class: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for found in links(text) {
        let link = trimmed(&text[found.clone()]);
        out.push_str(&text[copied..found.start]);
        out.extend([
            "<a class=\"",
            &html::escape(class).replace('"', "&quot;"),
            "\" href=\"",
            &href(link),
            "\">",
            link,
            "</a>",
        ]);
        copied = found.start + link.len();
    }
    out.push_str(&text[copied..]);
    out
}

/// A link without the punctuation after it: full stops, commas, colons, and brackets that were not
/// opened inside it.
fn trimmed(link: &str) -> &str {
    let count = |link: &str, bracket: char| link.matches(bracket).count();
    let (mut round, mut square) = (
        count(link, ')').saturating_sub(count(link, '(')),
        count(link, ']').saturating_sub(count(link, '[')),
    );
    let mut link = link;
    while let Some(last) = link.chars().next_back() {
        match last {
            '.' | ',' | ':' => {}
            ')' if round > 0 => round -= 1,
            ']' if square > 0 => square -= 1,
            _ => break,
        }
        link = &link[..link.len() - 1];
    }
    link
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linked(text: &str) -> String {
        autolink(text, "c").replace("<a class=\"c\" href=", "<")
    }

    #[test]
    fn punctuation_after_a_link_is_not_part_of_it() {
        assert_eq!(
            linked("(see e.org/a_(b)).)"),
            "(see <\"http://e.org/a_%28b%29\">e.org/a_(b)</a>).)"
        );
        assert_eq!(
            linked("[z.io], e.org/]:"),
            "[<\"http://z.io\">z.io</a>], <\"http://e.org/\">e.org/</a>]:"
        );
        assert_eq!(linked("a@e.org &lt;x.org&gt;"), "a@e.org &lt;<\"http://x.org\">x.org</a>&gt;");
    }

    #[test]
    fn a_link_cannot_leave_its_attribute() {
        let html = autolink("http://e.com/\"onmouseover=\"x", "c\"d");
        assert!(
            html.starts_with("<a class=\"c&quot;d\" href=\"http://e.com/%22onmouseover=%22x\">")
        );
    }
}
