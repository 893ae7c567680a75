//! Query strings: parsed into domain types, every fault listed in the schema's order (public API
//! contract §0.4, §2.7).

use std::{cell::RefCell, rc::Rc};

use actix_web::HttpRequest;
use content::python::unexpected;
use domain::ids::parse_uuid;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use url::form_urlencoded;
use uuid::Uuid;

use crate::{error::ApiError, form::fault};

/// A query whose parameters are being taken out.
pub(crate) struct Query {
    /// Names in the order in which they first came, and their values.
    parameters: Vec<(String, Vec<String>)>,
    /// Those that may stand in links.
    taken: Vec<(&'static str, Vec<String>)>,
    faults: Vec<String>,
    /// In a query that is only asked what it takes: where that is noted down.
    notes: Option<Rc<RefCell<Vec<Value>>>>,
}

/// Where pages of a list are.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Links {
    /// This one.
    pub current: String,
    /// The one with what is older; absent when there is nothing on this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A query without faults.
pub(crate) struct Checked(Vec<(&'static str, Vec<String>)>);

impl Query {
    pub(crate) fn read(request: &HttpRequest) -> Self {
        let mut parameters: Vec<(String, Vec<String>)> = Vec::new();
        for (name, value) in form_urlencoded::parse(request.query_string().as_bytes()) {
            match parameters.iter_mut().find(|(known, _)| *known == name) {
                Some((_, values)) => values.push(value.into_owned()),
                None => parameters.push((name.into_owned(), vec![value.into_owned()])),
            }
        }
        Self { parameters, taken: Vec::new(), faults: Vec::new(), notes: None }
    }

    /// The parameters that `read` asks for, as OpenAPI writes them.
    pub(crate) fn parameters<T>(read: impl FnOnce(Self) -> Result<T, ApiError>) -> Vec<Value> {
        let notes = Rc::default();
        let (parameters, taken, faults) = (Vec::new(), Vec::new(), Vec::new());
        // It ends in an error, as nothing was there to be read.
        let _ = read(Self { parameters, taken, faults, notes: Some(Rc::clone(&notes)) });
        notes.take()
    }

    fn note(&self, name: &str, schema: impl FnOnce() -> Value) {
        if let Some(notes) = &self.notes {
            let parameter = json!({ "name": name, "in": "query", "schema": schema() });
            notes.borrow_mut().push(parameter);
        }
    }

    /// A text, without the character that no database takes. Of several the first counts.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        self.note(name, || json!({ "type": "string" }));
        let text = self.first(name)?;
        if text.contains('\0') {
            self.faults.push(format!("{name} must not contain null characters"));
            return None;
        }
        Some(text)
    }

    /// An id. Of several the first counts.
    pub(crate) fn id(&mut self, name: &'static str) -> Option<Uuid> {
        self.note(name, || json!({ "type": "string", "format": "uuid" }));
        let id = parse_uuid(&self.first(name)?).ok();
        if id.is_none() {
            self.faults.push(format!("{name} is not a valid UUID"));
        }
        id
    }

    /// What a word stands for. Of several the first counts.
    pub(crate) fn choice<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Option<T> {
        self.note(name, || one_of(words));
        let word = self.first(name)?;
        self.meaning(name, &word, words)
    }

    /// What each of any number of words stands for.
    pub(crate) fn choices<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Vec<T> {
        self.note(name, || json!({ "type": "array", "items": one_of(words) }));
        let asked = self.take(name).unwrap_or_default();
        asked.iter().filter_map(|word| self.meaning(name, word, words)).collect()
    }

    /// Ends the query: nothing unknown may be left.
    ///
    /// # Errors
    /// Every fault that was found.
    pub(crate) fn finish(mut self) -> Result<Checked, ApiError> {
        let unknown = self.parameters.iter().filter(|(_, values)| !values.is_empty());
        self.faults.extend(unexpected(unknown.map(|(name, _)| name.as_str()).collect()));
        if !self.faults.is_empty() || self.notes.is_some() {
            return Err(ApiError::validation(self.faults));
        }
        let place = |name: &str| self.parameters.iter().position(|(known, _)| known == name);
        self.taken.sort_by_key(|(name, _)| place(name));
        Ok(Checked(self.taken))
    }

    fn take(&mut self, name: &'static str) -> Option<Vec<String>> {
        let (_, values) = self.parameters.iter_mut().find(|(known, _)| known == name)?;
        let values = std::mem::take(values);
        self.taken.push((name, values.clone()));
        Some(values)
    }

    fn first(&mut self, name: &'static str) -> Option<String> {
        let first = self.take(name)?.into_iter().next()?;
        if let Some((_, values)) = self.taken.last_mut() {
            values.truncate(1);
        }
        Some(first)
    }

    fn meaning<T: Copy>(
        &mut self,
        name: &'static str,
        word: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let known = words.iter().find(|(known, _)| *known == word);
        if known.is_none() {
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let text = format!("is not one of [{}]", all.join(", "));
            self.faults.push(format!("{name} {}", fault(&Value::from(word), &text)));
        }
        known.map(|(_, meaning)| *meaning)
    }
}

impl Checked {
    /// The address of this page.
    pub(crate) fn link(&self, path: &str) -> String {
        link(path, self.0.iter().map(|(name, values)| (*name, values.as_slice())))
    }

    /// The address of the page after the thing with this id. The id comes first: the official
    /// Python client takes the first that it finds in the address.
    pub(crate) fn link_after(&self, path: &str, last: &str) -> String {
        let last = [last.to_owned()];
        let others = self.0.iter().filter(|(name, _)| *name != "older_than");
        let others = others.map(|(name, values)| (*name, values.as_slice()));
        link(path, [("older_than", last.as_slice())].into_iter().chain(others))
    }
}

fn one_of<T>(words: &[(&str, T)]) -> Value {
    json!({ "enum": words.iter().map(|(word, _)| *word).collect::<Vec<_>>() })
}

fn link<'a>(path: &str, parameters: impl Iterator<Item = (&'a str, &'a [String])>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, values) in parameters {
        for value in values {
            query.append_pair(name, value);
        }
    }
    match query.finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn query(text: &str) -> Query {
        Query::read(&TestRequest::with_uri(&format!("/?{text}")).to_http_request())
    }

