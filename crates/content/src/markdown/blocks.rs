//! Splitting a text into blocks.

use super::{
    budget::Budget,
    definitions,
    fences::fence,
    leaves::{self, Heading},
    lines::{first_line, indent, newlines_end},
    lists::{List, list},
    references::{References, key},
    tables, tags,
};
use crate::whitespace::is_space;

/// How many lists may be in each other; as many again of insets.
const DEEPEST: usize = 6;

/// A block. Text in it is still to be searched for links and the like.
#[derive(Debug, PartialEq)]
pub(super) enum Block {
    /// Blank lines.
    Newline,
    Divider,
    Heading {
        level: usize,
        text: String,
    },
    Paragraph(String),
    /// Lines of an item, or what is nested too deep to be read.
    Text(String),
    /// Code or HTML, passed on as it is.
    Verbatim(String),
    Inset(Vec<Block>),
    List {
        is_ordered: bool,
        items: Vec<ListItem>,
    },
    /// Cells, whatever row they are in.
    Table(Vec<String>),
    /// A footnote with its key, shown at the end.
    Note {
        key: String,
        blocks: Vec<Block>,
    },
}

/// An item of a list.
#[derive(Debug, PartialEq)]
pub(super) struct ListItem {
    /// Whether its text is in paragraphs.
    pub(super) is_loose: bool,
    pub(super) blocks: Vec<Block>,
}

/// Where blocks are: not every rule holds everywhere.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Document,
    Note,
    Item,
}

/// The blocks of a document and what is defined in it.
pub(super) fn parse(text: &str, budget: &Budget) -> (Vec<Block>, References) {
    let references = References::default();
    let mut parser = Parser { budget, references, list_depth: 0, inset_depth: 0 };
    let blocks = parser.blocks(text, Place::Document);
    (blocks, parser.references)
}

struct Parser<'a> {
    budget: &'a Budget,
    references: References,
    list_depth: usize,
    inset_depth: usize,
}

impl Parser<'_> {
    fn blocks(&mut self, text: &str, place: Place) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut rest = text.trim_end_matches('\n');
        let blank = rest.len() - rest.trim_end_matches(is_space).len();
        while !rest.is_empty() {
            let end = self.block(&mut blocks, rest, blank.min(rest.len()), place);
            rest = &rest[end..];
        }
        blocks
    }

    /// Adds the block that `text` starts with, and tells where it ends; `blank` bytes of space are
    /// at the end of `text`.
    fn block(&mut self, blocks: &mut Vec<Block>, text: &str, blank: usize, place: Place) -> usize {
        let newlines = newlines_end(text, 0);
        if newlines > 0 {
            blocks.extend((newlines > 1).then_some(Block::Newline));
            return newlines;
        }
        let found = self.leaf(text, place).or_else(|| self.container(text, blank));
        if let Some((block, end)) = found {
            blocks.push(block);
            return end;
        }
        if place == Place::Document
            && let Some(end) = self.definition(blocks, text)
        {
            return end;
        }
        if place == Place::Item {
            let line = first_line(text);
            match blocks.last_mut() {
                Some(Block::Text(lines)) => lines.extend(["\n", line]),
                _ => blocks.push(Block::Text(line.to_owned())),
            }
            return line.len();
        }
        if let Some((cells, end)) = tables::edged(text) {
            blocks.push(Block::Table(cells));
            return end;
        }
        let end = leaves::paragraph_end(text, self.budget);
        blocks.push(Block::Paragraph(text[..end].to_owned()));
        newlines_end(text, end)
    }

    /// The block without blocks of its own that `text` starts with, and where it ends.
    fn leaf(&self, text: &str, place: Place) -> Option<(Block, usize)> {
        let divider = || leaves::divider(text).map(|end| (Block::Divider, end));
        let heading = |Heading { level, text, end }: Heading<'_>| {
            (Block::Heading { level, text: text.to_owned() }, end)
        };
        if place == Place::Document
            && let Some(divider) = divider()
        {
            return Some(divider);
        }
        if let Some((code, end)) = leaves::indented_code(text) {
            return Some((Block::Verbatim(code), end));
        }
        if let Some(fence) = fence(text, self.budget) {
            return Some((Block::Verbatim(fence.code.to_owned()), fence.end));
        }
        if place != Place::Item {
            let marked = leaves::heading(text).map(heading);
            let table = || tables::open(text).map(|(cells, end)| (Block::Table(cells), end));
            if let Some(found) = marked.or_else(table) {
                return Some(found);
            }
        }
        leaves::underlined(text).map(heading).or_else(divider)
    }

    /// The block that `text` starts with and that holds blocks or HTML, and where it ends.
    fn container(&mut self, text: &str, blank: usize) -> Option<(Block, usize)> {
        if let Some(end) = inset_end(text) {
            return Some((self.inset(&text[..end]), end));
        }
        if let Some(list) = list(text, blank, self.budget) {
            let end = list.end;
            return Some((self.list(text, list), end));
        }
        tags::block(text, blank, self.budget)
            .map(|(html, end)| (Block::Verbatim(html.to_owned()), end))
    }

    fn inset(&mut self, text: &str) -> Block {
        if self.inset_depth == DEEPEST {
            return Block::Inset(vec![Block::Text(text.to_owned())]);
        }
        let inside: Vec<&str> = text
            .split('\n')
            .map(|line| match line.trim_start_matches(' ').strip_prefix('^') {
                Some(marked) => marked.strip_prefix(' ').unwrap_or(marked),
                None => line,
            })
            .collect();
        self.inset_depth += 1;
        let blocks = self.blocks(&inside.join("\n"), Place::Document);
        self.inset_depth -= 1;
        Block::Inset(blocks)
    }

    fn list(&mut self, text: &str, list: List) -> Block {
        let is_ordered = list.is_ordered;
        if self.list_depth == DEEPEST {
            let blocks = vec![Block::Text(text[..list.end].to_owned())];
            return Block::List { is_ordered, items: vec![ListItem { is_loose: false, blocks }] };
        }
        self.list_depth += 1;
        let items = list.items(text).into_iter().map(|item| ListItem {
            is_loose: item.is_loose,
            blocks: self.blocks(&item.text, Place::Item),
        });
        let items = items.collect();
        self.list_depth -= 1;
        Block::List { is_ordered, items }
    }

    /// Notes what `text` starts with a definition of, and tells where that ends.
    fn definition(&mut self, blocks: &mut Vec<Block>, text: &str) -> Option<usize> {
        if let Some((label, link, end)) = definitions::link(text, self.budget) {
            self.references.add_link(label, link);
            return Some(end);
        }
        let (label, note, end) = definitions::note(text, self.budget)?;
        let key = key(label);
        // Of several footnotes with one key the first counts.
        if self.references.add_note(&key) {
            let note = self.blocks(&definitions::unindent(note), Place::Note);
            blocks.push(Block::Note { key, blocks: note });
        }
        Some(end)
    }
}

