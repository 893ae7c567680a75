//! Text messages: what is sent, and what it counts for.

use std::{borrow::Cow, fmt};

use crate::{
    Personalisation,
    characters::{Sms, sms, to_gsm},
    fill::{Fill, Form, Lists, Missing, fill},
    whitespace::{close_up_punctuation, lines, push_normalised, trim},
};

/// Most characters of a message that is accepted, its prefix not counted: six fragments of GSM.
pub const MAX_CHARACTERS: usize = 918;

/// What stands between the prefix and the text of the template.
const SEPARATOR: &str = ": ";

/// A template of a text message with its placeholders filled. Rendered once, on construction.
pub struct SmsTemplate<'a> {
    filled: Cow<'a, str>,
    message: String,
    character_count: usize,
    extended: usize,
    welsh: Vec<char>,
}

/// Room in one network message, in the units its alphabet counts.
struct Capacity {
    /// When it is the only one.
    alone: usize,
    /// When it is one of several, each of which also says which it is.
    of_several: usize,
}

const GSM_7BIT: Capacity = Capacity { alone: 160, of_several: 153 };
const UCS2: Capacity = Capacity { alone: 70, of_several: 67 };

impl<'a> SmsTemplate<'a> {
    /// Fills `content` and, if there is a `prefix` (the service's name, when it prefixes its
    /// messages), puts it in front. Placeholders in the prefix are not filled.
    ///
    /// Without any values every placeholder renders as nothing, so that an unfilled template can
    /// be counted; with some, those that are missing stay as they are written.
    pub fn new(content: &'a str, prefix: Option<&str>, values: &Personalisation) -> Self {
        let missing =
            if values.is_empty() { Missing::Omitted } else { Missing::Text(Form::Brackets) };
        let filled = fill(content, values, Fill { escape: false, lists: Lists::Inline, missing });
        let prefix = prefix.filter(|prefix| !prefix.is_empty());
        let tidied = match prefix {
            Some(prefix) => tidy(&[trim(prefix), SEPARATOR, &filled].concat()),
            None => tidy(&filled),
        };

        // Cost is decided before characters are replaced: an accent that is lost costs nothing.
        let mut extended = 0;
        let mut welsh = Vec::new();
        for c in tidied.chars() {
            match sms(c) {
                Sms::Extended => extended += 1,
                Sms::Welsh if !welsh.contains(&c) => welsh.push(c),
                Sms::Welsh | Sms::Basic | Sms::Replaced(_) => {}
            }
        }
        let message = match to_gsm(&tidied) {
            Cow::Borrowed(_) => tidied,
            Cow::Owned(replaced) => replaced,
        };
        // The prefix is taken off as it was given, untrimmed: published counts have it so.
        let prefix_count = prefix.map_or(0, |prefix| units(&to_gsm(prefix)) + SEPARATOR.len());
        let character_count = units(&message).saturating_sub(prefix_count);
        Self { filled, message, character_count, extended, welsh }
    }

    /// The message without its prefix, which is how the API shows it.
    pub fn body(&self) -> String {
        to_gsm(&tidy(&self.filled)).into_owned()
    }

    /// The whole message as it is sent and billed.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Length in UTF-16 code units, without the prefix. Characters of the GSM extension count
    /// once here, unlike in [`fragments`](Self::fragments).
    pub fn character_count(&self) -> usize {
        self.character_count
    }

    /// Length in UTF-16 code units, prefix included.
    pub fn message_character_count(&self) -> usize {
        units(&self.message)
    }

    /// How many messages the network carries this as, which is what is billed; at least 1.
    ///
    /// GSM 7-bit holds 160 septets alone and 153 per part, UCS-2 70 and 67 code units.
    ///
    /// Source: 3GPP TS 23.038 §6.2.1, TS 23.040 §9.2.3.24.1.
    pub fn fragments(&self) -> usize {
        let (size, capacity) = self.size();
        if size <= capacity.alone { 1 } else { size.div_ceil(capacity.of_several) }
    }

