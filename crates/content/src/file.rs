//! Files by email: values of the form `{"file": …}` among a message's personalisation (public API
//! contract §3.9).

use std::fmt;

use serde_json::{Map, Value};

use crate::python::{python_str, unexpected};

/// How many weeks a file is kept where its sender does not say.
const DEFAULT_WEEKS: u8 = 26;
/// And how many at most.
const MOST_WEEKS: u8 = 78;

/// A file that is to become a link.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    /// Its bytes, in base64, as they came. Nobody has looked at them yet.
    pub base64: String,
    /// Whether plain text is to be taken for comma-separated values.
    pub is_csv: bool,
    /// Whether the recipient has to name their address before they get it.
    pub confirm_email: bool,
    /// How many weeks to keep it: 1 to 78.
    pub weeks: u8,
    /// What it is called. There is a dot in it.
    pub filename: Option<String>,
}

/// The fields of a file.
const KNOWN: [&str; 5] =
    ["file", "is_csv", "confirm_email_before_download", "retention_period", "filename"];

/// What is wrong with a file, in the contract's words: never empty. They repeat what was sent.
#[derive(thiserror::Error)]
#[error("{} of the file's fields are wrong", .0.len())]
pub struct InvalidFile(pub Vec<String>);

/// Whether a value stands for a file: what is checked of it comes later.
pub fn is_file(value: &Value) -> bool {
    value.as_object().is_some_and(|object| object.contains_key("file"))
}

impl File {
    /// Reads a value for which [`is_file`] holds.
    ///
    /// # Errors
    /// [`InvalidFile`] with every fault, in the order of the schema.
    pub fn parse(value: Value) -> Result<Self, InvalidFile> {
        let Value::Object(mut fields) = value else {
            return Err(InvalidFile(vec![format!("{} is not of type object", said(&value))]));
        };
        let unknown = fields.keys().map(String::as_str).filter(|name| !KNOWN.contains(name));
        let mut faults: Vec<String> = unexpected(unknown.collect()).into_iter().collect();
        let both = fields.contains_key("is_csv") && fields.contains_key("filename");
        let base64 = match fields.remove("file") {
            Some(Value::String(text)) => text,
            other => {
                let value = other.unwrap_or_default();
                faults.push(format!("file {} is not of type string", said(&value)));
                String::new()
            }
        };
        let is_csv = yes_or_no(&mut fields, "is_csv", &mut faults);
        let confirm = yes_or_no(&mut fields, "confirm_email_before_download", &mut faults);
        let weeks = weeks(fields.remove("retention_period"), &mut faults);
        let filename = match fields.remove("filename") {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) if name.contains('.') => Some(name),
            Some(_) => {
                let text = "must end with a file extension. For example, filename.csv";
                faults.push(format!("filename `filename` {text}"));
                None
            }
        };
        if both {
            faults.push("Do not set a value for `is_csv` if `filename` is set.".to_owned());
        }
        if !faults.is_empty() {
            return Err(InvalidFile(faults));
        }
        let (is_csv, confirm_email) = (is_csv.unwrap_or(false), confirm.unwrap_or(true));
        Ok(Self { base64, is_csv, confirm_email, weeks, filename })
    }
}

fn yes_or_no(
    fields: &mut Map<String, Value>,
    name: &str,
    faults: &mut Vec<String>,
) -> Option<bool> {
    match fields.remove(name)? {
        Value::Null => None,
        Value::Bool(value) => Some(value),
        other => {
            let value = said(&other);
            faults.push(format!(
                "{name} Unsupported value for {name}: {value}. Use a boolean true or false value."
            ));
            None
        }
    }
}

fn weeks(value: Option<Value>, faults: &mut Vec<String>) -> u8 {
    let Some(value) = value.filter(|value| !value.is_null()) else { return DEFAULT_WEEKS };
    value.as_str().and_then(read_weeks).unwrap_or_else(|| {
        faults.push(format!(
            "retention_period Unsupported value for retention_period: {}. Supported periods are \
             from 1 to 78 weeks.",
            said(&value)
        ));
        DEFAULT_WEEKS
    })
}

/// `26 weeks`, `1 Week`.
fn read_weeks(text: &str) -> Option<u8> {
    let text = text.trim().to_lowercase();
    let number = text.strip_suffix(" weeks").or_else(|| text.strip_suffix(" week"))?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let weeks = number.parse().ok().filter(|_| is_number)?;
    (1..=MOST_WEEKS).contains(&weeks).then_some(weeks)
}

