//! CSV text, record by record.
//!
//! The dialect is the one that such files have always been read in (content contract §11.1), and no
//! library has it: a blank line is a record without fields, spaces after a comma are skipped, a quote
//! inside an unquoted field is an ordinary character, an unterminated quote runs to the end.

/// A carriage return outside quotes that no line feed follows: the file has line endings of old
/// Macintosh programs, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bare carriage return")]
pub struct BareCarriageReturn;

/// The fields of one record, in one buffer that the next record uses again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    text: String,
    ends: Vec<usize>,
}

impl Record {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The field at `index`, if the record has so many.
    pub(crate) fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.text[start..end])
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &str> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    fn end_field(&mut self) {
        self.ends.push(self.text.len());
    }
}

/// Where the reader is within a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    RecordStart,
    FieldStart,
    Field,
    Quoted,
    /// After a quote inside quotes: the end of them, or the first of a pair.
    QuoteInQuoted,
    /// After a carriage return: a line feed must follow.
    Return,
}

/// Reads records off the front of a text, in time linear in its length.
#[derive(Clone, Debug)]
pub(crate) struct Records<'a> {
    rest: &'a str,
    separator: u8,
}

impl<'a> Records<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self::separated_by(b',', text)
    }

    /// With another ASCII character between fields.
    pub(crate) fn separated_by(separator: u8, text: &'a str) -> Self {
        Self { rest: text, separator }
    }

    /// Reads the next record into `record`; false when there is none.
    pub(crate) fn read(&mut self, record: &mut Record) -> Result<bool, BareCarriageReturn> {
        record.clear();
        if self.rest.is_empty() {
            return Ok(false);
        }
        let text = self.rest;
        let mut place = Place::RecordStart;
        // Characters that belong to the field and have not been copied yet begin here.
        let mut kept = 0;
        for (at, byte) in text.bytes().enumerate() {
            let next = match (place, byte) {
                (Place::Return, b'\n') | (Place::RecordStart, b'\n') => {
                    return Ok(self.skip(at + 1));
                }
                (Place::Return, b'\r') | (Place::RecordStart, b'\r') => Place::Return,
                (Place::Return, _) => return Err(BareCarriageReturn),
                (Place::Quoted, b'"') => {
                    record.text.push_str(&text[kept..at]);
                    Place::QuoteInQuoted
                }
                (Place::Quoted, _) => Place::Quoted,
                (Place::QuoteInQuoted, b'"') => {
                    kept = at;
                    Place::Quoted
                }
                (Place::RecordStart | Place::FieldStart, b'"') => {
                    kept = at + 1;
                    Place::Quoted
                }
                (Place::RecordStart | Place::FieldStart, b' ') => Place::FieldStart,
                (_, end) if matches!(end, b'\n' | b'\r') || end == self.separator => {
                    if place == Place::Field {
                        record.text.push_str(&text[kept..at]);
                    }
                    record.end_field();
                    match end {
                        b'\n' => return Ok(self.skip(at + 1)),
                        b'\r' => Place::Return,
                        _ => Place::FieldStart,
                    }
                }
                (Place::Field, _) => Place::Field,
                (Place::RecordStart | Place::FieldStart | Place::QuoteInQuoted, _) => {
                    kept = at;
                    Place::Field
                }
            };
            place = next;
        }
        match place {
            Place::Field | Place::Quoted => record.text.push_str(&text[kept..]),
            Place::RecordStart | Place::FieldStart | Place::QuoteInQuoted | Place::Return => {}
        }
        if place != Place::Return {
            record.end_field();
        }
        Ok(self.skip(text.len()))
    }

    /// The record ends before `at`.
    fn skip(&mut self, at: usize) -> bool {
        self.rest = &self.rest[at..];
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Vec<String>>, BareCarriageReturn> {
        let (mut records, mut record) = (Records::new(text), Record::default());
        let mut all = Vec::new();
        while records.read(&mut record)? {
            all.push(record.iter().map(str::to_owned).collect());
        }
        Ok(all)
    }

    #[test]
    fn fields_are_separated_by_commas_and_may_be_quoted() {
        let text = "a, b ,\"c, \"\"d\"\"\n\",e\"f\"\r\n\n ,\n\"g\"h,\"i";
        let expected: [&[&str]; 4] =
            [&["a", "b ", "c, \"d\"\n", "e\"f\""], &[], &["", ""], &["gh", "i"]];
        assert_eq!(read(text).unwrap(), expected);
    }

    #[test]
    fn a_carriage_return_ends_a_line_only_before_a_line_feed() {
        assert_eq!(read("a\rb"), Err(BareCarriageReturn));
        assert_eq!(read("\ra"), Err(BareCarriageReturn));
        assert_eq!(read("\"a\rb\"\r\r\nc").unwrap(), [["a\rb"], ["c"]]);
        assert_eq!(read("a\r").unwrap(), [["a"]]);
    }

    #[test]
    fn what_is_not_ascii_stays_whole() {
        assert_eq!(read("é, ŵ,\"€\"\"😀\"").unwrap(), [["é", "ŵ", "€\"😀"]]);
    }
}
