//! Whatever stands in a value, it is text: no markup and no placeholder comes of it.

use content::{Personalisation, email::EmailTemplate};
use proptest::prelude::*;
use serde_json::json;

/// Values made of what Markdown, HTML and placeholders are made of, and any other text.
const VALUE: &str = r##"([()\[\]<>^*#|!?a-c1.\-_@:/&;`~='"\\ ,\n\r\t\u{a0}é😀]|https://|</?(p|b|div|script|a)>|&lt;|\n\n|\(\(secret\)\)|\PC){0,40}"##;

/// Where a value may stand.
const CONTENTS: [&str; 15] = [
    "((a))",
    "# ((a))\n((a))\n===",
    "* ((a))\n* ((b))",
    "1. x ((b))\n\n   ((a))",
    "^ ((a))\n^ ((b))",
    "[x](((a)))",
    "[((a))](((a)))",
    "[x](u \"((a))\")",
    "[x][((a))]\n\n[((a))]: u ((a))",
    "[x]\n\n[x]: ((a)) (((a)))",
    "x[^((a))]\n\n[^((a))]: ((a))",
    "| ((a)) |\n|---|\n| ((a)) |\n\n((a)) | x",
    "```((a))\n((a))\n```\n    ((a))",
    "https://e.com/((a)) ((a??((a)))) <b>((a))</b>",
    "<!-- ((a)) --> \"((a))\" \\((a))",
];

/// Everything between a `<` and the next `>`.
fn tags(html: &str) -> impl Iterator<Item = &str> {
    html.split('<').skip(1).map(|rest| rest.split_once('>').map_or(rest, |(tag, _)| tag))
}

/// Whether this crate writes such a tag, all attributes of it included.
fn is_own(tag: &str) -> bool {
    let quotes = tag.matches('"').count();
    let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
    match name {
        "a" => {
            let is_link = attributes.starts_with("style=\"") && attributes.contains("\" href=\"");
            is_link
                && tag.ends_with('"')
                && quotes == if tag.contains("\" title=\"") { 6 } else { 4 }
        }
        "table" => attributes.starts_with("role=\"presentation\" style=\"") && quotes == 4,
        "p" | "h2" | "h3" | "hr" | "td" | "ul" | "ol" | "li" | "div" | "blockquote" => {
            attributes.starts_with("style=\"") && quotes == 2
        }
        "/p" | "/h2" | "/h3" | "br" | "tr" | "/tr" | "/td" | "/table" | "/ul" | "/ol" | "/li"
        | "/div" | "/blockquote" | "/a" => attributes.is_empty(),
        _ => false,
    }
}

proptest! {
    #[test]
    fn values_are_never_markup(value in VALUE, index in 0..CONTENTS.len()) {
        let values = Personalisation::from_iter([("a", json!(value)), ("b", json!([value, value]))]);
        let email = EmailTemplate::new("", CONTENTS[index], &values);
        let html = email.html_body();
        prop_assert!(tags(&html).all(is_own), "{}", html);
        prop_assert!(!email.preheader().contains(['<', '>']));
        prop_assert!(!email.html_subject().contains(['<', '>']));
    }

    #[test]
    fn values_are_never_placeholders(value in VALUE, index in 0..CONTENTS.len()) {
        let values = [("a", json!(value)), ("b", json!([value])), ("secret", json!("ZZZ"))];
        let values = Personalisation::from_iter(values);
        let email = EmailTemplate::new("((a))", CONTENTS[index], &values);
        let all = email.html_body() + &email.plain_text() + &email.preheader() + email.subject();
        prop_assert!(!all.contains("ZZZ"));
    }

    #[test]
    fn any_template_is_rendered(content in VALUE) {
        let values = Personalisation::default();
        let email = EmailTemplate::new(&content, &content, &values);
        let email = email.with_unsubscribe_link(Some("https://e.com/u"));
        prop_assert!(email.html_body().contains("Unsubscribe from these emails"));
        prop_assert!(email.plain_text().ends_with('\n'));
        prop_assert!(email.preheader().chars().count() <= 256);
    }
}
