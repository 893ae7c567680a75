//! Taking the life out of values that strangers typed: links and Markdown in personalisation.

use std::{collections::HashSet, fmt};

use serde_json::{Map, Value};

use crate::{links::links, placeholder::key};

/// Characters that mean something in Markdown.
const MARKDOWN: &str = "`*_(){}[]<>#+-.!|\\";

/// A value that sanitising changed.
#[derive(Clone, PartialEq, Eq)]
pub struct Sanitised {
    /// Its key, spelled as in the personalisation.
    pub key: String,
    /// What was supplied.
    pub unsanitised: String,
    /// What is sent instead.
    pub sanitised: String,
}

/// A value to be sanitised is not text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("only text can be sanitised")]
pub struct NotText;

/// Replaces the values under `keys` by harmless ones, and tells what changed, in their order.
///
/// Keys match as placeholder names do. Null stays null.
///
/// # Errors
/// [`NotText`] if one of the values is neither text nor null; some may then have been replaced.
pub fn sanitise_content_for(
    personalisation: &mut Map<String, Value>,
    keys: &[String],
) -> Result<Vec<Sanitised>, NotText> {
    let keys: HashSet<_> = keys.iter().map(|name| key(name)).collect();
    let mut changed = Vec::new();
    for (name, value) in personalisation {
        if value.is_null() || !keys.contains(&key(name)) {
            continue;
        }
        let Value::String(text) = value else {
            return Err(NotText);
        };
        let sanitised = sanitise(text);
        if sanitised != *text {
            changed.push(Sanitised {
                key: name.clone(),
                unsanitised: std::mem::replace(text, sanitised.clone()),
                sanitised,
            });
        }
    }
    Ok(changed)
}

/// `text` without links and with its Markdown escaped.
///
/// What looks like a link but is only a name, such as `Marie.Curie`, is kept and broken up by
/// spaces; other links are deleted.
pub fn sanitise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for link in links(text) {
        push_escaped(&mut out, &text[from..link.start]);
        let name = &text[link.clone()];
        if name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-')) {
            push_escaped(&mut out, &name.replace('.', ". "));
        }
        from = link.end;
    }
    push_escaped(&mut out, &text[from..]);
    out
}

/// Not the values: they are personal data.
impl fmt::Debug for Sanitised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sanitised").finish_non_exhaustive()
    }
}

fn push_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        if MARKDOWN.contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn links_go_and_markdown_is_escaped() {
        for (text, expected) in [
            ("User, [click here](https://evil.link)", r"User, \[click here\]\(\)"),
            ("Marie.Curie", r"Marie\. Curie"),
            ("a evil.link/x?y z", "a  z"),
            ("# *x* `y`", r"\# \*x\* \`y\`"),
            ("3b1d-5c2e", r"3b1d\-5c2e"),
            ("jo@x.com", r"jo@x\.com"),
        ] {
            assert_eq!(sanitise(text), expected);
        }
    }

    #[test]
    fn only_named_values_change_and_only_changes_are_reported() {
        let mut values = json!({"First Name": "*x*", "plain": "y", "other": "*z*", "none": null});
        let values = values.as_object_mut().unwrap();
        let keys = ["first_name", "PLAIN", "none"].map(String::from);
        let changed = sanitise_content_for(values, &keys).unwrap();
        assert_eq!(changed.len(), 1);
        assert_eq!(changed[0].key, "First Name");
        assert_eq!(changed[0].unsanitised, "*x*");
        assert_eq!(values["First Name"], json!(r"\*x\*"));
        assert_eq!(values["other"], json!("*z*"));
    }

    #[test]
    fn numbers_and_lists_are_refused() {
        let mut values = json!({"n": [1]});
        let keys = ["n".to_owned()];
        let result = sanitise_content_for(values.as_object_mut().unwrap(), &keys);
        assert_eq!(result, Err(NotText));
    }
}
