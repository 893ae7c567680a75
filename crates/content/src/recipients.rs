//! Files of recipients: CSV text whose first record names the columns.
//!
//! A file is read in passes over its text, a record at a time, so the memory it takes does not grow
//! with the number of rows. [`Recipients::rows`] gives what is to be sent, [`Recipients::check`] what
//! is wrong with the file.
//!
//! Source: content contract §11. [`spreadsheet`](crate::spreadsheet) makes CSV text of other files.

mod columns;
mod records;
mod row;

use std::{collections::HashSet, fmt};

use domain::TemplateFile;

use crate::{
    Personalisation,
    email::comes_to_nothing,
    letter::LetterTemplate,
    phone::Allowed,
    placeholder::{key, placeholders_of},
    postal_address::PostalAddress,
    recipient,
    sms::SmsTemplate,
    whitespace::{is_ascii_space, is_obscure, trim},
};

use columns::{Columns, column_key};
pub use records::BareCarriageReturn;
pub(crate) use records::{Record, Records};
pub use row::{Cell, CellError, Row};

/// Most rows of a file.
pub const MAX_ROWS: usize = 100_000;
/// How many rows of a file without errors are shown.
const ROWS_SHOWN: usize = 10;
/// How many rows with errors are shown.
const ERRORS_SHOWN: usize = 20;
/// How many columns of an address a file of letters must have.
const ADDRESS_COLUMNS: usize = 3;

const ADDRESS_LINES: [&str; 8] = [
    "address line 1",
    "address line 2",
    "address line 3",
    "address line 4",
    "address line 5",
    "address line 6",
    "postcode",
    "address line 7",
];

/// The template that the rows are for, before its placeholders are filled.
#[derive(Clone, Copy)]
pub enum Template<'a> {
    /// A text message.
    Sms {
        /// Its text.
        content: &'a str,
        /// The service's name, when it stands before the message.
        prefix: Option<&'a str>,
    },
    /// An email.
    Email {
        /// Its subject.
        subject: &'a str,
        /// Its body.
        content: &'a str,
        /// What it links to: no column has the values of these placeholders.
        files: &'a [TemplateFile],
    },
    /// A letter.
    Letter(LetterTemplate<'a>),
}

/// What a template comes to with the values of a row.
#[derive(Default)]
struct Facts {
    too_long: bool,
    empty: bool,
    qr_code_too_long: bool,
    bad_address: bool,
}

impl Template<'_> {
    /// Names of the placeholders that rows have values for, each once, in the order that they are shown in.
    #[must_use]
    pub fn placeholders(&self) -> Vec<String> {
        match *self {
            Self::Sms { content, .. } => placeholders_of([content]),
            Self::Email { subject, content, files } => {
                let mut names = placeholders_of([subject, content]);
                names.retain(|name| !files.iter().any(|file| key(&file.filename) == key(name)));
                names
            }
            Self::Letter(letter) => letter.placeholders(),
        }
    }

    /// Names of the columns that say where a message goes.
    #[must_use]
    pub fn recipient_columns(&self) -> &'static [&'static str] {
        match self {
            Self::Sms { .. } => &["phone number"],
            Self::Email { .. } => &["email address"],
            Self::Letter(_) => &ADDRESS_LINES,
        }
    }

    fn facts(&self, values: &Personalisation, options: &Options) -> Facts {
        match *self {
            Self::Sms { content, prefix } => {
                let sms = SmsTemplate::new(content, prefix, values);
                Facts { too_long: sms.is_too_long(), empty: sms.is_empty(), ..Facts::default() }
            }
            Self::Email { content, .. } => {
                let empty = comes_to_nothing(content, values);
                Facts { empty, ..Facts::default() }
            }
            Self::Letter(letter) => {
                let content = letter.content;
                let empty = comes_to_nothing(content, values);
                let abroad = options.allow_international_letters;
                let address = PostalAddress::from_personalisation(values, abroad);
                Facts {
                    empty,
                    qr_code_too_long: letter.check_qr_codes(values).is_err(),
                    bad_address: !address.is_valid(),
                    ..Facts::default()
                }
            }
        }
    }
}

