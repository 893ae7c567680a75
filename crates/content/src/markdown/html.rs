//! HTML for emails. Styles are inline, because mail programs ignore style sheets.

use super::{Link, Renderer, render::paragraph};
use crate::href::href;

const HEADING_1: &str = "margin:0 0 15px;padding-top:10px;font-size:27px;line-height:35px;font-weight:bold;color:#0b0c0c";
const HEADING_2: &str = "margin:0 0 15px;padding-top:10px;font-size:19px;line-height:25px;font-weight:bold;color:#0b0c0c";
const PARAGRAPH: &str = "margin:0 0 20px;font-size:19px;line-height:25px;color:#0b0c0c";
const DIVIDER: &str = "height:1px;margin:30px 0;border:0;background:#b1b4b6";
const TABLE: &str = "padding-bottom:20px";
const CELL: &str = "font-family:Helvetica,Arial,sans-serif";
const BULLETS: &str = "margin:0 0 0 20px;padding:0;list-style-type:disc";
const NUMBERS: &str = "margin:0 0 0 20px;padding:0;list-style-type:decimal";
const ITEM: &str = "margin:5px 0;padding-left:5px;font-size:19px;line-height:25px;color:#0b0c0c";
const INSET: &str = "margin-bottom:20px";
const QUOTE: &str = "margin:0;padding:15px 0 1px 15px;border-left:10px solid #b1b4b6;\
                     font-size:19px;line-height:25px";
const LINK: &str = "word-wrap:break-word;color:#1d70b8";

/// Renders the body of an email as HTML, without white space between elements.
#[derive(Clone, Copy, Debug)]
pub struct Html;

impl Renderer for Html {
    const LINE_BREAK: &str = "<br>";

    fn heading(&self, out: &mut String, level: usize, text: &str) {
        match level {
            1 => out.extend([r#"<h2 style=""#, HEADING_1, r#"">"#, text, "</h2>"]),
            2 => out.extend([r#"<h3 style=""#, HEADING_2, r#"">"#, text, "</h3>"]),
            _ => paragraph(self, out, text),
        }
    }

    fn paragraph(&self, out: &mut String, text: &str) {
        out.extend([r#"<p style=""#, PARAGRAPH, r#"">"#, text, "</p>"]);
    }

    fn divider(&self, out: &mut String) {
        out.extend([r#"<hr style=""#, DIVIDER, r#"">"#]);
    }

    fn list(&self, out: &mut String, is_ordered: bool, items: &[String]) {
        let (element, style) = if is_ordered { ("ol", NUMBERS) } else { ("ul", BULLETS) };
        out.extend([r#"<table role="presentation" style=""#, TABLE, r#""><tr><td style=""#, CELL]);
        out.extend([r#""><"#, element, r#" style=""#, style, r#"">"#]);
        for item in items {
            out.extend([r#"<li style=""#, ITEM, r#"">"#, item, "</li>"]);
        }
        out.extend(["</", element, "></td></tr></table>"]);
    }

    fn inset(&self, out: &mut String, body: &str) {
        out.extend([r#"<div style=""#, INSET, r#""><blockquote style=""#, QUOTE, r#"">"#]);
        out.extend([body, "</blockquote></div>"]);
    }

    fn link(&self, out: &mut String, link: Link<'_>, text: &str) {
        let target = link.whole_target();
        out.extend([r#"<a style=""#, LINK, r#"" href=""#, &href(&target)]);
        if let Some(title) = link.title.filter(|title| !title.is_empty()) {
            out.extend([r#"" title=""#, &title.replace('"', "&quot;")]);
        }
        out.extend([r#"">"#, if text.is_empty() { &target } else { text }, "</a>"]);
    }

    fn url(&self, out: &mut String, url: &str) {
        self.link(out, Link { target: url, title: None }, url);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::markdown::render;

    #[test]
    fn elements_have_their_style_and_links_are_safe() {
        let heading = format!("<h3 style=\"{HEADING_2}\">a</h3>");
        assert_eq!(render("## a", &Html), heading);
        let link = format!("<p style=\"{PARAGRAPH}\"><a style=\"{LINK}\" href=");
        for (source, expected) in [
            ("[a](b \"c\"d\")", "\"http://b\" title=\"c&quot;d\">a</a></p>"),
            ("[](b)", "\"http://b\">b</a></p>"),
            (
                "[a](<span class='placeholder'>b</span>)",
                "\"http://%3Cspan%20class=%27placeholder%27%3Eb%3C/span%3E\">a</a></p>",
            ),
            ("https://bc", "\"https://bc\">https://bc</a></p>"),
        ] {
            assert_eq!(render(source, &Html), format!("{link}{expected}"), "{source}");
        }
    }

    #[test]
    fn blank_text_is_nothing() {
        assert_eq!(render("\u{a0}\n\n### \u{a0}\n\n![a](b)", &Html), "");
    }
}
