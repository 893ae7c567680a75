//! The values a caller supplies for a template's placeholders.

use std::{collections::HashMap, fmt};

use serde_json::{Map, Value};

use crate::{html, placeholder::key};

/// Values by placeholder name; names match whatever their case, spaces, underscores and hyphens.
///
/// Made from the JSON object of a request. Of two names that match each other the later wins.
#[derive(Clone, Default, PartialEq)]
pub struct Personalisation {
    values: HashMap<String, Value>,
}

impl Personalisation {
    /// The value for `name`; `None` when it is missing, which includes null.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(&*key(name)).filter(|value| !value.is_null())
    }

    /// Whether `name` was supplied at all, perhaps as null.
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(&*key(name))
    }

    /// Supplies or replaces the value for `name`.
    pub fn insert(&mut self, name: &str, value: Value) {
        self.values.insert(key(name).into_owned(), value);
    }

    /// Whether no value at all was supplied, not even null.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Like [`get`](Self::get), for a `name` taken from a template that has been HTML-escaped.
    pub(crate) fn get_escaped(&self, name: &str) -> Option<&Value> {
        if !name.contains('&') {
            return self.get(name);
        }
        let wanted = key(name);
        self.values
            .iter()
            .find(|(supplied, _)| key(&html::escape(supplied)) == wanted)
            .map(|(_, value)| value)
            .filter(|value| !value.is_null())
    }
}

/// Those of `placeholders` that have no value, in the same order and spelling.
pub fn missing_personalisation(
    placeholders: &[String],
    personalisation: &Personalisation,
) -> Vec<String> {
    placeholders.iter().filter(|name| personalisation.get(name).is_none()).cloned().collect()
}

impl From<Map<String, Value>> for Personalisation {
    fn from(values: Map<String, Value>) -> Self {
        values.into_iter().collect()
    }
}

impl From<&Map<String, Value>> for Personalisation {
    fn from(values: &Map<String, Value>) -> Self {
        values.iter().map(|(name, value)| (name, value.clone())).collect()
    }
}

impl<S: AsRef<str>> FromIterator<(S, Value)> for Personalisation {
    fn from_iter<I: IntoIterator<Item = (S, Value)>>(values: I) -> Self {
        let values = values
            .into_iter()
            .map(|(name, value)| (key(name.as_ref()).into_owned(), value))
            .collect();
        Self { values }
    }
}

/// Neither names nor values: both can be personal data.
impl fmt::Debug for Personalisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Personalisation").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn null_and_absent_are_missing_and_empty_text_is_not() {
        let values = Personalisation::from_iter([
            ("First Name", json!("")),
            ("town", json!(null)),
            ("colour", json!("red")),
            ("COLOUR", json!("blue")),
        ]);
        let names = ["first_name", "Town", "age", "colour"].map(String::from);
        assert_eq!(missing_personalisation(&names, &values), ["Town", "age"]);
        assert_eq!(values.get("col-our"), Some(&json!("blue")));
    }

    #[test]
    fn debug_output_holds_no_values() {
        let values = Personalisation::from_iter([("secret name", json!("secret value"))]);
        assert!(!format!("{values:?}").contains("secret"));
    }
}