/// What a service may send, and how much of a file is checked.
#[derive(Clone, Debug)]
pub struct Options {
    /// Most rows.
    pub max_rows: usize,
    /// How many messages the service may still send today; `None` for any number.
    pub remaining_messages: Option<usize>,
    /// How many international text messages it may still send today; `None` for any number. Less
    /// than none is none.
    pub remaining_international_sms: Option<i64>,
    /// The only recipients that it may send to; empty for any.
    pub guest_list: Vec<String>,
    /// Whether it may send text messages abroad.
    pub allow_international_sms: bool,
    /// Whether it may send text messages to UK landlines.
    pub allow_sms_to_uk_landline: bool,
    /// Whether it may send letters abroad.
    pub allow_international_letters: bool,
    /// Whether rows are checked at all.
    pub should_validate: bool,
    /// Whether phone numbers are checked. One that is missing is an error all the same.
    pub should_validate_phone_number: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_rows: MAX_ROWS,
            remaining_messages: None,
            remaining_international_sms: None,
            guest_list: Vec::new(),
            allow_international_sms: false,
            allow_sms_to_uk_landline: false,
            allow_international_letters: false,
            should_validate: true,
            should_validate_phone_number: true,
        }
    }
}

impl Options {
    fn phone(&self) -> Allowed {
        Allowed {
            international: self.allow_international_sms,
            uk_landline: self.allow_sms_to_uk_landline,
        }
    }
}

/// A file of recipients for one template.
pub struct Recipients<'a> {
    /// The file from its headers on.
    text: &'a str,
    template: Template<'a>,
    options: Options,
    columns: Columns,
    row_count: usize,
}

/// What is to be said of a file.
#[derive(Debug)]
pub struct Report {
    /// Columns that the template needs and the file has not, as the template writes them.
    pub missing_column_headers: Vec<String>,
    /// More rows than a file may have.
    pub too_many_rows: bool,
    /// More rows than the service may send messages.
    pub more_rows_than_can_send: bool,
    /// Whether every recipient is on the guest list, if there is one.
    pub allowed_to_send_to: bool,
    /// Rows whose number has another country code than 44.
    pub international_sms_count: usize,
    /// More of these than the service may send.
    pub more_international_sms_than_can_send: bool,
    /// Rows with something wrong.
    pub rows_with_errors: usize,
    /// Whether anything at all is wrong.
    pub has_errors: bool,
    /// The first rows, or the first with something wrong if there are any and all columns are there.
    pub shown: Vec<Row>,
}

impl<'a> Recipients<'a> {
    /// Reads the headers and counts the rows.
    ///
    /// # Errors
    /// [`BareCarriageReturn`] when the text cannot be taken apart.
    pub fn new(
        text: &'a str,
        template: Template<'a>,
        options: Options,
    ) -> Result<Self, BareCarriageReturn> {
        let is_blank = |c| is_ascii_space(c) || is_obscure(c);
        let text = text.trim_start_matches(is_blank);
        let text = trim(text.trim_end_matches(|c| is_blank(c) || c == ','));
        let (mut records, mut headers, mut record) =
            (Records::new(text), Record::default(), Record::default());
        records.read(&mut headers)?;
        let (mut row_count, mut populated) = (0, 0);
        while records.read(&mut record)? {
            row_count += 1;
            let is_populated =
                |cell: &str| !cell.trim_matches(|c| is_ascii_space(c) || is_obscure(c)).is_empty();
            let empty = record.iter().rev().take_while(|cell| !is_populated(cell)).count();
            populated = populated.max(record.len() - empty);
        }
        let columns = Columns::new(&headers, populated, &template);
        Ok(Self { text, template, options, columns, row_count })
    }

    /// The headers as typed, each spelling once, in order.
    #[must_use]
    pub fn column_headers(&self) -> &[String] {
        &self.columns.headers
    }

    /// Headers of recipients that are there more than once, as typed, each spelling once.
    #[must_use]
    pub fn duplicate_recipient_column_headers(&self) -> &[String] {
        &self.columns.duplicates
    }

