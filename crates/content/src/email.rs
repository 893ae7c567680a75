//! Emails: subject and body.

mod document;

use std::{borrow::Cow, fmt};

use crate::{
    Personalisation,
    fill::{Fill, Form, Lists, Missing, fill},
    govuk, html,
    markdown::{self, Html, PlainText, Preheader, Renderer},
    typography::make_typographic,
    whitespace::{is_space, normalise, trim},
};

pub use document::Layout;

/// Most bytes of a body, in UTF-8.
pub const MAX_BYTES: usize = 2_000_000;

/// Characters that mail programs cannot show: a line separator and a blank Korean letter.
const UNSUPPORTED: [char; 2] = ['\u{2028}', '\u{3164}'];

/// Most characters of a preheader.
const PREHEADER_LENGTH: usize = 256;

/// A template of an email with its placeholders filled.
pub struct EmailTemplate<'a> {
    subject_source: &'a str,
    content: &'a str,
    values: &'a Personalisation,
    subject: String,
    html_subject: String,
    filled: Cow<'a, str>,
    unsubscribe_link: Option<&'a str>,
    form: Form,
}

impl<'a> EmailTemplate<'a> {
    /// Fills `subject` and `content`. In the body a list of values becomes a Markdown list.
    pub fn new(subject: &'a str, content: &'a str, values: &'a Personalisation) -> Self {
        Self {
            subject_source: subject,
            content,
            values,
            subject: one_line(subject, values, false, Form::Brackets),
            html_subject: one_line(subject, values, true, Form::Brackets),
            filled: fill(content, values, how(false, Lists::Markdown, Form::Brackets)),
            unsubscribe_link: None,
            form: Form::Brackets,
        }
    }

    /// Ends the body with a link to unsubscribe by, if there is one.
    #[must_use]
    pub fn with_unsubscribe_link(mut self, link: Option<&'a str>) -> Self {
        self.unsubscribe_link = link;
        self
    }

    /// Makes the subject and the HTML tell only that placeholders without a value are there, not
    /// which they are.
    #[must_use]
    pub fn redact_missing(mut self) -> Self {
        self.form = Form::Redacted;
        self.subject = one_line(self.subject_source, self.values, false, self.form);
        self.html_subject = one_line(self.subject_source, self.values, true, self.form);
        self
    }

    /// The subject, on one line and with typographic punctuation. Not HTML.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The subject as HTML.
    pub fn html_subject(&self) -> &str {
        &self.html_subject
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
        may_come_to_nothing(self.content) && self.body().is_empty()
    }

    /// The body for readers without HTML.
    pub fn plain_text(&self) -> String {
        let source = self.source();
        let filled = fill(&source, self.values, how(false, Lists::Markdown, Form::Brackets));
        let text = rendered(&filled, &PlainText);
        format!("{}\n", html::unescape(&text).trim_start_matches(is_space))
    }

    /// The body as HTML, to be put into a document.
    pub fn html_body(&self) -> String {
        let source = self.source();
        rendered(&fill(&source, self.values, how(true, Lists::Markdown, self.form)), &Html)
    }

    /// The first words of the body as HTML: what a list of messages shows after the subject.
    ///
    /// It is cut after 256 characters, even within a character reference.
    pub fn preheader(&self) -> String {
        let how = how(true, Lists::Markdown, Form::Brackets);
        let text = rendered(&fill(self.content, self.values, how), &Preheader);
        let words: Vec<&str> = text.split(is_space).filter(|word| !word.is_empty()).collect();
        let line: String = words.join(" ").chars().take(PREHEADER_LENGTH).collect();
        trim(&line).to_owned()
    }

    /// The template of the body with the link to unsubscribe by.
    fn source(&self) -> Cow<'a, str> {
        match self.unsubscribe_link {
            Some(link) => Cow::Owned(format!(
                "{}\n\n---\n\n[Unsubscribe from these emails]({link})",
                self.content
            )),
            None => Cow::Borrowed(self.content),
        }
    }
}

/// A filled template as `renderer` writes it, with typographic punctuation.
fn rendered(filled: &str, renderer: &impl Renderer) -> String {
    let source = govuk::unlink(filled).replace(UNSUPPORTED, "");
    make_typographic(&markdown::render(&source, renderer))
}

/// A filled subject.
fn one_line(subject: &str, values: &Personalisation, escape: bool, form: Form) -> String {
    let how = how(escape, Lists::Inline, form);
    normalise(&make_typographic(&fill(subject, values, how)))
}

/// Not the text: it is personal data.
impl fmt::Debug for EmailTemplate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmailTemplate").finish_non_exhaustive()
    }
}

/// Whether `content` comes to nothing with these values, found without filling it where it cannot.
pub(crate) fn comes_to_nothing(content: &str, values: &Personalisation) -> bool {
    may_come_to_nothing(content)
        && trim(&fill(content, values, how(false, Lists::Markdown, Form::Brackets))).is_empty()
}

/// A template with text of its own around its placeholders never counts as empty.
fn may_come_to_nothing(content: &str) -> bool {
    content.is_empty() || (content.starts_with("((") && content.ends_with("))"))
}

fn how(escape: bool, lists: Lists, form: Form) -> Fill {
    Fill { escape, lists, missing: Missing::Html(form) }
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
        assert_eq!(email.html_subject(), "&lt;s&gt;");
        assert!(email.html_body().contains("a &lt;b&gt;&amp;<br>b</p><p"));
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