/// A value as Python writes it, without its quotes.
fn said(value: &Value) -> String {
    python_str(value).replace('\'', "")
}

/// Neither content nor name: both are personal data.
impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("weeks", &self.weeks).finish_non_exhaustive()
    }
}

/// Not the faults: they repeat what was sent.
impl fmt::Debug for InvalidFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvalidFile").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn faults(value: Value) -> Vec<String> {
        assert!(is_file(&value), "{value}");
        File::parse(value).unwrap_err().0
    }

    #[test]
    fn an_object_with_a_file_is_a_file_whatever_else_is_wrong_with_it() {
        for value in [json!({ "file": "YQ==" }), json!({ "file": null, "x": 1 })] {
            assert!(is_file(&value), "{value}");
        }
        for value in [json!({ "File": "YQ==" }), json!(["file"]), json!("file"), json!(null)] {
            assert!(!is_file(&value), "{value}");
        }
    }

    #[test]
    fn what_is_not_said_is_usual() {
        let usual = File {
            base64: "YQ==".to_owned(),
            is_csv: false,
            confirm_email: true,
            weeks: 26,
            filename: None,
        };
        // As the Node client sends it.
        let nulls = json!({ "file": "YQ==", "filename": null,
                            "confirm_email_before_download": null, "retention_period": null });
        for value in [json!({ "file": "YQ==" }), json!({ "file": "YQ==", "is_csv": null }), nulls] {
            assert!(File::parse(value).unwrap() == usual);
        }
        let file = json!({ "file": "", "filename": "a.b", "confirm_email_before_download": false,
                           "retention_period": " 1 WEEK " });
        let file = File::parse(file).unwrap();
        assert_eq!((file.filename.as_deref(), file.confirm_email), (Some("a.b"), false));
        assert_eq!(file.weeks, 1);
    }

    #[test]
    fn periods_are_from_one_to_seventy_eight_weeks() {
        for (text, weeks) in [("1 week", 1), ("01 weeks", 1), ("78 weeks", 78), ("2 Week", 2)] {
            assert_eq!(read_weeks(text), Some(weeks), "{text}");
        }
        for text in [
            "",
            "week",
            " weeks",
            "0 weeks",
            "79 weeks",
            "300 weeks",
            "+1 week",
            "1week",
            "1 day",
            "1  weeks",
            "1.5 weeks",
            "-1 weeks",
        ] {
            assert_eq!(read_weeks(text), None, "{text}");
        }
    }

    #[test]
    fn each_fault_in_the_contracts_words() {
        for (field, value, message) in [
            ("file", json!(5), "file 5 is not of type string"),
            ("file", json!(null), "file None is not of type string"),
            ("file", json!({ "a": "b" }), "file {a: b} is not of type string"),
            (
                "is_csv",
                json!("yes"),
                "is_csv Unsupported value for is_csv: yes. Use a boolean true or false value.",
            ),
            (
                "confirm_email_before_download",
                json!(1),
                "confirm_email_before_download Unsupported value for \
                 confirm_email_before_download: 1. Use a boolean true or false value.",
            ),
            (
                "retention_period",
                json!("79 weeks"),
                "retention_period Unsupported value for retention_period: 79 weeks. Supported \
                 periods are from 1 to 78 weeks.",
            ),
            (
                "retention_period",
                json!(true),
                "retention_period Unsupported value for retention_period: True. Supported periods \
                 are from 1 to 78 weeks.",
            ),
            (
                "filename",
                json!("report"),
                "filename `filename` must end with a file extension. For example, filename.csv",
            ),
            (
                "filename",
                json!(5),
                "filename `filename` must end with a file extension. For example, filename.csv",
            ),
            ("x'y", json!(1), "Additional properties are not allowed (xy was unexpected)"),
        ] {
            let mut file = json!({ "file": "YQ==" });
            file[field] = value;
            assert_eq!(faults(file), [message]);
        }
    }

    #[test]
    fn every_fault_is_listed_in_order() {
        let file = json!({ "filename": null, "retention_period": [], "is_csv": null, "z": 1,
                           "confirm_email_before_download": "no", "b": 1, "file": 1 });
        let faults = faults(file);
        let begins: Vec<&str> =
            faults.iter().map(|fault| fault.split(' ').next().unwrap()).collect();
        assert_eq!(
            begins,
            ["Additional", "file", "confirm_email_before_download", "retention_period", "Do"]
        );
        assert_eq!(faults[0], "Additional properties are not allowed (b, z were unexpected)");
        assert_eq!(faults[4], "Do not set a value for `is_csv` if `filename` is set.");
    }
}