    /// How many rows there are, the headers not counted.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.row_count
    }

    /// Whether the file says where the messages go.
    #[must_use]
    pub fn has_recipient_columns(&self) -> bool {
        match self.template {
            Template::Letter(_) => {
                let with_line_7: Vec<&str> =
                    ADDRESS_LINES.into_iter().filter(|column| *column != "postcode").collect();
                self.columns.count_of(&ADDRESS_LINES[..7]) >= ADDRESS_COLUMNS
                    || self.columns.count_of(&with_line_7) >= ADDRESS_COLUMNS
            }
            _ => self.columns.count_of(self.template.recipient_columns()) > 0,
        }
    }

    /// Columns that the template needs and the file has not. Which columns an address needs is for
    /// [`has_recipient_columns`](Self::has_recipient_columns) to say.
    #[must_use]
    pub fn missing_column_headers(&self) -> Vec<String> {
        let recipient = self.template.recipient_columns();
        let is_letter = matches!(self.template, Template::Letter(_));
        let is_address = |name: &String| {
            is_letter && recipient.iter().any(|column| column_key(column) == column_key(name))
        };
        let mut needed = self.template.placeholders();
        for column in recipient.iter().map(|column| (*column).to_owned()) {
            if !needed.contains(&column) {
                needed.push(column);
            }
        }
        needed.retain(|name| !self.columns.has(&column_key(name)) && !is_address(name));
        needed
    }

    /// The rows in order, as many as a file may have.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        let mut records = Records::new(self.text);
        let mut record = Record::default();
        // The headers. It was all read before without an error.
        let _ = records.read(&mut record);
        (0..self.options.max_rows).map_while(move |index| match records.read(&mut record) {
            Ok(true) => {
                Some(Row::read(&record, index, &self.columns, &self.template, &self.options))
            }
            _ => None,
        })
    }

    /// Where a row's message goes: the cell of its one recipient column.
    fn recipient<'r>(&self, row: &'r Row) -> Option<&'r str> {
        let column = self.template.recipient_columns().first()?;
        row.value(&column_key(column)).as_str()
    }

    /// Checks the whole file.
    #[must_use]
    pub fn check(&self) -> Report {
        let guests: HashSet<String> =
            self.options.guest_list.iter().map(|guest| recipient::normalise(guest)).collect();
        let has_guest_list = !guests.is_empty() && !matches!(self.template, Template::Letter(_));
        let missing_column_headers = self.missing_column_headers();
        let (mut first, mut wrong) = (Vec::new(), Vec::new());
        let (mut rows_with_errors, mut international, mut allowed) = (0, 0, true);
        for row in self.rows() {
            international += usize::from(row.is_international);
            if has_guest_list && allowed {
                let to = recipient::normalise(self.recipient(&row).unwrap_or_default());
                allowed = guests.contains(&to);
            }
            let has_error = row.has_error();
            rows_with_errors += usize::from(has_error);
            if row.index < ROWS_SHOWN {
                first.push(row.clone());
            }
            if has_error && wrong.len() < ERRORS_SHOWN {
                wrong.push(row);
            }
        }
        let options = &self.options;
        let too_many_rows = self.row_count > options.max_rows;
        let more_rows_than_can_send =
            options.remaining_messages.is_some_and(|remaining| self.row_count > remaining);
        let more_international_sms_than_can_send =
            options.remaining_international_sms.is_some_and(|remaining| {
                international > usize::try_from(remaining).unwrap_or_default()
            });
        let has_errors = !missing_column_headers.is_empty()
            || !self.columns.duplicates.is_empty()
            || too_many_rows
            || more_rows_than_can_send
            || !allowed
            || rows_with_errors > 0
            || more_international_sms_than_can_send;
        let is_about_rows = !wrong.is_empty() && missing_column_headers.is_empty();
        Report {
            too_many_rows,
            more_rows_than_can_send,
            allowed_to_send_to: allowed,
            international_sms_count: international,
            more_international_sms_than_can_send,
            rows_with_errors,
            has_errors,
            shown: if is_about_rows { wrong } else { first },
            missing_column_headers,
        }
    }
}

/// Not the text: it is personal data.
impl fmt::Debug for Recipients<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipients").field("row_count", &self.row_count).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
