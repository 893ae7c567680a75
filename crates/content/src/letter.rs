//! Letters: what is printed on the page, as HTML.
//!
//! Source: content contract §9.

mod qr;

use std::fmt;

use crate::{
    Personalisation,
    dates::Language,
    fill::{Fill, Form, Lists, Missing, fill},
    html, markdown,
    placeholder::placeholders_of,
    postal_address::{MAX_LINES, MIN_LINES, PostalAddress},
    typography::make_typographic,
    whitespace::{close_up_punctuation, normalise, trim},
};

pub use qr::{MAX_BYTES as MAX_QR_BYTES, QrCodeTooLong, svg as qr_svg};

/// Most pages of a letter: five sheets, printed on both sides.
pub const MAX_PAGES: u32 = 10;

/// The printer's fonts break a line at a hyphen; at this one they do not.
const NON_BREAKING_HYPHEN: &str = "\u{2011}";

/// Whether a letter of so many pages cannot be sent; one whose pages are not counted yet can.
#[must_use]
pub fn is_too_long(pages: Option<u32>) -> bool {
    pages.is_some_and(|pages| pages > MAX_PAGES)
}

/// A template of a letter.
#[derive(Clone, Copy, Default)]
pub struct LetterTemplate<'a> {
    /// Its heading.
    pub subject: &'a str,
    /// Its body.
    pub content: &'a str,
    /// The heading of the Welsh pages.
    pub welsh_subject: &'a str,
    /// The body of the Welsh pages.
    pub welsh_content: &'a str,
    /// The sender's address, a line each.
    pub contact_block: &'a str,
    /// Which of the two bodies is meant.
    pub language: Language,
    /// Hides which placeholders have no value.
    pub redact_missing: bool,
}

impl LetterTemplate<'_> {
    /// Names of its placeholders, each once, in the order that they are shown in.
    #[must_use]
    pub fn placeholders(&self) -> Vec<String> {
        placeholders_of([
            self.contact_block,
            self.welsh_subject,
            self.welsh_content,
            self.subject,
            self.content,
        ])
    }

    /// The heading as HTML.
    #[must_use]
    pub fn html_subject(&self, values: &Personalisation) -> String {
        let subject = match self.language {
            Language::English => self.subject,
            Language::Welsh => self.welsh_subject,
        };
        normalise(&make_typographic(&self.fill(subject, values, Lists::Inline)))
    }

    /// The body as HTML. `draw` makes the picture of a QR code of its data, such as [`qr_svg`].
    pub fn html_body(&self, values: &Personalisation, draw: impl Fn(&str) -> String) -> String {
        let filled = self.fill(self.body(), values, Lists::Markdown) + "\n";
        let html = make_typographic(&markdown::render(&filled, &qr::Drawn(markdown::Letter)));
        qr::draw(&html.replace('-', NON_BREAKING_HYPHEN), draw)
    }

    /// Whether a QR code holds more than can be printed. Without values the template itself is looked
    /// at.
    ///
    /// # Errors
    /// [`QrCodeTooLong`] for the first such code.
    pub fn check_qr_codes(&self, values: &Personalisation) -> Result<(), QrCodeTooLong> {
        if values.is_empty() {
            return qr::check(self.body());
        }
        qr::check(&self.fill(self.body(), values, Lists::Markdown))
    }

    /// The sender's address as HTML.
    #[must_use]
    pub fn html_contact_block(&self, values: &Personalisation) -> String {
        let lines: Vec<&str> = trim(self.contact_block).split('\n').map(trim).collect();
        let filled = self.fill(&lines.join("\n"), values, Lists::Inline);
        close_up_punctuation(&filled).replace('\n', "<br>")
    }

    /// The recipient's address as lines of HTML: as it is printed, or if it cannot be, what is missing
    /// of it.
    #[must_use]
    pub fn html_address(&self, values: &Personalisation) -> Vec<String> {
        let lines = PostalAddress::from_personalisation(values, true).normalised_lines();
        if (MIN_LINES..=MAX_LINES).contains(&lines.len()) {
            return lines.iter().map(|line| html::escape(line).into_owned()).collect();
        }
        // What an address is made of is no secret, so its lines keep their names.
        let how = Fill { escape: true, lists: Lists::Inline, missing: Missing::Html(Form::Name) };
        let last_is_postcode = !values.has("address line 7") && values.get("postcode").is_some();
        (1..=MAX_LINES)
            .map(|line| match line {
                MAX_LINES if last_is_postcode => "((postcode))".to_owned(),
                _ => format!("((address line {line}))"),
            })
            .map(|line| fill(&line, values, how).into_owned())
            .collect()
    }

    fn body(&self) -> &str {
        match self.language {
            Language::English => self.content,
            Language::Welsh => self.welsh_content,
        }
    }

    fn fill(&self, text: &str, values: &Personalisation, lists: Lists) -> String {
        let form = if self.redact_missing { Form::Redacted } else { Form::Brackets };
        let how = Fill { escape: true, lists, missing: Missing::Html(form) };
        fill(text, values, how).into_owned()
    }
}

/// Not the text: a template may be filled already.
impl fmt::Debug for LetterTemplate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LetterTemplate").field("language", &self.language).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_cannot_bring_their_own_html() {
        let values = Personalisation::from_iter([("a", json!("<b>&'"))]);
        let letter = LetterTemplate {
            subject: "((a))",
            content: "((a))\n\nqr: ((a))",
            contact_block: "((a))",
            ..LetterTemplate::default()
        };
        let body = letter.html_body(&values, |data| format!("[{}]", data.len()));
        assert_eq!(body, "<p>&lt;b&gt;&amp;’</p><p><div class='qrcode'>[5]</div></p>");
        assert_eq!(letter.html_contact_block(&values), "&lt;b&gt;&amp;'");
        assert!(!letter.html_subject(&values).contains('<'));
    }

    #[test]
    fn what_is_missing_of_an_address_is_shown_by_name() {
        let letter = LetterTemplate { redact_missing: true, ..LetterTemplate::default() };
        let address = |values: &[(&str, serde_json::Value)]| {
            letter.html_address(&values.iter().map(|(name, value)| (name, value.clone())).collect())
        };
        let lines = address(&[("address_line_1", json!("A & B")), ("post code", json!("<ls1"))]);
        assert_eq!((&*lines[0], &*lines[6]), ("A &amp; B", "&lt;ls1"));
        assert_eq!(lines[1], "<span class='placeholder-no-brackets'>address line 2</span>");
        let lines = address(&[("address line 7", json!(null)), ("postcode", json!("LS1 4AP"))]);
        assert_eq!(lines[6], "<span class='placeholder-no-brackets'>address line 7</span>");
        let whole =
            ["address_line_1", "address_line_2", "postcode"].map(|name| (name, json!("<a")));
        assert_eq!(address(&whole), ["&lt;a"; 3]);
    }

    #[test]
    fn eleven_pages_are_too_many() {
        assert!(!is_too_long(None) && !is_too_long(Some(10)) && is_too_long(Some(11)));
    }
}