    #[test]
    fn links_repeat_the_query_and_name_the_id_first() {
        let mut query = query(
            "b=1&reference=a+%26%C3%A9&b=2&reference=x&older_than=3D844EDF8D3548AC975BE847B4F122B0",
        );
        assert!(query.id("older_than").is_some());
        assert_eq!(query.choices("b", &[("1", 1), ("2", 2)]), [1, 2]);
        assert_eq!(query.text("reference").as_deref(), Some("a &é"));
        let query = query.finish().ok().unwrap();
        let current = query.link("/x");
        assert_eq!(
            current,
            "/x?b=1&b=2&reference=a+%26%C3%A9&older_than=3D844EDF8D3548AC975BE847B4F122B0"
        );
        let next = query.link_after("/x", "id");
        assert_eq!(next, "/x?older_than=id&b=1&b=2&reference=a+%26%C3%A9");
        assert_eq!(self::query("").finish().ok().unwrap().link("/x"), "/x");
    }

    #[test]
    fn every_fault_is_kept() {
        let mut query = query("status=a'b&status=sent&older_than=&z=1&y=2&reference=%00");
        assert_eq!(query.choices("status", &[("sent", 1), ("x", 2)]), [1]);
        assert!(query.id("older_than").is_none());
        assert!(query.text("reference").is_none());
        assert_eq!(
            query.faults,
            [
                "status \"ab\" is not one of [sent, x]", // as Python writes a text with an apostrophe
                "older_than is not a valid UUID",
                "reference must not contain null characters",
            ]
        );
        assert!(query.finish().is_err());
    }
}
