//! Text messages as web pages show them.

use crate::{
    Personalisation,
    autolink::autolink,
    fill::{Fill, Form, Lists, Missing, fill},
    html,
    sms::tidy_lines,
    to_gsm,
    whitespace::{close_up_punctuation, trim},
};

/// The class of links.
const LINK_CLASS: &str = "govuk-link govuk-link--no-visited-state";

/// A text message and how it is shown.
#[derive(Clone, Copy)]
pub struct SmsPreview<'a> {
    /// The text of its template.
    pub content: &'a str,
    /// The service's name, when it stands before the message.
    pub prefix: Option<&'a str>,
    /// What its placeholders are filled with; the recipient is the value for `phone number`.
    pub values: &'a Personalisation,
    /// Hides which placeholders have no value.
    pub redact_missing: bool,
    /// Shows characters as they are sent.
    pub downgrade: bool,
    /// Who it is from, if that is shown.
    pub sender: Option<&'a str>,
    /// Whether it is shown who it is to.
    pub show_recipient: bool,
}

impl<'a> SmsPreview<'a> {
    /// A preview of the message alone.
    #[must_use]
    pub fn new(content: &'a str, values: &'a Personalisation) -> Self {
        Self {
            content,
            prefix: None,
            values,
            redact_missing: false,
            downgrade: true,
            sender: None,
            show_recipient: false,
        }
    }

    /// The whole as HTML.
    #[must_use]
    pub fn html(&self) -> String {
        let mut out = String::new();
        if let Some(sender) = self.sender {
            let sender = html::escape(sender);
            out.extend(["<p class=\"sms-message-sender\">\nFrom: ", &sender, "\n</p>\n"]);
        }
        if self.show_recipient {
            let recipient = self.fill("((phone number))", Form::Name);
            out.extend(["<p class=\"sms-message-recipient\">\nTo: ", &recipient, "\n</p>\n"]);
        }
        out.extend([
            "<div class=\"sms-message-wrapper\" dir=\"auto\">\n",
            &self.message(),
            "\n</div>",
        ]);
        out
    }

    /// The message, on as many lines as it has, with links.
    fn message(&self) -> String {
        let filled = self.fill(self.content, self.form());
        let prefix = html::escape(self.prefix.unwrap_or_default());
        let text = match &*prefix {
            "" => filled,
            prefix => format!("{}: {filled}", trim(prefix)),
        };
        let text = close_up_punctuation(&text);
        let text = if self.downgrade { to_gsm(&text) } else { text };
        let text = tidy_lines(&text);
        autolink(&text.replace(['\n', '\r'], "<br>"), LINK_CLASS)
    }

    /// The message alone, without links, and never telling which placeholders have no value.
    #[must_use]
    pub fn body(&self) -> String {
        let filled = self.fill(self.content, Form::Redacted);
        tidy_lines(&to_gsm(&close_up_punctuation(&filled)))
    }

    fn form(&self) -> Form {
        if self.redact_missing { Form::Redacted } else { Form::Brackets }
    }

    fn fill(&self, text: &str, form: Form) -> String {
        let how = Fill { escape: true, lists: Lists::Inline, missing: Missing::Html(form) };
        fill(text, self.values, how).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_of_strangers_is_markup() {
        let values =
            Personalisation::from_iter([("phone number", json!("<b>")), ("x", json!("<i>"))]);
        let mut preview = SmsPreview::new("((x)) <u> ((y))", &values);
        preview.sender = Some("<s>");
        preview.show_recipient = true;
        preview.prefix = Some("<p>");
        let html = preview.html();
        for tag in ["<b>", "<i>", "<u>", "<s>", "<p>:"] {
            assert!(!html.contains(tag), "{html}");
        }
        assert!(html.contains("From: &lt;s&gt;") && html.contains("To: &lt;b&gt;"));
    }

    #[test]
    fn punctuation_is_closed_up_before_characters_are_replaced() {
        let values = Personalisation::default();
        assert_eq!(SmsPreview::new("a , b …", &values).body(), "a, b ...");
    }
}
