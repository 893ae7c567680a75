//! The HTML document of an email: its body between banners and logos.
//!
//! Mail programs know tables and inline styles, and little else. Source: content contract §8.7.

use super::EmailTemplate;
use crate::html;

const GOVUK_BLUE: &str = "#1d70b8";
const BANNER_DEFAULT: &str = "#0b0c0c";
const FONT: &str = "font-family:Helvetica,Arial,sans-serif";

/// What is around the body.
#[derive(Clone, Copy, Debug)]
pub struct Layout<'a> {
    /// Where the pictures of the platform are.
    pub static_url: &'a str,
    /// Whether there is a GOV.UK banner.
    pub govuk_banner: bool,
    /// A whole document; else only what is in its body.
    pub complete_html: bool,
    /// The address of an organisation's logo.
    pub brand_logo: Option<&'a str>,
    /// What stands beside the logo, or in the banner.
    pub brand_text: Option<&'a str>,
    /// The organisation's colour, such as `#ff0000`.
    pub brand_colour: Option<&'a str>,
    /// Whether logo and text are in a banner of that colour.
    pub brand_banner: bool,
    /// What the logo says, where no text does.
    pub brand_alt_text: Option<&'a str>,
}

impl Default for Layout<'_> {
    fn default() -> Self {
        Self {
            static_url: "https://static.notifications.service.gov.uk",
            govuk_banner: true,
            complete_html: true,
            brand_logo: None,
            brand_text: None,
            brand_colour: None,
            brand_banner: false,
            brand_alt_text: None,
        }
    }
}

impl Layout<'_> {
    /// Without what is empty, which is as good as not there, and without a colour that is none: it
    /// could say more in a style than its colour.
    fn sound(self) -> Self {
        let given = |text: &&str| !text.is_empty();
        let is_of_colour = |c: char| c.is_ascii_alphanumeric() || "#(), .%".contains(c);
        Self {
            brand_logo: self.brand_logo.filter(given),
            brand_text: self.brand_text.filter(given),
            brand_colour: self
                .brand_colour
                .filter(|colour| given(colour) && colour.chars().all(is_of_colour)),
            ..self
        }
    }
}

impl EmailTemplate<'_> {
    /// The body as an HTML document of this layout.
    #[must_use]
    pub fn document(&self, layout: &Layout<'_>) -> String {
        let layout = &layout.sound();
        let mut out = String::new();
        if layout.complete_html {
            out.extend([
                "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
                 <meta name=\"viewport\" content=\"width=device-width\">\n<title>",
                self.html_subject(),
                "</title>\n</head>\n<body style=\"margin:0;color:#0b0c0c\">\n",
            ]);
        }
        out.extend(["<span style=\"display:none;font-size:1px;color:#fff;max-height:0\" hidden>"]);
        out.extend([&self.preheader(), "…</span>\n"]);
        if layout.govuk_banner {
            out.push_str(&govuk_banner(layout));
        }
        if layout.brand_banner {
            out.push_str(&brand_banner(layout));
        } else if layout.brand_logo.is_some() {
            out.push_str(&brand(layout));
        }
        out.extend([
            "<table role=\"presentation\" width=\"100%\" style=\"max-width:580px;margin:0 auto\">\
             <tr><td style=\"padding:10px;",
            FONT,
            "\">\n",
            &self.html_body(),
            "\n</td></tr></table>\n",
        ]);
        if layout.complete_html {
            out.push_str("</body>\n</html>\n");
        }
        out
    }
}

/// The blue bar. Outlook reads a copy of its own: it leaves out what it does not know of the other.
fn govuk_banner(layout: &Layout<'_>) -> String {
    let logo = format!(
        "<a href=\"https://www.gov.uk\" title=\"Go to the GOV.UK homepage\" \
         style=\"text-decoration:none\"><img src=\"{}/images/govuk-logotype-tudor-crown.png\" \
         alt=\"\" height=\"32\" border=\"0\" aria-hidden=\"true\"></a>",
        attribute(layout.static_url)
    );
    let bar = format!("bgcolor=\"{GOVUK_BLUE}\" width=\"100%\" cellpadding=\"10\"");
    format!(
        "<!--[if mso]><table role=\"presentation\" {bar}><tr><td>{logo}</td></tr></table><![endif]-->\n\
         <!--[if !mso]><!-->\n<table class=\"brand__banner\" role=\"presentation\" {bar}>\
         <tr><td>{logo}</td></tr></table>\n<!--<![endif]-->\n"
    )
}

