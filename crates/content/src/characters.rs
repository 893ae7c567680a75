//! Which characters a text message can carry, and what becomes of the others.

use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

use serde::Deserialize;

/// What stands for a character that nothing better is known for.
const UNKNOWN: &str = "?";

/// How one character travels in a text message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sms {
    /// In the GSM 7-bit basic alphabet: one septet.
    Basic,
    /// In its extension table: two septets.
    Extended,
    /// A Welsh vowel outside GSM 7-bit: carried as it is, but makes the whole message UCS-2.
    Welsh,
    /// Not carried: this text goes instead, which may be empty.
    Replaced(&'static str),
}

static SMS: LazyLock<SmsTable> = LazyLock::new(SmsTable::load);
static ASCII_DOWNGRADES: LazyLock<HashMap<char, &'static str>> = LazyLock::new(|| {
    downgrades(
        serde_json::from_str(include_str!("../data/ascii_downgrades.json"))
            .expect("the file is part of this program"),
    )
});

/// Every text message is looked at character by character, and nearly all of them are ASCII.
struct SmsTable {
    ascii: [Sms; 128],
    others: HashMap<char, Sms>,
}

/// `sms_characters.json`, which says where each list comes from by its name.
#[derive(Deserialize)]
struct SmsCharacters {
    gsm7_basic: Vec<char>,
    gsm7_extended: Vec<char>,
    welsh_ucs2: Vec<char>,
    downgrades: HashMap<String, String>,
}

/// How `c` travels in a text message.
pub(crate) fn sms(c: char) -> Sms {
    match SMS.ascii.get(c as usize) {
        Some(&found) => found,
        None => *SMS.others.get(&c).unwrap_or(&Sms::Replaced(UNKNOWN)),
    }
}

/// `text` in characters that a text message can carry: the GSM 7-bit alphabet with its
/// extension, and the accented vowels of Welsh.
///
/// Accents outside those are dropped, typographic punctuation becomes plain, invisible
/// characters vanish, and anything else is a `?`.
pub fn to_gsm(text: &str) -> Cow<'_, str> {
    let is_plain = |b: u8| b.is_ascii() && !matches!(SMS.ascii[usize::from(b)], Sms::Replaced(_));
    if text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match sms(c) {
            Sms::Replaced(replacement) => out.push_str(replacement),
            Sms::Basic | Sms::Extended | Sms::Welsh => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// `text` in printable ASCII, by the same rules.
pub fn to_ascii(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' '..='~' => out.push(c),
            _ => out.push_str(ASCII_DOWNGRADES.get(&c).unwrap_or(&UNKNOWN)),
        }
    }
    Cow::Owned(out)
}

impl SmsTable {
    fn load() -> Self {
        let file: SmsCharacters = serde_json::from_str(include_str!("../data/sms_characters.json"))
            .expect("the file is part of this program");
        let with = |list: Vec<char>, fate| list.into_iter().map(move |c| (c, fate));
        let others: HashMap<char, Sms> = with(file.gsm7_basic, Sms::Basic)
            .chain(with(file.gsm7_extended, Sms::Extended))
            .chain(with(file.welsh_ucs2, Sms::Welsh))
            .chain(
                downgrades(file.downgrades).into_iter().map(|(c, text)| (c, Sms::Replaced(text))),
            )
            .collect();
        let ascii = std::array::from_fn(|code| {
            let c = char::from(code as u8);
            *others.get(&c).unwrap_or(&Sms::Replaced(UNKNOWN))
        });
        Self { ascii, others }
    }
}

/// Reads `U+00A0`-style keys. Called once per table, whose texts then live as long as the program.
fn downgrades(table: HashMap<String, String>) -> HashMap<char, &'static str> {
    table
        .into_iter()
        .map(|(code, text)| {
            let c = code
                .strip_prefix("U+")
                .and_then(|hex| u32::from_str_radix(hex, 16).ok())
                .and_then(char::from_u32)
                .expect("every key of the file is a code point");
            (c, &*text.leak())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_keeps_what_it_can_carry_and_spells_the_rest() {
        for (text, expected) in [
            ("Ŵyth £5 ^{}€ é", "Ŵyth £5 ^{}€ é"),
            ("fi — fo… ‘x’\t\u{a0}y\u{200b}", "fi - fo... 'x'  y"),
            ("çãő", "cao"),
            ("日本 🎉 `", "?? ? ?"),
            ("\u{1D15E}\u{2F800}", "??"),
        ] {
            assert_eq!(to_gsm(text), expected);
        }
        assert!(matches!(to_gsm("a\n[b]"), Cow::Borrowed(_)));
    }

    #[test]
    fn ascii_is_narrower() {
        assert_eq!(to_ascii("Ŵyth £5 –\u{200b}\n"), "Wyth ?5 -?");
    }

    #[test]
    fn characters_know_their_cost() {
        assert_eq!(sms('a'), Sms::Basic);
        assert_eq!(sms('€'), Sms::Extended);
        assert_eq!(sms('ŵ'), Sms::Welsh);
        assert_eq!(sms('\u{feff}'), Sms::Replaced(""));
    }
}
