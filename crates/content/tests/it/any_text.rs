//! Nothing panics, and what is promised of every result holds, whatever the text.

use content::{
    Personalisation,
    email::{EmailTemplate, Layout},
    html,
    letter::LetterTemplate,
    links::links,
    placeholders, python_repr, recipient,
    sanitise::sanitise,
    sms::SmsTemplate,
    sms_preview::SmsPreview,
};
use proptest::prelude::*;
use serde_json::json;

/// Text made of what templates, addresses and Markdown are made of, and any other text.
const TEXT: &str = r##"([()?a-c\-_@.:/<&;#'"\\ ,\n\r\t\u{a0}\u{200b}\u{2028}ŵ€é😀]|http://|&lt;|\(\(a\)\)|\PC){0,60}"##;

proptest! {
    #[test]
    fn sms_is_rendered_and_counted(content in TEXT, prefix in TEXT, value in TEXT) {
        let values = Personalisation::from_iter([("a", json!(value)), ("b", json!([value, null]))]);
        let template = SmsTemplate::new(&content, Some(&prefix), &values);
        let units = template.message().encode_utf16().count();
        prop_assert_eq!(template.message_character_count(), units);
        prop_assert!(template.character_count() <= units);
        prop_assert!(template.fragments() >= 1);
        prop_assert!(template.fragments() * 160 >= units);
        let body = template.body();
        let without_prefix = SmsTemplate::new(&content, None, &values);
        prop_assert_eq!(without_prefix.message(), body);
    }

    #[test]
    fn email_is_rendered(subject in TEXT, content in TEXT, value in TEXT) {
        let values = Personalisation::from_iter([("a", json!(value)), ("b", json!([value, null]))]);
        let email = EmailTemplate::new(&subject, &content, &values);
        prop_assert!(!email.subject().contains(['\n', '\r']));
        prop_assert!(email.document(&Layout::default()).contains(&email.html_body()));
        email.plain_text();
    }

    #[test]
    fn nothing_of_a_brand_is_markup(
        text in TEXT, colour in TEXT, alternative in TEXT,
        brand_banner: bool, has_text: bool, has_logo: bool,
    ) {
        let values = Personalisation::default();
        let email = EmailTemplate::new("a", "b", &values);
        let marks = |text: &str, colour: &str, alternative: &str| {
            let text = format!("x{text}");
            // Quotes are only of harm in attributes, and this is in none.
            let brand_text = text.replace('"', "");
            let layout = Layout {
                brand_text: has_text.then_some(&brand_text),
                brand_logo: has_logo.then_some(&text),
                brand_colour: Some(colour),
                brand_alt_text: Some(alternative),
                brand_banner,
                ..Layout::default()
            };
            email.document(&layout).replace(|c| !"<>\"".contains(c), "")
        };
        prop_assert_eq!(marks(&text, &colour, &alternative), marks("", "", ""));
    }

    #[test]
    fn letters_hold_only_their_own_tags(content in TEXT, value in TEXT, contact_block in TEXT) {
        let values = Personalisation::from_iter([("a", json!(value)), ("b", json!([value, null]))]);
        let letter = LetterTemplate {
            subject: &content,
            content: &format!("{content}\n\nqr: ((a)) ((b))\n\n((a))"),
            contact_block: &contact_block,
            ..LetterTemplate::default()
        };
        for tag in tags(&letter.html_body(&values, |_| String::new())) {
            prop_assert!(OF_LETTERS.contains(&tag) || is_placeholder(tag), "{}", tag);
        }
        prop_assert!(tags(&letter.html_subject(&values)).all(is_placeholder));
        let lines = letter.html_contact_block(&values);
        prop_assert!(tags(&lines).all(|tag| tag == "br" || is_placeholder(tag)));
        let _ = letter.check_qr_codes(&values);

        let lines = ["address_line_1", "address_line_2", "postcode"];
        let address = lines.map(|line| (line, json!(value))).into_iter().collect();
        prop_assert!(letter.html_address(&address).iter().all(|line| tags(line).all(is_placeholder)));
    }

    #[test]
    fn previews_hold_only_their_own_tags(content in TEXT, value in TEXT, prefix in TEXT) {
        let values = Personalisation::from_iter([("a", json!(value)), ("phone number", json!(value))]);
        let mut preview = SmsPreview::new(&content, &values);
        preview.prefix = Some(&prefix);
        preview.sender = Some(&value);
        preview.show_recipient = true;
        for tag in tags(&preview.html()) {
            let is_link = tag.starts_with(LINK) && tag.matches('"').count() == 4;
            prop_assert!(OF_PREVIEWS.contains(&tag) || is_link || is_placeholder(tag), "{}", tag);
        }
        prop_assert!(tags(&preview.body()).all(is_placeholder));
    }

    #[test]
    fn what_was_escaped_stays_so(text in TEXT) {
        let escaped = html::escape(&text);
        prop_assert!(!escaped.contains(['<', '>']));
        prop_assert_eq!(html::escape(&escaped), escaped.clone());
    }

    #[test]
    fn links_are_apart_and_in_order(text in TEXT) {
        let mut end = 0;
        for link in links(&text) {
            prop_assert!(end <= link.start && link.start < link.end);
            end = link.end;
        }
        sanitise(&text);
    }

    #[test]
    fn other_text_is_read(text in TEXT) {
        placeholders(&text);
        recipient::normalise(&text);
        python_repr(&json!([text]));
    }
}

/// The tags of the body of a letter, hyphens as they are printed.
const OF_LETTERS: [&str; 19] = [
    "p",
    "/p",
    "h2",
    "/h2",
    "br",
    "ul",
    "/ul",
    "ol",
    "/ol",
    "li",
    "/li",
    "strong data\u{2011}original\u{2011}protocol='http://'",
    "strong data\u{2011}original\u{2011}protocol='https://'",
    "/strong",
    "div class=\"page\u{2011}break\"",
    "div class='qrcode'",
    "div class='qrcode-placeholder'",
    "div class='qrcode-placeholder-border'",
    "/div",
];

/// The tags of a preview of a text message, but for links.
const OF_PREVIEWS: [&str; 7] = [
    "p class=\"sms-message-sender\"",
    "p class=\"sms-message-recipient\"",
    "/p",
    "div class=\"sms-message-wrapper\" dir=\"auto\"",
    "/div",
    "br",
    "/a",
];

/// How the tag of a link in such a preview starts.
const LINK: &str = "a class=\"govuk-link govuk-link--no-visited-state\" href=\"";

/// What is between angle brackets, to the end of the text where one is not closed.
fn tags(html: &str) -> impl Iterator<Item = &str> {
    html.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or(rest))
}

fn is_placeholder(tag: &str) -> bool {
    let class = tag.replace('\u{2011}', "-");
    matches!(
        &*class,
        "/span"
            | "span class='placeholder'"
            | "span class='placeholder-no-brackets'"
            | "span class='placeholder-conditional'"
            | "span class='placeholder-redacted'"
            | "span class='qrcode-placeholder-content-background'"
            | "div class='qrcode-placeholder-content'"
    )
}