/// A bar in the organisation's colour.
fn brand_banner(layout: &Layout<'_>) -> String {
    let colour = attribute(layout.brand_colour.unwrap_or(BANNER_DEFAULT));
    format!(
        "<table role=\"presentation\" bgcolor=\"{colour}\" width=\"100%\" cellpadding=\"10\">\
         <tr>{}{}</tr></table>\n",
        cell(&logo(layout)),
        cell(&text(layout, "#ffffff")),
    )
}

/// The organisation's logo, and its text beside it.
fn brand(layout: &Layout<'_>) -> String {
    let border = layout
        .brand_colour
        .map_or_else(String::new, |colour| format!("border-left:2px solid {};", attribute(colour)));
    format!(
        "<table role=\"presentation\" width=\"100%\" style=\"max-width:580px;margin:0 auto\"><tr>\
         <td style=\"{border}padding-left:10px\">{}{}</td></tr></table>\n",
        logo(layout),
        text(layout, BANNER_DEFAULT),
    )
}

/// With text beside it a logo is decoration; else it says what its alternative text says.
fn logo(layout: &Layout<'_>) -> String {
    let Some(logo) = layout.brand_logo else { return String::new() };
    let (height, alternative) = match layout.brand_text {
        Some(_) => (27, "alt=\"\" aria-hidden=\"true\"".to_owned()),
        None => (54, format!("alt=\"{}\"", attribute(layout.brand_alt_text.unwrap_or_default()))),
    };
    format!("<img src=\"{}\" {alternative} height=\"{height}\" border=\"0\">", attribute(logo))
}

fn text(layout: &Layout<'_>, colour: &str) -> String {
    layout.brand_text.map_or_else(String::new, |text| {
        format!(
            "<span class=\"brand__text\" style=\"{FONT};font-size:15px;color:{colour}\">{}</span>",
            html::escape(text)
        )
    })
}

fn cell(content: &str) -> String {
    if content.is_empty() { String::new() } else { format!("<td>{content}</td>") }
}

/// Text as the value of an attribute.
fn attribute(text: &str) -> String {
    html::escape(text).replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Personalisation;

    #[test]
    fn what_is_empty_is_not_there() {
        let values = Personalisation::default();
        let email = EmailTemplate::new("s", "a", &values);
        let plain = Layout { govuk_banner: false, ..Layout::default() };
        let empty = Layout {
            brand_logo: Some(""),
            brand_text: Some(""),
            brand_colour: Some(""),
            brand_alt_text: Some(""),
            ..plain
        };
        assert_eq!(email.document(&empty), email.document(&plain));
        let banner = Layout { brand_banner: true, ..empty };
        assert!(email.document(&banner).contains("bgcolor=\"#0b0c0c\""));
    }

    #[test]
    fn a_colour_is_no_other_style() {
        let values = Personalisation::default();
        let brand_colour = Some("red;background:url(//e.com)");
        let layout = Layout { brand_logo: Some("a"), brand_colour, ..Layout::default() };
        let html = EmailTemplate::new("s", "a", &values).document(&layout);
        assert!(!html.contains("e.com") && !html.contains("border-left"));
    }

    #[test]
    fn nothing_of_a_brand_is_markup() {
        let values = Personalisation::default();
        let email = EmailTemplate::new("<t>", "a", &values);
        let evil = "\"><script>";
        let mut layout = Layout {
            brand_logo: Some(evil),
            brand_colour: Some(evil),
            brand_alt_text: Some(evil),
            static_url: evil,
            ..Layout::default()
        };
        for brand_banner in [false, true] {
            for brand_text in [None, Some(evil)] {
                layout.brand_banner = brand_banner;
                layout.brand_text = brand_text;
                let html = email.document(&layout);
                assert!(!html.contains("<script") && !html.contains("=\"\">"), "{html}");
                assert!(html.contains("<title>&lt;t&gt;</title>"));
            }
        }
    }
}
