//! Bodies of requests: parsed into domain types, every fault listed in the schema's order
//! (public API contract §0.1, §0.4).
//!
//! Fields are taken from a [`Form`] in the schema's own order; each that is wrong adds its message.
//! A general JSON-schema validator is not used: the texts are Python's, the order is the schema's,
//! and the values come out parsed. The schema that is published is noted down by the same calls:
//! [`Form::schema`].

use std::{cell::RefCell, rc::Rc};

use actix_web::http::StatusCode;
use content::{email_address::EmailAddress, phone::PhoneNumber, python::unexpected, python_repr};
use domain::{ids::parse_uuid, letter::Postage};
use serde_json::{Map, Value, json};
use time::{
    Date, Duration, OffsetDateTime, PrimitiveDateTime, UtcOffset,
    format_description::well_known::Iso8601,
};
use url::Url;
use uuid::Uuid;

use crate::error::ApiError;

/// Longest text that the database can keep in an index, in bytes.
const LONGEST_INDEXED_BYTES: usize = 2600;

/// How far ahead a message may be scheduled.
const LONGEST_SCHEDULE: Duration = Duration::hours(24);

/// A body whose fields are being taken out.
#[derive(Default)]
pub(crate) struct Form {
    fields: Map<String, Value>,
    seen: Vec<&'static str>,
    faults: Vec<String>,
    /// The field that these are the fields of, in a form within another.
    within: Option<&'static str>,
    /// In a form that is only asked what it takes: where that is noted down.
    notes: Option<Rc<RefCell<Value>>>,
}

