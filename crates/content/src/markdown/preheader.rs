//! The words that a list of messages shows after the subject of an email.

use super::{Link, PlainText, Renderer, render::paragraph};

/// Renders the body of an email for its preheader: like [`PlainText`], but with headings as
/// paragraphs, and without dividers and where links lead.
#[derive(Clone, Copy, Debug)]
pub struct Preheader;

impl Renderer for Preheader {
    const LINE_BREAK: &str = PlainText::LINE_BREAK;

    fn heading(&self, out: &mut String, _level: usize, text: &str) {
        paragraph(self, out, text);
    }

    fn paragraph(&self, out: &mut String, text: &str) {
        PlainText.paragraph(out, text);
    }

    fn divider(&self, _out: &mut String) {}

    fn list(&self, out: &mut String, is_ordered: bool, items: &[String]) {
        PlainText.list(out, is_ordered, items);
    }

    fn inset(&self, out: &mut String, body: &str) {
        PlainText.inset(out, body);
    }

    fn link(&self, out: &mut String, link: Link<'_>, text: &str) {
        out.push_str(text);
        if let Some(title) = link.title.filter(|title| !title.is_empty()) {
            out.extend([" (", title, ")"]);
        }
    }

    fn url(&self, out: &mut String, url: &str) {
        PlainText.url(out, url);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::markdown::render;

    #[test]
    fn only_words_are_left() {
        let source = "# a\n\n---\n\n[b](c \"d\") https://e.com\n\n* f\n\n^ g";
        assert_eq!(render(source, &Preheader), "\n\na\n\nb (d) https://e.com\n\n• f\n\ng");
    }
}
