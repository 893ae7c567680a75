//! One row: what it says, and what is wrong with it.

use std::fmt;

use serde_json::Value;

use super::{
    Options, Template,
    columns::{Column, Columns, Use},
    records::Record,
};
use crate::{
    Personalisation,
    email_address::{EmailAddress, InvalidEmail},
    phone::{PhoneError, PhoneNumber},
};

/// What is wrong with a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CellError {
    /// It is empty.
    #[error("Missing")]
    Missing,
    /// Not a phone number, or not one that the service may send to.
    #[error("{}", .0.explanation())]
    Phone(PhoneError),
    /// Not an email address.
    #[error(transparent)]
    Email(#[from] InvalidEmail),
}

/// A cell, or the cells that have one header together.
#[derive(Clone, PartialEq)]
pub struct Cell {
    /// The key of its column: lower case, without spaces, underscores and hyphens.
    pub key: String,
    /// A text, null when it is empty, or a list.
    pub value: Value,
    /// What is wrong with it.
    pub error: Option<CellError>,
    /// Whether it is about the recipient or the value of a placeholder.
    pub is_used: bool,
}

/// One row of a file, with everything that is known of it.
#[derive(Clone, PartialEq)]
pub struct Row {
    /// Its place, from 0; the row of headers does not count.
    pub index: usize,
    /// One for each key of the headers, in their order.
    pub cells: Vec<Cell>,
    /// The message is too long to be sent: only looked at for text messages.
    pub message_too_long: bool,
    /// Nothing is left of the message.
    pub message_empty: bool,
    /// A QR code of a letter would hold too much.
    pub qr_code_too_long: bool,
    /// A letter's address is not one that we can deliver to.
    pub bad_address: bool,
    /// It goes to another country code than 44.
    pub(crate) is_international: bool,
}

impl Row {
    pub(crate) fn read(
        record: &Record,
        index: usize,
        columns: &Columns,
        template: &Template<'_>,
        options: &Options,
    ) -> Self {
        let mut row = Self {
            index,
            cells: Vec::with_capacity(columns.columns.len()),
            message_too_long: false,
            message_empty: false,
            qr_code_too_long: false,
            bad_address: false,
            is_international: false,
        };
        for column in &columns.columns {
            let value = column.value(record);
            let error = row.check(column, &value, columns, template, options);
            row.cells.push(Cell {
                key: column.key.clone(),
                value,
                error: error.filter(|_| options.should_validate),
                is_used: column.used_for != Use::None,
            });
        }
        if options.should_validate {
            let values = row.values();
            let facts = template.facts(&values, options);
            row.message_too_long = facts.too_long;
            row.message_empty = facts.empty;
            row.qr_code_too_long = facts.qr_code_too_long;
            row.bad_address = facts.bad_address;
        }
        row
    }

    fn check(
        &mut self,
        column: &Column,
        value: &Value,
        columns: &Columns,
        template: &Template<'_>,
        options: &Options,
    ) -> Option<CellError> {
        match (column.used_for, value.as_str()) {
            (Use::None | Use::Address, _) => None,
            (Use::Placeholder, _) => value.is_null().then_some(CellError::Missing),
            (Use::Recipient, None) => columns.duplicates.is_empty().then_some(CellError::Missing),
            (Use::Recipient, Some(text)) => match template {
                Template::Sms { .. } => self.check_phone(text, options),
                _ => EmailAddress::parse(text).err().map(CellError::Email),
            },
        }
    }

    fn check_phone(&mut self, text: &str, options: &Options) -> Option<CellError> {
        let number = PhoneNumber::recognise(text);
        self.is_international = number.as_ref().is_ok_and(|number| !number.is_uk());
        if !options.should_validate_phone_number {
            return None;
        }
        number.and_then(|number| number.check(options.phone())).err().map(CellError::Phone)
    }

    /// Whether anything is wrong with it.
    #[must_use]
    pub fn has_error(&self) -> bool {
        self.message_too_long
            || self.message_empty
            || self.qr_code_too_long
            || self.bad_address
            || self.cells.iter().any(|cell| cell.error.is_some())
    }

    /// Whether its recipient is there and not one that we can send to.
    #[must_use]
    pub fn has_bad_recipient(&self) -> bool {
        self.bad_address
            || self
                .cells
                .iter()
                .any(|cell| matches!(cell.error, Some(CellError::Phone(_) | CellError::Email(_))))
    }

    /// Whether a cell is empty that must not be.
    #[must_use]
    pub fn has_missing_data(&self) -> bool {
        self.cells.iter().any(|cell| cell.error == Some(CellError::Missing))
    }

    /// The value under a key; null when there is none.
    #[must_use]
    pub fn value(&self, key: &str) -> &Value {
        self.cells.iter().find(|cell| cell.key == key).map_or(&Value::Null, |cell| &cell.value)
    }

    /// What the message is filled with, and where it goes.
    #[must_use]
    pub fn personalisation(&self) -> Personalisation {
        let used = self.cells.iter().filter(|cell| cell.is_used);
        used.map(|cell| (&cell.key, cell.value.clone())).collect()
    }

    fn values(&self) -> Personalisation {
        self.cells.iter().map(|cell| (&cell.key, cell.value.clone())).collect()
    }
}

/// Not the cells: they are personal data.
impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("index", &self.index).finish_non_exhaustive()
    }
}