    /// By how many units the message goes past the fragments before its last.
    pub fn characters_above_previous_fragment(&self) -> usize {
        let (size, capacity) = self.size();
        let boundary = match self.fragments() {
            2 => capacity.alone,
            fragments => (fragments - 1) * capacity.of_several,
        };
        size.saturating_sub(boundary)
    }

    /// Whether the message is over [`MAX_CHARACTERS`].
    pub fn is_too_long(&self) -> bool {
        self.characters_above_limit() > 0
    }

    /// By how many characters the message is over [`MAX_CHARACTERS`].
    pub fn characters_above_limit(&self) -> usize {
        self.character_count.saturating_sub(MAX_CHARACTERS)
    }

    /// Whether nothing is left to send once the placeholders are filled.
    pub fn is_empty(&self) -> bool {
        self.character_count == 0
    }

    /// The Welsh letters, each once, that make this a UCS-2 message; empty for GSM 7-bit.
    pub fn ucs2_characters(&self) -> &[char] {
        &self.welsh
    }

    /// How many characters take two septets in GSM 7-bit.
    pub fn extended_gsm_count(&self) -> usize {
        self.extended
    }

    fn size(&self) -> (usize, Capacity) {
        let count = self.message_character_count();
        if self.welsh.is_empty() { (count + self.extended, GSM_7BIT) } else { (count, UCS2) }
    }
}

/// Not the text: it is personal data.
impl fmt::Debug for SmsTemplate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmsTemplate").finish_non_exhaustive()
    }
}

/// `text` with every space that is not needed taken out, before punctuation and around lines.
fn tidy(text: &str) -> String {
    tidy_lines(&close_up_punctuation(text))
}

/// `text` with each line normalised, at most one blank line in a row, none at either end.
pub(crate) fn tidy_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut line_breaks = 0;
    for line in lines(text) {
        let end = out.len();
        if end > 0 {
            out.push_str(&"\n\n"[..line_breaks]);
        }
        let start = out.len();
        push_normalised(&mut out, line);
        if out.len() == start {
            out.truncate(end);
            line_breaks = 2.min(line_breaks + 1);
        } else {
            line_breaks = 1;
        }
    }
    out
}

fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn count(content: &str) -> (usize, usize) {
        let template = SmsTemplate::new(content, None, &Personalisation::default());
        (template.character_count(), template.fragments())
    }

    #[test]
    fn the_prefix_is_sent_and_billed_but_neither_shown_nor_limited() {
        let values = Personalisation::from_iter([("n", json!("x".repeat(918)))]);
        let template = SmsTemplate::new("((n))", Some(" Leeds "), &values);
        assert!(template.message().starts_with("Leeds: xxx"));
        assert_eq!(template.body(), "x".repeat(918));
        assert_eq!(template.message_character_count(), 925);
        assert_eq!(template.fragments(), 7);
        assert!(!template.is_too_long());
    }

    #[test]
    fn one_welsh_letter_more_than_halves_the_room() {
        assert_eq!(count(&"a".repeat(160)), (160, 1));
        assert_eq!(count(&"a".repeat(161)), (161, 2));
        assert_eq!(count(&"ŵ".repeat(70)), (70, 1));
        assert_eq!(count(&"ŵ".repeat(71)), (71, 2));
        assert_eq!(count(&"€".repeat(81)), (81, 2));
    }

    #[test]
    fn space_is_tidied() {
        assert_eq!(tidy("\n a  b \r\n\r\n\r\n\u{200b}\nc ,\td\n\n"), "a b\n\nc, d");
        assert_eq!(tidy(" \n\t"), "");
        assert_eq!(tidy("a\nb\n\nc"), "a\nb\n\nc");
    }

    #[test]
    fn missing_values_show_only_beside_others() {
        let some = Personalisation::from_iter([("x", json!(1))]);
        assert_eq!(SmsTemplate::new("a ((n))", None, &some).message(), "a ((n))");
        let none = Personalisation::default();
        assert_eq!(SmsTemplate::new("a ((n))", None, &none).message(), "a");
    }
}