impl Form {
    /// Reads a body as a JSON object, whatever its content type. A falsy value counts as `{}`.
    ///
    /// # Errors
    /// Not JSON, or not an object.
    pub(crate) fn read(body: &[u8]) -> Result<Self, ApiError> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let value = serde_json::from_slice(body).map_err(|_| {
            ApiError::v2(
                StatusCode::BAD_REQUEST,
                "BadRequestError",
                "Invalid JSON supplied in POST data",
            )
        })?;
        let fields = match value {
            Value::Object(fields) => fields,
            falsy if is_falsy(&falsy) => Map::new(),
            other => {
                let message = fault(&other, "is not of type object");
                return Err(ApiError::validation(vec![message]));
            }
        };
        Ok(Self { fields, ..Self::default() })
    }

    /// The JSON schema of the bodies that `read` takes: which fields it asks for, and as what. `sent`
    /// names fields on whose presence `read` depends, as if they were there.
    pub(crate) fn schema<T>(
        sent: &[&str],
        read: impl FnOnce(Self) -> Result<T, ApiError>,
    ) -> Value {
        let notes = Rc::new(RefCell::new(json!({ "type": "object", "properties": {} })));
        let fields = sent.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
        // It ends in an error, as nothing was there to be read.
        let _ = read(Self { fields, notes: Some(Rc::clone(&notes)), ..Self::default() });
        notes.take()
    }

    /// A form of nothing.
    pub(crate) fn empty() -> Self {
        Self::default()
    }

    /// The fields of an object, as a form whose faults are told as the object's own. Give it back to
    /// [`Form::close`].
    pub(crate) fn open(&mut self, name: &'static str) -> Option<Self> {
        let fields = self.object(name)?;
        Some(Self { fields, within: Some(name), ..Self::default() })
    }

    /// Takes over the faults of a form within, in which these fields are required.
    pub(crate) fn close(&mut self, mut inner: Self, required: &[&'static str]) {
        inner.require(required);
        self.faults.append(&mut inner.faults);
    }

    /// The id in the path, which is checked together with the body.
    pub(crate) fn path_id(&mut self, name: &'static str, text: &str) -> Option<Uuid> {
        let id = parse_uuid(text).ok();
        if id.is_none() {
            self.add(name, "is not a valid UUID");
        }
        id
    }

    /// A field, of which `schema` says what it should be.
    fn take(&mut self, name: &'static str, schema: impl FnOnce() -> Value) -> Option<Value> {
        if let Some(notes) = &self.notes {
            notes.borrow_mut()["properties"][name] = schema();
            return None;
        }
        let value = self.fields.shift_remove(name)?;
        self.seen.push(name);
        Some(value)
    }

    /// Something is wrong with a field.
    pub(crate) fn add(&mut self, name: &str, text: impl std::fmt::Display) {
        self.faults.push(format!("{} {text}", self.within.unwrap_or(name)));
    }

    /// The value of a field, whatever it is.
    pub(crate) fn value(&mut self, name: &'static str) -> Option<Value> {
        self.take(name, || json!({}))
    }

    /// One of these words.
    pub(crate) fn word(&mut self, name: &'static str, words: &[&str]) -> Option<String> {
        let value = self.take(name, || json!({ "enum": words }))?;
        let known = value.as_str().filter(|word| words.contains(word)).map(str::to_owned);
        if known.is_none() {
            self.add(name, fault(&value, &format!("is not one of [{}]", words.join(", "))));
        }
        known
    }

    /// A time with its offset (RFC 3339).
    pub(crate) fn date_time(&mut self, name: &'static str) -> Option<OffsetDateTime> {
        let text = self.text_as(name, || json!({ "type": "string", "format": "date-time" }))?;
        let rfc3339 = &time::format_description::well_known::Rfc3339;
        let at = OffsetDateTime::parse(&text, rfc3339).ok();
        if at.is_none() {
            self.add(name, fault(&Value::String(text), "is not a date-time"));
        }
        at
    }

    /// A text.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        self.text_as(name, || json!({ "type": "string" }))
    }

    fn text_as(&mut self, name: &'static str, schema: impl FnOnce() -> Value) -> Option<String> {
        match self.take(name, schema)? {
            Value::String(text) => Some(text),
            other => {
                self.add(name, fault(&other, "is not of type string"));
                None
            }
        }
    }

    /// A text of at most so many characters, without the one that no database takes.
    pub(crate) fn short_text(&mut self, name: &'static str, longest: usize) -> Option<String> {
        let longest = longest.min(LONGEST_INDEXED_BYTES); // no text has fewer bytes than characters
        let text = self.text_as(name, || {
            json!({ "type": "string", "maxLength": longest, "description":
                format!("At most {LONGEST_INDEXED_BYTES} bytes of UTF-8, without U+0000") })
        })?;
        if text.chars().count() > longest || text.len() > LONGEST_INDEXED_BYTES {
            let shown = fault(&Value::String(text), "is too long");
            self.add(name, shown);
            return None;
        }
        if text.contains('\0') {
            self.add(name, "must not contain null characters");
            return None;
        }
        Some(text)
    }

    /// Whether a field was sent and not taken yet.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// A postage within the UK.
    pub(crate) fn postage(&mut self, name: &'static str) -> Option<Postage> {
        let text = self.text_as(name, || json!({ "enum": ["first", "second", "economy"] }))?;
        let postage = text.parse().ok().filter(|postage: &Postage| !postage.is_international());
        if postage.is_none() {
            self.add(name, "invalid. It must be either first, second or economy.");
        }
        postage
    }

    /// An id. Whatever is wrong with it, there is one message.
    pub(crate) fn id(&mut self, name: &'static str) -> Option<Uuid> {
        let value = self.take(name, || json!({ "type": "string", "format": "uuid" }))?;
        let id = value.as_str().and_then(|text| parse_uuid(text).ok());
        if id.is_none() {
            self.add(name, "is not a valid UUID");
        }
        id
    }

    /// A phone number that somebody may send to: as supplied, and parsed.
    pub(crate) fn phone(&mut self, name: &'static str) -> Option<(String, PhoneNumber)> {
        let text = self.text_as(name, || {
            json!({ "type": "string", "examples": ["07700 900900"], "description":
                "A phone number, as people write it; abroad with + and the country's code" })
        })?;
        match PhoneNumber::parse(&text) {
            Ok(phone) => Some((text, phone)),
            Err(error) => {
                self.add(name, error);
                None
            }
        }
    }

    /// An email address.
    pub(crate) fn email_address(&mut self, name: &'static str) -> Option<EmailAddress> {
        let text = self.text_as(name, || json!({ "type": "string", "format": "email" }))?;
        let address = EmailAddress::parse(&text).ok();
        if address.is_none() {
            self.add(name, "Not a valid email address");
        }
        address
    }

    /// The values of placeholders.
    pub(crate) fn object(&mut self, name: &'static str) -> Option<Map<String, Value>> {
        match self.take(name, || json!({ "type": "object" }))? {
            Value::Object(fields) => Some(fields),
            other => {
                self.add(name, fault(&other, "is not of type object"));
                None
            }
        }
    }

    /// The texts of a list; null is none, also as an item.
    pub(crate) fn texts(&mut self, name: &'static str) -> Vec<String> {
        let mut texts = Vec::new();
        let schema =
            || json!({ "type": ["array", "null"], "items": { "type": ["string", "null"] } });
        match self.take(name, schema) {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) => {
                for item in items {
                    match item {
                        Value::String(text) => texts.push(text),
                        Value::Null => {}
                        other => self.add(name, fault(&other, "is not of type string, null")),
                    }
                }
            }
            Some(other) => self.add(name, fault(&other, "is not of type array, null")),
        }
        texts
    }

    /// Rows of cells, as CSV: each cell a text, a number or null.
    pub(crate) fn rows(&mut self, name: &'static str) -> Option<String> {
        let cell = || json!({ "type": ["string", "number", "null"] });
        let row = || json!({ "type": "array", "items": cell() });
        let schema = || json!({ "type": "array", "items": row() });
        let Value::Array(rows) = self.take(name, schema)? else {
            self.add(name, "is not a list of lists of texts");
            return None;
        };
        let mut csv = String::new();
        for (index, row) in rows.into_iter().enumerate() {
            if add_record(&mut csv, row).is_none() {
                self.add(name, format!("[{index}] is not a list of texts"));
                return None;
            }
        }
        Some(csv)
    }

    /// An address that begins with `https`: ASCII, without blanks or broken escapes (RFC 3986).
    pub(crate) fn https_url(&mut self, name: &'static str) -> Option<String> {
        let schema = || json!({ "type": "string", "format": "uri", "pattern": "^https" });
        let url = match self.take(name, schema)? {
            Value::String(text) if is_https(&text) => Some(text),
            _ => None,
        };
        if url.is_none() {
            self.add(name, "is not a valid https url");
        }
        url
    }

    /// A time in the next 24 hours, or null.
    pub(crate) fn scheduled_for(
        &mut self,
        name: &'static str,
        now: OffsetDateTime,
    ) -> Option<OffsetDateTime> {
        let schema = || {
            json!({ "type": ["string", "null"], "format": "date-time", "description":
                "ISO 8601, within the next 24 hours; UTC where it has no offset" })
        };
        let text = match self.take(name, schema)? {
            Value::Null => return None,
            Value::String(text) => text,
            other => {
                self.add(name, fault(&other, "is not of type string, null"));
                return None;
            }
        };
        match date_time(&text) {
            None => self.add(
                name,
                "datetime format is invalid. It must be a valid ISO8601 date time format, \
                 https://en.wikipedia.org/wiki/ISO_8601",
            ),
            Some(at) if at < now => self.add(name, "datetime can not be in the past"),
            Some(at) if at > now + LONGEST_SCHEDULE => {
                self.add(name, "datetime can only be 24 hours in the future");
            }
            Some(at) => return Some(at.to_offset(UtcOffset::UTC)),
        }
        None
    }

    /// Ends the form: nothing required may be missing, nothing unknown may be left.
    ///
    /// # Errors
    /// Every fault that was found.
    pub(crate) fn finish(mut self, required: &[&'static str]) -> Result<(), ApiError> {
        self.require(required);
        if let Some(notes) = &self.notes {
            notes.borrow_mut()["additionalProperties"] = json!(false);
            return Err(ApiError::validation(Vec::new()));
        }
        self.faults.extend(unexpected(self.fields.keys().map(String::as_str).collect()));
        self.end()
    }

    /// None of these fields may be missing.
    pub(crate) fn require(&mut self, required: &[&'static str]) {
        if let Some(notes) = &self.notes {
            notes.borrow_mut()["required"] = json!(required);
        }
        let missing: Vec<_> = required.iter().filter(|name| !self.seen.contains(name)).collect();
        for name in missing {
            let within = self.within.map(|outer| format!("{outer} ")).unwrap_or_default();
            self.faults.push(format!("{within}{name} is a required property"));
        }
    }

    /// Ends the form and ignores what is left of it.
    ///
    /// # Errors
    /// Every fault that was found.
    pub(crate) fn end(self) -> Result<(), ApiError> {
        let is_right = self.faults.is_empty() && self.notes.is_none();
        if is_right { Ok(()) } else { Err(ApiError::validation(self.faults)) }
    }
}

/// A value as Python shows it, without its quotes, and what is wrong with it.
pub(crate) fn fault(value: &Value, text: &str) -> String {
    format!("{} {text}", python_repr(value).replace('\'', ""))
}

/// Adds a row to a CSV text.
fn add_record(csv: &mut String, row: Value) -> Option<()> {
    let Value::Array(cells) = row else { return None };
    for (index, cell) in cells.into_iter().enumerate() {
        let text = match cell {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Null => String::new(),
            _ => return None,
        };
        csv.push_str(if index == 0 { "\"" } else { ",\"" });
        csv.push_str(&text.replace('"', "\"\""));
        csv.push('"');
    }
    csv.push_str("\r\n");
    Some(())
}

fn is_falsy(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) => false,
    }
}

