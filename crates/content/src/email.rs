//! Emails: subject and body.

use std::{borrow::Cow, fmt};

use crate::{
    Personalisation,
    fill::{Fill, Form, Lists, Missing, fill},
    html,
    typography::make_typographic,
    whitespace::{normalise, trim},
};

/// Most bytes of a body, in UTF-8.
pub const MAX_BYTES: usize = 2_000_000;

/// A template of an email with its placeholders filled.
pub struct EmailTemplate<'a> {
    content: &'a str,
    values: &'a Personalisation,
    subject: String,
    filled: Cow<'a, str>,
}

impl<'a> EmailTemplate<'a> {
    /// Fills `subject` and `content`. In the body a list of values becomes a Markdown list.
    pub fn new(subject: &str, content: &'a str, values: &'a Personalisation) -> Self {
        let subject = fill(subject, values, how(false, Lists::Inline));
        Self {
            content,
            values,
            subject: normalise(&make_typographic(&subject)),
            filled: fill(content, values, how(false, Lists::Markdown)),
        }
    }

    /// The subject, on one line and with typographic punctuation. Not HTML.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The Markdown of the body, trimmed, as the API shows it.
    pub fn body(&self) -> &str {
        trim(&self.filled)
    }

    /// Size of the body in UTF-8.
    pub fn size_bytes(&self) -> usize {
        self.body().len()
    }

    /// Whether the body is over [`MAX_BYTES`].
    pub fn is_too_long(&self) -> bool {
        self.size_bytes() > MAX_BYTES
    }

    /// Whether the template is nothing but placeholders and they leave nothing to send.
    pub fn is_empty(&self) -> bool {
        is_empty(self.content, self.body())
    }

    /// The body for readers without HTML.
    pub fn plain_text(&self) -> String {
        format!("{}\n", self.body())
    }

    /// The body as an HTML document: a paragraph for each stretch of lines between blank ones.
    pub fn html(&self) -> String {
        let filled = fill(self.content, self.values, how(true, Lists::Markdown));
        let mut out = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{}</title></head>\n<body>\n",
            html::escape(&self.subject)
        );
        let mut is_open = false;
        for line in trim(&filled).lines() {
            out.push_str(match (is_open, trim(line).is_empty()) {
                (false, false) => "<p>",
                (true, false) => "<br>",
                (true, true) => "</p>\n",
                (false, true) => "",
            });
            out.push_str(trim(line));
            is_open = !trim(line).is_empty();
        }
        out.push_str(if is_open { "</p>\n" } else { "" });
        out.push_str("</body>\n</html>\n");
        out
    }
}

/// Not the text: it is personal data.
impl fmt::Debug for EmailTemplate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmailTemplate").finish_non_exhaustive()
    }
}

/// Whether a message whose template is `content` came out as nothing; `body` is what it came to.
/// A template with text of its own around its placeholders never counts as empty.
fn is_empty(content: &str, body: &str) -> bool {
    let is_all_placeholders = content.starts_with("((") && content.ends_with("))");
    content.is_empty() || (is_all_placeholders && body.is_empty())
}

fn how(escape: bool, lists: Lists) -> Fill {
    Fill { escape, lists, missing: Missing::Html(Form::Brackets) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_body_stays_markdown_and_the_subject_becomes_one_line() {
        let values = Personalisation::from_iter([("n", json!("Jo's")), ("l", json!(["a", "b"]))]);
        let email = EmailTemplate::new(
            "Hi ((n))\n \"x\" - y ((l))",
            "\r\n# ((n)) , ok\r\n((l))\n",
            &values,
        );
        assert_eq!(email.subject(), "Hi Jo’s “x” – y a and b");
        assert_eq!(email.body(), "# Jo's , ok\r\n\n\n* a\n* b");
        assert_eq!(email.size_bytes(), email.body().len());
        assert!(!email.is_empty());
    }

    #[test]
    fn values_cannot_bring_their_own_html() {
        let values = Personalisation::from_iter([("n", json!("<b>&"))]);
        let email = EmailTemplate::new("<s>", "a ((n))\nb\n\n\nc", &values);
        let html = email.html();
        assert!(html.contains("<title>&lt;s&gt;</title>"));
        assert!(html.contains("<body>\n<p>a &lt;b&gt;&amp;<br>b</p>\n<p>c</p>\n</body>"));
    }

    #[test]
    fn only_bare_placeholders_can_be_empty() {
        let values = Personalisation::from_iter([("a", json!(" "))]);
        let is_empty = |content| EmailTemplate::new("", content, &values).is_empty();
        assert!(is_empty("((a))") && is_empty("") && is_empty("((a))\n((a))"));
        assert!(!is_empty("((a)).") && !is_empty(" "));
    }

    #[test]
    fn two_megabytes_are_too_long_by_one() {
        let values = Personalisation::default();
        let content = "é".repeat(1_000_000);
        assert!(!EmailTemplate::new("", &content, &values).is_too_long());
        let content = format!("{content}a");
        assert!(EmailTemplate::new("", &content, &values).is_too_long());
    }
}