/// Where the inset text ends that `text` starts with. It goes on over blank lines if another
/// marked line follows them.
fn inset_end(text: &str) -> Option<usize> {
    let is_marked = |text: &str| {
        let line = &first_line(text)[indent(text)..];
        line.len() > 1 && line.starts_with('^')
    };
    let mut end = 0;
    while is_marked(&text[end..]) {
        while !text[end..].is_empty() && !text[end..].starts_with('\n') {
            end += first_line(&text[end..]).len();
            end += usize::from(text[end..].starts_with('\n'));
        }
        end = newlines_end(text, end);
    }
    (end > 0).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(text: &str) -> Vec<Block> {
        parse(text, &Budget::for_text(text.len())).0
    }

    fn paragraph(text: &str) -> Block {
        Block::Paragraph(text.to_owned())
    }

    #[test]
    fn blank_lines_count_only_at_the_start_and_in_items() {
        assert_eq!(blocks("\n\na\n\n\nb\n\n"), [Block::Newline, paragraph("a"), paragraph("b")]);
        let text = |text: &str| Block::Text(text.to_owned());
        let item = vec![text("a\nb"), Block::Newline, text("# c")];
        let items = vec![ListItem { is_loose: true, blocks: item }];
        assert_eq!(blocks("* a\nb\n\n # c"), [Block::List { is_ordered: false, items }]);
    }

    #[test]
    fn insets_hold_blocks_and_go_on_to_the_next_marked_line() {
        let inset = Block::Inset(vec![paragraph("a\nb"), Block::Divider, paragraph("c")]);
        assert_eq!(blocks("^ a\nb\n\n ^ ---\n^c\n\nd"), [inset, paragraph("d")]);
        assert_eq!(blocks("^\na"), [paragraph("^\na")]);
    }

    #[test]
    fn definitions_leave_nothing_but_notes() {
        let note = Block::Note { key: "n".to_owned(), blocks: vec![paragraph("a")] };
        assert_eq!(blocks("[r]: u\n[^N]: a\n[^n]: b\nc"), [note, paragraph("c")]);
    }
}
