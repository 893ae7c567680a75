//! Text messages and emails of any content with any values.
#![no_main]

use content::{Personalisation, email::{EmailTemplate, Layout}, sms::SmsTemplate};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|input: (&str, &str)| {
    let (content, value) = input;
    let values = Personalisation::from_iter([("a", json!(value)), ("b", json!([value, "x"]))]);
    let sms = SmsTemplate::new(content, Some("Service"), &values);
    assert!(sms.fragments() >= 1);
    let email = EmailTemplate::new(content, content, &values);
    let html = email.document(&Layout::default());
    assert!(!html.contains("<script"));
    let _ = email.plain_text();
});
