//! Nothing panics, and what is promised of every result holds, whatever the text.

use content::{
    Personalisation,
    email::{EmailTemplate, Layout},
    html,
    links::links,
    placeholders, python_repr, recipient,
    sanitise::sanitise,
    sms::SmsTemplate,
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
        email.document(&Layout::default());
        email.plain_text();
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
