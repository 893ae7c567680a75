//! HTML for letters, which a style sheet of their own lays out.

use super::{Link, Renderer, render::paragraph};

/// Renders the body of a letter as HTML. Nobody can follow a link on paper: those with text of
/// their own are printed as they were written, others without their scheme.
#[derive(Clone, Copy, Debug)]
pub struct Letter;

impl Renderer for Letter {
    const LINE_BREAK: &str = "<br>";

    fn heading(&self, out: &mut String, level: usize, text: &str) {
        match level {
            1 => out.extend(["<h2>", text, "</h2>\n"]),
            _ => paragraph(self, out, text),
        }
    }

    fn paragraph(&self, out: &mut String, text: &str) {
        out.extend(["<p>", text, "</p>"]);
    }

    /// The next page starts here.
    fn divider(&self, out: &mut String) {
        out.push_str(r#"<div class="page-break">&nbsp;</div>"#);
    }

    fn list(&self, out: &mut String, is_ordered: bool, items: &[String]) {
        let element = if is_ordered { "ol" } else { "ul" };
        out.extend(["<", element, ">\n"]);
        items.iter().for_each(|item| out.extend(["<li>", item, "</li>\n"]));
        out.extend(["</", element, ">\n"]);
    }

    fn inset(&self, out: &mut String, body: &str) {
        out.push_str(body);
    }

    fn link(&self, out: &mut String, link: Link<'_>, text: &str) {
        out.extend(["[", text, "](", &link.whole_target()]);
        if let Some(title) = link.title.filter(|title| !title.is_empty()) {
            out.extend([" \"", title, "\""]);
        }
        out.push(')');
    }

    fn url(&self, out: &mut String, url: &str) {
        let scheme = ["http://", "https://"].into_iter().find(|scheme| url.starts_with(scheme));
        let (scheme, rest) = url.split_at(scheme.map_or(0, str::len));
        out.extend(["<strong data-original-protocol='", scheme, "'>", rest, "</strong>"]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markdown::render;

    #[test]
    fn only_the_scheme_is_left_out() {
        assert_eq!(
            render("https://e.com/?to=http://f.com", &Letter),
            "<p><strong data-original-protocol='https://'>e.com/?to=http://f.com</strong></p>"
        );
    }
}
