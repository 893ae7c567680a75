//! What the parts of a document refer to each other by.

use std::collections::{HashMap, HashSet};

use super::Link;
use crate::{markdown::render::escape, whitespace::is_space};

/// What is defined in a document, by [`key`]: a link by its last definition.
#[derive(Default)]
pub(super) struct References {
    links: HashMap<String, (String, Option<String>)>,
    /// Keys of footnotes.
    notes: HashSet<String>,
}

impl References {
    pub(super) fn add_link(&mut self, label: &str, link: Link<'_>) {
        let link = (link.target.to_owned(), link.title.map(str::to_owned));
        self.links.insert(key(label), link);
    }

    /// False if there is one already.
    pub(super) fn add_note(&mut self, key: &str) -> bool {
        self.notes.insert(key.to_owned())
    }

    pub(super) fn link(&self, label: &str) -> Option<Link<'_>> {
        let (target, title) = self.links.get(&key(label))?;
        Some(Link { target, title: title.as_deref() })
    }

    pub(super) fn has_links(&self) -> bool {
        !self.links.is_empty()
    }

    pub(super) fn has_note(&self, key: &str) -> bool {
        self.notes.contains(key)
    }
}

/// What labels are compared by: lower case, each run of space as one, escaped.
pub(super) fn key(label: &str) -> String {
    let mut escaped = String::with_capacity(label.len());
    escape(&mut escaped, &label.to_lowercase());
    let mut out = String::with_capacity(escaped.len());
    let mut in_space = false;
    for c in escaped.chars() {
        match c {
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if is_space(c) => out.push_str(if in_space { "" } else { " " }),
            c => out.push(c),
        }
        in_space = is_space(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_ignore_case_and_how_much_space_there_is() {
        assert_eq!(key("A \n b&<\"'"), "a b&amp;&lt;&quot;&#39;");
        let mut references = References::default();
        assert!(!references.has_links() && references.link("a").is_none());
        for target in ["u", "v"] {
            references.add_link("A", Link { target, title: None });
        }
        assert_eq!(references.link("a").map(|link| link.target), Some("v"));
        assert!(references.add_note("n") && !references.add_note("n") && references.has_note("n"));
    }
}
