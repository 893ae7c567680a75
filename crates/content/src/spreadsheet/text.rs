//! Text files: their encoding, their line endings, and what is between their fields.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::Encoding;

use super::write_record;
use crate::recipients::{Record, Records};

/// What programs write between fields where a comma is the decimal point.
const OTHER_SEPARATORS: [char; 3] = [';', '\t', '|'];

/// `file` as CSV text. Without a `separator` the first line tells what it is.
pub(super) fn to_csv(file: &[u8], separator: Option<u8>) -> String {
    let text = lines(decode(file));
    match separator.unwrap_or_else(|| separator_of(&text)) {
        b',' => text.into_owned(),
        separator => separated(&text, separator),
    }
}

/// The text in whatever encoding it has: what its first bytes say, else UTF-8 if it is that, else the
/// likeliest of those that came before it.
fn decode(file: &[u8]) -> Cow<'_, str> {
    if let Some((encoding, _)) = Encoding::for_bom(file) {
        return encoding.decode(file).0;
    }
    std::str::from_utf8(file).map(Cow::Borrowed).unwrap_or_else(|_| {
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
        detector.feed(file, true);
        detector.guess(None, Utf8Detection::Deny).decode(file).0
    })
}

/// The text with a line feed wherever a line ends.
fn lines(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        text
    }
}

/// What is between the fields of the first line that is not blank. A comma, where there is one: the
/// others can be part of a name.
fn separator_of(text: &str) -> u8 {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if first.contains(',') {
        return b',';
    }
    let found = OTHER_SEPARATORS.iter().find(|separator| first.contains(**separator));
    found.and_then(|separator| u8::try_from(*separator).ok()).unwrap_or(b',')
}

fn separated(text: &str, separator: u8) -> String {
    let mut csv = String::with_capacity(text.len());
    let (mut records, mut record) = (Records::separated_by(separator, text), Record::default());
    // Without carriage returns there is no error.
    while records.read(&mut record).unwrap_or(false) {
        write_record(&mut csv, record.iter());
    }
    csv
}