/// A time in ISO 8601, with or without a time of day; UTC where no offset is given.
fn date_time(text: &str) -> Option<OffsetDateTime> {
    let text = text.replacen(' ', "T", 1);
    OffsetDateTime::parse(&text, &Iso8601::DEFAULT)
        .or_else(|_| {
            PrimitiveDateTime::parse(&text, &Iso8601::DEFAULT).map(PrimitiveDateTime::assume_utc)
        })
        .or_else(|_| Date::parse(&text, &Iso8601::DEFAULT).map(|day| day.midnight().assume_utc()))
        .ok()
}

fn is_https(text: &str) -> bool {
    let bytes = text.as_bytes();
    let allowed =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(byte);
    let escapes_are_whole =
        bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%').all(|(at, _)| {
            bytes.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
        });
    text.starts_with("https")
        && bytes.iter().all(allowed)
        && escapes_are_whole
        && Url::parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::{ResponseError, body::to_bytes};
    use serde_json::json;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);

    async fn messages(error: ApiError) -> Vec<String> {
        let body = to_bytes(error.error_response().into_body()).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let errors = body["errors"].as_array().unwrap();
        errors.iter().map(|e| e["message"].as_str().unwrap().to_owned()).collect()
    }

    /// The faults of a body as the fields of an SMS.
    async fn faults(body: &Value) -> Vec<String> {
        match fill(body.to_string().as_bytes()) {
            Ok(()) => Vec::new(),
            Err(error) => messages(error).await,
        }
    }

    fn fill(body: &[u8]) -> Result<(), ApiError> {
        let mut form = Form::read(body)?;
        form.short_text("reference", 1000);
        form.phone("phone_number");
        form.email_address("email_address");
        form.id("template_id");
        form.object("personalisation");
        form.scheduled_for("scheduled_for", NOW);
        form.https_url("one_click_unsubscribe_url");
        form.texts("sanitise_content_for");
        form.finish(&["template_id"])
    }

    const ID: &str = "3D844EDF8D3548AC975BE847B4F122B0";

    #[actix_web::test]
    async fn bodies_that_are_no_objects() {
        for body in ["", "{", "nul", "\u{1}"] {
            let error = fill(body.as_bytes()).unwrap_err();
            assert_eq!(messages(error).await, ["Invalid JSON supplied in POST data"], "{body}");
        }
        for body in ["null", "{}", "[]", "\"\"", "0", "0.0", "false", "\u{feff}{}"] {
            let error = fill(body.as_bytes()).unwrap_err();
            assert_eq!(messages(error).await, ["template_id is a required property"], "{body}");
        }
        let error = fill(b"[1, \"a\"]").unwrap_err();
        assert_eq!(messages(error).await, ["[1, a] is not of type object"]);
        let deep = "[".repeat(100_000);
        assert!(fill(deep.as_bytes()).is_err(), "no stack is deep enough for everything");
    }

    #[actix_web::test]
    async fn each_fault_in_the_contracts_words() {
        for (name, value, message) in [
            ("phone_number", json!(null), "phone_number None is not of type string"),
            ("phone_number", json!("07515*11"), "phone_number Must not contain letters or symbols"),
            ("phone_number", json!(""), "phone_number Not enough digits"),
            ("email_address", json!("a"), "email_address Not a valid email address"),
            ("personalisation", json!(["a"]), "personalisation [a] is not of type object"),
            ("reference", json!(true), "reference True is not of type string"),
            ("reference", json!("a\0"), "reference must not contain null characters"),
            ("template_id", json!(null), "template_id is not a valid UUID"),
            ("template_id", json!(" "), "template_id is not a valid UUID"),
            ("scheduled_for", json!(5), "scheduled_for 5 is not of type string, null"),
            (
                "sanitise_content_for",
                json!("a"),
                "sanitise_content_for a is not of type array, null",
            ),
            (
                "sanitise_content_for",
                json!(["a", null, 5]),
                "sanitise_content_for 5 is not of type string, null",
            ),
            (
                "scheduled_for",
                json!("tomorrow"),
                "scheduled_for datetime format is invalid. It must be a valid ISO8601 date time \
                 format, https://en.wikipedia.org/wiki/ISO_8601",
            ),
            (
                "scheduled_for",
                json!("2026-11-24T11:59:59"),
                "scheduled_for datetime can not be in the past",
            ),
            (
                "scheduled_for",
                json!("2026-11-25T13:00:01+01:00"),
                "scheduled_for datetime can only be 24 hours in the future",
            ),
        ] {
            let mut body = json!({ "template_id": ID });
            body[name] = value.clone();
            assert_eq!(faults(&body).await, [message], "{value}");
        }
        let long = "é".repeat(1001);
        let body = json!({ "template_id": ID, "reference": long });
        assert_eq!(faults(&body).await, [format!("reference {long} is too long")]);
    }

    #[actix_web::test]
    async fn what_is_right_passes() {
        let body = json!({
            "template_id": ID, "reference": "é".repeat(1000), "phone_number": "020 7946 0000",
            "email_address": "a@b.cd", "personalisation": {}, "scheduled_for": "2026-11-24 13:00",
            "one_click_unsubscribe_url": "https:example.com", "sanitise_content_for": null,
        });
        assert_eq!(faults(&body).await, Vec::<String>::new());
    }

    #[actix_web::test]
    async fn https_urls() {
        for url in ["https://example.com/%C3%A9?a=b#c", "https:example.com"] {
            assert!(is_https(url), "{url}");
        }
        for url in [
            "HTTPS://a.example",
            "http://a.example",
            "https://a.example/é",
            "https://a b",
            "https://a/%zz",
        ] {
            assert!(!is_https(url), "{url}");
        }
    }

    #[actix_web::test]
    async fn unknown_fields_come_last_sorted_and_are_named_together() {
        let one = json!({ "template_id": ID, "x'y": 1 });
        let said = ["Additional properties are not allowed (xy was unexpected)"];
        assert_eq!(faults(&one).await, said);
        let two = json!({ "z": 1, "b": 1 });
        assert_eq!(
            faults(&two).await,
            [
                "template_id is a required property",
                "Additional properties are not allowed (b, z were unexpected)"
            ]
        );
    }
}
