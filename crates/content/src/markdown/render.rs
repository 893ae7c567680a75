//! Going through a document and telling a renderer what is in it.

use std::collections::HashMap;

use super::{
    Renderer,
    blocks::{Block, ListItem},
    budget::Budget,
    inline::{Piece, Pieces},
    references::References,
};
use crate::whitespace::trim;

/// How many links may be in the text of each other.
const DEEPEST_LINK: usize = 32;

/// A document on its way to its output.
pub(super) struct Rendering<'a, R> {
    renderer: &'a R,
    references: &'a References,
    budget: &'a Budget,
    /// Footnotes referred to so far, and which of them each is.
    referred: HashMap<String, usize>,
    /// Footnotes, rendered.
    notes: Vec<(&'a str, String)>,
    /// Notes do not refer to notes.
    in_note: bool,
    /// An address in the text of a link is no link of its own.
    in_link: bool,
    link_depth: usize,
}

impl<'a, R: Renderer> Rendering<'a, R> {
    pub(super) fn new(renderer: &'a R, references: &'a References, budget: &'a Budget) -> Self {
        Self {
            renderer,
            references,
            budget,
            referred: HashMap::new(),
            notes: Vec::new(),
            in_note: false,
            in_link: false,
            link_depth: 0,
        }
    }

    /// The whole document, with the footnotes at the end that were referred to.
    pub(super) fn document(mut self, blocks: &'a [Block]) -> String {
        let mut out = self.blocks(blocks);
        let notes = std::mem::take(&mut self.notes);
        let mut notes: Vec<(usize, String)> = notes
            .into_iter()
            .filter_map(|(key, text)| Some((*self.referred.get(key)?, text)))
            .collect();
        notes.sort_by_key(|(number, _)| *number);
        out.extend(notes.into_iter().map(|(_, text)| text));
        out
    }

    fn blocks(&mut self, blocks: &'a [Block]) -> String {
        let mut out = String::new();
        blocks.iter().for_each(|block| self.block(&mut out, block));
        out
    }

    fn block(&mut self, out: &mut String, block: &'a Block) {
        match block {
            Block::Newline => out.push_str(R::LINE_BREAK),
            Block::Divider => self.renderer.divider(out),
            Block::Heading { level, text } => {
                let text = self.inline(text);
                self.renderer.heading(out, *level, &text);
            }
            Block::Paragraph(text) | Block::Text(text) => {
                let text = self.inline(text);
                paragraph(self.renderer, out, &text);
            }
            Block::Verbatim(text) => out.push_str(text),
            Block::Inset(blocks) => {
                let body = self.blocks(blocks);
                self.renderer.inset(out, &body);
            }
            Block::List { is_ordered, items } => {
                let items: Vec<String> = items.iter().map(|item| self.item(item)).collect();
                self.renderer.list(out, *is_ordered, &items);
            }
            Block::Table(cells) => cells.iter().for_each(|cell| {
                self.inline(cell);
            }),
            Block::Note { key, blocks } => {
                self.in_note = true;
                let note = self.blocks(blocks);
                self.in_note = false;
                self.notes.push((key, note));
            }
        }
    }

    fn item(&mut self, item: &'a ListItem) -> String {
        let mut out = String::new();
        for block in &item.blocks {
            match block {
                Block::Text(text) if !item.is_loose => out.push_str(&self.inline(text)),
                other => self.block(&mut out, other),
            }
        }
        trim(&out).to_owned()
    }

    /// The text of a block with what stands inside it.
    fn inline(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 16);
        let mut pieces = Pieces::new(text, self.references, self.budget);
        loop {
            let is_note = |key: &str| {
                !self.in_note && self.references.has_note(key) && !self.referred.contains_key(key)
            };
            let Some(piece) = pieces.next(is_note) else {
                return out;
            };
            match piece {
                Piece::Text(text) => escape(&mut out, text),
                Piece::Verbatim(html) => out.push_str(html),
                Piece::LineBreak => out.push_str(R::LINE_BREAK),
                Piece::Url(url) if self.in_link => escape(&mut out, url),
                Piece::Url(url) | Piece::Bracketed(url) => self.renderer.url(&mut out, url),
                Piece::Nothing => {}
                Piece::Note(key) => {
                    let number = self.referred.len();
                    self.referred.insert(key, number);
                }
                Piece::Link(link, text) => {
                    let text = self.link_text(text);
                    self.renderer.link(&mut out, link, &text);
                }
            }
        }
    }

    /// The text of a link. Links in links are read once more for each link that they are in.
    fn link_text(&mut self, text: &str) -> String {
        if self.link_depth == DEEPEST_LINK || !self.budget.spend(text.len()) {
            let mut out = String::new();
            escape(&mut out, text);
            return out;
        }
        self.in_link = true;
        self.link_depth += 1;
        let text = self.inline(text);
        self.link_depth -= 1;
        self.in_link = false;
        text
    }
}

/// A paragraph, unless it would be blank. Headings of lower levels are paragraphs as well.
pub(crate) fn paragraph<R: Renderer>(renderer: &R, out: &mut String, text: &str) {
    if !trim(text).is_empty() {
        renderer.paragraph(out, text);
    }
}

/// Appends `text` with `<` and `>` escaped, and each `&` that does not start a character reference.
pub(super) fn escape(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>']) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'<' => "&lt;",
            b'>' => "&gt;",
            _ if is_reference(&rest[at + 1..]) => "&",
            _ => "&amp;",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

/// Whether `text` is the rest of something like a character reference after its `&`.
fn is_reference(text: &str) -> bool {
    let name = text.strip_prefix('#').unwrap_or(text);
    let after = name.trim_start_matches(crate::python::is_word);
    after.len() < name.len() && after.starts_with(';')
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::markdown::{Html, PlainText, render};

    #[test]
    fn only_what_is_no_character_reference_is_escaped() {
        let mut out = String::new();
        escape(&mut out, "<&amp;&#39;&a_b;& &x &;>");
        assert_eq!(out, "&lt;&amp;&#39;&a_b;&amp; &amp;x &amp;;&gt;");
    }

    #[test]
    fn addresses_in_links_are_no_links() {
        assert_eq!(
            render("[https://a.com [b](c) https://d.com](e)", &PlainText),
            "\n\nhttps://a.com b: c https://d.com: e"
        );
        assert_eq!(render("[https://a.com](e)", &Html).matches("<a ").count(), 1);
    }

    #[test]
    fn items_are_bare_unless_loose() {
        assert_eq!(render("* a\n\n* b\n* c", &PlainText), "\n\n• a\n• b\n• c");
        assert_eq!(render("* a\n\n  b", &PlainText), "\n\n• a\n\n\n b");
    }
}
