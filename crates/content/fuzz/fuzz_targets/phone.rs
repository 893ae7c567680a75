//! Phone numbers and email addresses: what is read is written the same way each time.
#![no_main]

use content::{email_address::EmailAddress, phone::PhoneNumber, recipient};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // What passes for a number of television (7700…) need not be a number at all.
    if let Ok(number) = PhoneNumber::recognise(text)
        && !number.normalised().contains("7700")
    {
        let again = PhoneNumber::recognise(&format!("+{}", number.normalised()));
        assert!(again.is_ok_and(|again| again.normalised() == number.normalised()));
    }
    if let Ok(address) = EmailAddress::parse(text) {
        assert!(EmailAddress::parse(address.as_str()).is_ok());
    }
    assert!(recipient::is_allowed(text, [text]));
});
