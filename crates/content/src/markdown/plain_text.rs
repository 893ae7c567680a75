//! Text for mail programs that show no HTML.

use super::{Link, Renderer, render::paragraph};

/// How long the lines under headings and between parts are.
const WIDTH: usize = 65;

/// Renders the body of an email as text. Every element starts with its own line breaks.
#[derive(Clone, Copy, Debug)]
pub struct PlainText;

impl Renderer for PlainText {
    const LINE_BREAK: &str = "\n";

    fn heading(&self, out: &mut String, level: usize, text: &str) {
        let mark = match level {
            1 => "=",
            2 => "-",
            _ => return paragraph(self, out, text),
        };
        out.extend(["\n\n\n", text, "\n", &mark.repeat(WIDTH)]);
    }

    fn paragraph(&self, out: &mut String, text: &str) {
        out.extend(["\n\n", text]);
    }

    fn divider(&self, out: &mut String) {
        self.paragraph(out, &"=-".repeat(WIDTH.div_ceil(2))[..WIDTH]);
    }

    fn list(&self, out: &mut String, is_ordered: bool, items: &[String]) {
        out.push('\n');
        for (index, item) in items.iter().enumerate() {
            match is_ordered {
                true => out.push_str(&format!("\n{}. {item}", index + 1)),
                false => out.extend(["\n• ", item]),
            }
        }
    }

    fn inset(&self, out: &mut String, body: &str) {
        out.push_str(body);
    }

    fn link(&self, out: &mut String, link: Link<'_>, text: &str) {
        out.push_str(text);
        if let Some(title) = link.title.filter(|title| !title.is_empty()) {
            out.extend([" (", title, ")"]);
        }
        out.extend([": ", link.target]);
    }

    fn url(&self, out: &mut String, url: &str) {
        out.push_str(url);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::markdown::render;

    #[test]
    fn lines_are_drawn_under_headings_and_between_parts() {
        let line = |mark: &str| mark.repeat(33)[..WIDTH].to_owned();
        assert_eq!(render("# a", &PlainText), format!("\n\n\na\n{}", line("==")));
        assert_eq!(render("## a", &PlainText), format!("\n\n\na\n{}", line("--")));
        assert_eq!(render("### a\n\n---", &PlainText), format!("\n\na\n\n{}", line("=-")));
    }

    #[test]
    fn every_list_counts_from_one() {
        let source = "5. a\n   * b\n9. [c](d \"e\")\n\n^ f\ng";
        assert_eq!(render(source, &PlainText), "\n\n1. a\n\n• b\n2. c (e): d\n\nf\ng");
    }
}
