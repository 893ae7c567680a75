//! QR codes in letters: a paragraph `qr: https://example.com` becomes a picture.

use std::{cell::RefCell, fmt, fmt::Write};

use qrcode::{EcLevel, QrCode, render::svg};

use crate::{
    html,
    markdown::{self, Letter, Link, Renderer, paragraph},
    whitespace::is_space,
};

/// Most bytes of data that can be printed.
pub const MAX_BYTES: usize = 504;

/// A code would hold more than can be printed.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("Too much data for QR code (num_bytes={num_bytes}, max_bytes={MAX_BYTES})")]
pub struct QrCodeTooLong {
    /// How much it would hold.
    pub num_bytes: usize,
    /// What it would hold.
    pub data: String,
}

/// Not the data: it may hold what is personal.
impl fmt::Debug for QrCodeTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QrCodeTooLong").field("num_bytes", &self.num_bytes).finish_non_exhaustive()
    }
}

/// A code's picture, without a border. Nothing when the data is more than any code holds.
#[must_use]
pub fn svg(data: &str) -> String {
    QrCode::with_error_correction_level(data, EcLevel::M)
        .map(|code| code.render::<svg::Color<'_>>().quiet_zone(false).build())
        .unwrap_or_default()
}

/// What a paragraph, rendered, says that its code holds: links as they were typed, escaped.
fn data(paragraph: &str) -> Option<String> {
    let rest = paragraph.trim_start_matches(is_space);
    let (mark, rest) = rest.split_at_checked(2)?;
    let rest = rest.trim_start_matches(is_space).strip_prefix(':')?;
    let data = match rest.trim_start_matches(is_space) {
        // Of nothing but space the last is data, since there has to be some.
        "" => &rest[rest.char_indices().next_back()?.0..],
        data => data,
    };
    (mark.eq_ignore_ascii_case("qr") && !data.contains('\n')).then(|| with_schemes(data))
}

/// Web addresses as they were before they were rendered.
fn with_schemes(text: &str) -> String {
    const START: &str = "<strong data-original-protocol='";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(START) {
        out.push_str(before);
        let Some((scheme, after)) = after.split_once("'>") else { break };
        let Some((address, after)) = after.split_once("</strong>") else { break };
        out.extend([scheme, address]);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Whether a code in `source` would hold too much, counted as it is there.
pub(super) fn check(source: &str) -> Result<(), QrCodeTooLong> {
    let counted = Counted(Letter, RefCell::new(None));
    markdown::render(&format!("{source}\n"), &counted);
    counted.1.into_inner().map_or(Ok(()), |data| Err(QrCodeTooLong { num_bytes: data.len(), data }))
}

/// Letters with a mark for each code: as a tag, which no author can write, since what they write is
/// escaped. The data is spelled in hexadecimal: no rule of typography touches it.
pub(super) struct Drawn(pub(super) Letter);

/// The start of a mark.
const MARK: &str = "<qr ";

/// Puts pictures in the place of marks.
pub(super) fn draw(html: &str, picture: impl Fn(&str) -> String) -> String {
    let mut parts = html.split(MARK);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (data, rest) = part.split_once('>').unwrap_or((part, ""));
        let bytes: Option<Vec<u8>> = data
            .as_bytes()
            .chunks(2)
            .map(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())
            .collect();
        let data = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
        if data.contains("<span class='placeholder") {
            out.push_str(&placeholder(&data));
        } else {
            let picture = picture(&html::unescape(&data));
            out.extend(["<div class='qrcode'>", &picture, "</div>"]);
        }
        out.push_str(rest);
    }
    out
}

/// What is shown where the data of a code is not known yet.
fn placeholder(missing: &str) -> String {
    format!(
        "\n<div class='qrcode-placeholder'>\n    <div class='qrcode-placeholder-border'></div>\n    \
         <div class='qrcode-placeholder-content'>\n        \
         <span class='qrcode-placeholder-content-background'>{missing}</span>\n    \
         </div>\n</div>\n"
    )
}

/// Passes on what is not about paragraphs.
macro_rules! as_in_letters {
    () => {
        const LINE_BREAK: &str = Letter::LINE_BREAK;

        fn heading(&self, out: &mut String, level: usize, text: &str) {
            match level {
                1 => self.0.heading(out, level, text),
                _ => paragraph(self, out, text),
            }
        }

        fn divider(&self, out: &mut String) {
            self.0.divider(out);
        }

        fn list(&self, out: &mut String, is_ordered: bool, items: &[String]) {
            self.0.list(out, is_ordered, items);
        }

        fn inset(&self, out: &mut String, body: &str) {
            self.0.inset(out, body);
        }

        fn link(&self, out: &mut String, link: Link<'_>, text: &str) {
            self.0.link(out, link, text);
        }

        fn url(&self, out: &mut String, url: &str) {
            self.0.url(out, url);
        }
    };
}

impl Renderer for Drawn {
    as_in_letters!();

    fn paragraph(&self, out: &mut String, text: &str) {
        let Some(data) = data(text) else { return self.0.paragraph(out, text) };
        out.extend(["<p>", MARK]);
        for byte in data.bytes() {
            // Writing to a string cannot fail.
            let _ = write!(out, "{byte:02X}");
        }
        out.push_str("></p>");
    }
}

/// Letters whose codes are only counted.
struct Counted(Letter, RefCell<Option<String>>);

impl Renderer for Counted {
    as_in_letters!();

    fn paragraph(&self, out: &mut String, text: &str) {
        let too_long = data(text).filter(|data| data.len() > MAX_BYTES);
        let mut first = self.1.borrow_mut();
        *first = first.take().or(too_long);
        drop(first);
        self.0.paragraph(out, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_that_is_wholly_a_code_is_one() {
        assert_eq!(data(" QR : a b").as_deref(), Some("a b"));
        assert_eq!(data("qr:  ").as_deref(), Some(" "));
        for text in ["qr:", "qr: a\nb", "q: a", "see qr: a", "qra", "é: a", ""] {
            assert_eq!(data(text), None, "{text}");
        }
        let link = "qr: <strong data-original-protocol='http://'>e.com</strong> x";
        assert_eq!(data(link).as_deref(), Some("http://e.com x"));
    }

    #[test]
    fn headings_that_are_paragraphs_hold_codes_too() {
        let render = |source| draw(&markdown::render(source, &Drawn(Letter)), str::to_owned);
        assert_eq!(render("# qr: a"), "<h2>qr: a</h2>\n");
        assert_eq!(render("## qr: a"), "<p><div class='qrcode'>a</div></p>");
    }

    #[test]
    fn a_picture_holds_as_much_as_may_be_printed() {
        assert!(svg(&"é".repeat(MAX_BYTES / 2)).contains("<svg"));
        assert_eq!(svg(&"a".repeat(10_000)), "");
        assert!(check(&format!("qr: {}", "a".repeat(504))).is_ok());
        let error = check(&format!("a\n\nqr: {}", "a".repeat(505))).unwrap_err();
        assert_eq!(error.to_string(), "Too much data for QR code (num_bytes=505, max_bytes=504)");
    }
}
