//! What the columns of a file stand for.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use serde_json::Value;

use super::{Template, records::Record};
use crate::{placeholder::key, whitespace::strip_obscure};

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Where the message goes.
    Recipient,
    /// A line of a letter's address.
    Address,
    /// The value of a placeholder.
    Placeholder,
    /// Nothing.
    None,
}

/// One value of each row, under the key that its column or columns have.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) key: String,
    pub(crate) used_for: Use,
    /// The places of its cells. Several when the same header is there several times.
    places: Vec<usize>,
}

impl Column {
    /// The value in a row: a text, null, or the list of what is under one header.
    pub(crate) fn value(&self, record: &Record) -> Value {
        let cell = |place: usize| {
            let text = strip_obscure(record.get(place).unwrap_or_default());
            if text.is_empty() { Value::Null } else { Value::from(text) }
        };
        match self.used_for {
            // Only one of them can be meant.
            Use::Recipient | Use::Address => self.places.last().map_or(Value::Null, |at| cell(*at)),
            Use::Placeholder | Use::None => {
                let mut values = self.places.iter().map(|at| cell(*at));
                let mut value = Value::Null;
                for next in values.by_ref() {
                    value = match value {
                        Value::Null => next,
                        Value::Array(mut items) => {
                            items.push(next);
                            Value::Array(items)
                        }
                        first => Value::Array(vec![first, next]),
                    };
                }
                value
            }
        }
    }
}

/// The columns of a file, for one template.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    /// As typed, each spelling once, in order.
    pub(crate) headers: Vec<String>,
    /// One for each key, in order.
    pub(crate) columns: Vec<Column>,
    /// Recipient headers that are there more than once, as typed, each spelling once.
    pub(crate) duplicates: Vec<String>,
    keys: HashSet<String>,
}

impl Columns {
    /// Reads the record of headers. `populated` is how many columns hold anything in some row: of
    /// those to the right of them only new names count.
    pub(crate) fn new(record: &Record, populated: usize, template: &Template<'_>) -> Self {
        let uses = Uses::of(template);
        // Each spelling with its places, and how many columns have each key.
        let mut places: Vec<(&str, Vec<usize>)> = Vec::new();
        let mut at: HashMap<&str, usize> = HashMap::new();
        let mut count: HashMap<Cow<'_, str>, usize> = HashMap::new();
        let mut place = 0;
        for (number, header) in record.iter().enumerate() {
            match at.get(header) {
                Some(_) if number >= populated => continue,
                Some(&seen) => places[seen].1.push(place),
                None => {
                    at.insert(header, places.len());
                    places.push((header, vec![place]));
                }
            }
            *count.entry(key(header)).or_default() += 1;
            place += 1;
        }
        let mut columns: Vec<Column> = Vec::new();
        let mut keys: HashMap<String, usize> = HashMap::new();
        let mut duplicates = Vec::new();
        let mut headers = Vec::with_capacity(places.len());
        for (header, places) in places {
            let key = key(header).into_owned();
            let used_for = uses.of_key(&key);
            if matches!(used_for, Use::Recipient | Use::Address) && count[&*key] > 1 {
                duplicates.push(header.to_owned());
            }
            match keys.get(&key) {
                // Another spelling: the later one counts.
                Some(&seen) => columns[seen].places = places,
                None => {
                    keys.insert(key.clone(), columns.len());
                    columns.push(Column { key, used_for, places });
                }
            }
            headers.push(header.to_owned());
        }
        Self { headers, columns, duplicates, keys: keys.into_keys().collect() }
    }

    /// Whether a header has this key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    /// How many of these columns there are.
    pub(crate) fn count_of(&self, columns: &[&str]) -> usize {
        columns.iter().filter(|column| self.has(&column_key(column))).count()
    }
}

/// What a template uses columns for.
struct Uses {
    recipient: HashSet<String>,
    is_letter: bool,
    placeholders: HashSet<String>,
}

impl Uses {
    fn of(template: &Template<'_>) -> Self {
        Self {
            recipient: template.recipient_columns().iter().map(|name| column_key(name)).collect(),
            is_letter: matches!(template, Template::Letter(_)),
            placeholders: template.placeholders().iter().map(|name| column_key(name)).collect(),
        }
    }

    fn of_key(&self, key: &str) -> Use {
        match (self.recipient.contains(key), self.placeholders.contains(key)) {
            (true, _) if self.is_letter => Use::Address,
            (true, _) => Use::Recipient,
            (false, true) => Use::Placeholder,
            (false, false) => Use::None,
        }
    }
}

/// The key of a column's name.
pub(crate) fn column_key(name: &str) -> String {
    key(name).into_owned()
}
