//! The Markdown that people write messages in.
//!
//! It is the dialect of an engine of 2018 that worked by regular expressions, with changes of its
//! own: `^` marks inset text, bullets need no space after them, every line break counts, and there
//! is no emphasis. Its oddities are kept, because clients compare what they are sent.
//!
//! A text is first split into blocks, each of which holds plain text; then a
//! [`Renderer`] is told of each block and of what stands inside its text, in order.
//!
//! Text may come from strangers. No rule backtracks, nesting is limited, and whatever makes the
//! same stretch of text be read again and again is paid for from a `Budget`.

mod blocks;
mod budget;
mod definitions;
mod fences;
mod html;
mod inline;
mod leaves;
mod letter;
mod lines;
mod links;
mod lists;
mod plain_text;
mod preheader;
mod references;
mod render;
mod tables;
mod tags;

pub use html::Html;
pub use letter::Letter;
pub use plain_text::PlainText;
pub use preheader::Preheader;

use std::borrow::Cow;

use budget::Budget;
use render::Rendering;
pub(crate) use render::paragraph;

/// A place to go to, as an author wrote it: unchecked, and escaped only if the source was.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// Where the link leads.
    pub target: &'a str,
    /// What is shown when a pointer rests on it.
    pub title: Option<&'a str>,
}

impl<'a> Link<'a> {
    /// The target with the angle brackets that belong to it: they were taken for brackets around
    /// it when it is a placeholder without a value.
    fn whole_target(&self) -> Cow<'a, str> {
        let is_placeholder =
            self.target.starts_with("span class='placeholder") && self.target.ends_with("</span");
        if is_placeholder { format!("<{}>", self.target).into() } else { self.target.into() }
    }
}

/// What each element of a text looks like in one kind of output.
///
/// Every method appends to `out`. Text and bodies that are passed in are rendered already.
pub trait Renderer {
    /// A line break inside a paragraph, and what stands for blank lines between blocks.
    const LINE_BREAK: &str;

    /// A heading of level 1 to 6.
    fn heading(&self, out: &mut String, level: usize, text: &str);

    /// A paragraph that is not blank.
    fn paragraph(&self, out: &mut String, text: &str);

    /// A line between two parts.
    fn divider(&self, out: &mut String);

    /// A list of items, each trimmed.
    fn list(&self, out: &mut String, is_ordered: bool, items: &[String]);

    /// Text set apart from what is around it.
    fn inset(&self, out: &mut String, body: &str);

    /// A link with text of its own, which may be empty.
    fn link(&self, out: &mut String, link: Link<'_>, text: &str);

    /// An address that is a link by itself.
    fn url(&self, out: &mut String, url: &str);
}

/// `source` as `renderer` writes it. Takes time linear in the length of `source`.
///
/// HTML in `source` is passed on as it is: what must not be HTML has to be escaped before.
pub fn render(source: &str, renderer: &impl Renderer) -> String {
    let source = prepare(source);
    let budget = Budget::for_text(source.len());
    let (blocks, references) = blocks::parse(&source, &budget);
    Rendering::new(renderer, &references, &budget).document(&blocks)
}

/// Line endings as `\n`, tabs as spaces up to the next multiple of four, and nothing on lines that
/// hold only spaces.
fn prepare(source: &str) -> Cow<'_, str> {
    let is_plain = |line: &str| !line.contains(['\r', '\t', '\u{2424}']) && !is_blank(line);
    if source.split('\n').all(|line| line.is_empty() || is_plain(line)) {
        return Cow::Borrowed(source);
    }
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    let mut out = String::with_capacity(source.len() + 16);
    for line in source.split_inclusive('\n') {
        push_expanded(&mut out, line);
    }
    let lines: Vec<&str> = out.split(['\n', '\u{2424}']).collect();
    let lines = lines.iter().map(|line| if is_blank(line) { "" } else { *line });
    Cow::Owned(lines.collect::<Vec<_>>().join("\n"))
}

fn is_blank(line: &str) -> bool {
    line.bytes().all(|byte| byte == b' ')
}

fn push_expanded(out: &mut String, line: &str) {
    let mut column = 0;
    for c in line.chars() {
        if c == '\t' {
            let width = 4 - column % 4;
            out.extend(std::iter::repeat_n(' ', width));
            column += width;
        } else {
            out.push(c);
            column += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_tabs_and_blank_lines_are_evened_out() {
        for (source, expected) in [
            ("a\r\nb\rc\u{2424}d", "a\nb\nc\nd"),
            ("a\tb\n\té\t|", "a   b\n    é   |"),
            ("a\n   \n b \n ", "a\n\n b \n"),
        ] {
            assert_eq!(prepare(source), expected);
        }
        assert!(matches!(prepare("a\n\n b"), Cow::Borrowed(_)));
    }

    #[test]
    fn notes_come_last_in_the_order_they_are_referred_to() {
        let source = "[^b]: two\n[^a]: one [^b]\n[^c]: none\n[^a]: again\n\nx[^a] y[^B] [^a] [^d]\n\n|z|\n|-|\n";
        assert_eq!(render(source, &PlainText), "\n\nx y [^a] [^d]\n\n|z|\n|-|\n\none [^b]\n\ntwo");
    }

    #[test]
    fn nesting_has_an_end() {
        let lists: String = (0..9).map(|depth| "  ".repeat(depth) + "* x\n").collect();
        assert_eq!(render(&lists, &Letter).matches("<ul>").count(), 7);
        assert_eq!(render(&"^ ".repeat(9), &Html).matches("<blockquote").count(), 7);
        let links = "[".repeat(99) + "x" + &"](u)".repeat(99);
        assert_eq!(render(&links, &PlainText).matches(": u").count(), 33);
    }
}
