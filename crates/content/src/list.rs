//! Lists of things in a sentence.

use crate::html;

/// How a list of things is written.
#[derive(Clone, Copy, Debug)]
pub struct List<'a> {
    /// The word before the last one.
    pub conjunction: &'a str,
    /// What is before each, as HTML.
    pub before_each: &'a str,
    /// What is after each, as HTML.
    pub after_each: &'a str,
    /// What is between them, but for the last two.
    pub separator: &'a str,
    /// What is before the whole when there is one.
    pub prefix: &'a str,
    /// What is before the whole when there are several.
    pub prefix_plural: &'a str,
    /// Shows no more things than the number, and the word for the others.
    pub most: Option<(usize, &'a str)>,
}

impl Default for List<'_> {
    /// `‘a’, ‘b’ and ‘c’`.
    fn default() -> Self {
        Self {
            conjunction: "and",
            before_each: "‘",
            after_each: "’",
            separator: ", ",
            prefix: "",
            prefix_plural: "",
            most: None,
        }
    }
}

impl List<'_> {
    /// The list of `items`, each escaped, as HTML.
    #[must_use]
    pub fn format(&self, items: &[&str]) -> String {
        let prefix = match items.len() {
            0 => "",
            1 => self.prefix,
            _ => self.prefix_plural,
        };
        let wrap = |item: &&str| [self.before_each, &html::escape(item), self.after_each].concat();
        let mut shown: Vec<String> = match self.most {
            Some((most, _)) if items.len() > most => {
                items.iter().take(most.saturating_sub(1).max(1)).map(wrap).collect()
            }
            _ => items.iter().map(wrap).collect(),
        };
        if let Some((_, word)) = self.most.filter(|(most, _)| items.len() > *most) {
            shown.push(word.to_owned());
        }
        let list = match shown.as_slice() {
            [] => String::new(),
            [only] => only.clone(),
            [first @ .., last] => {
                format!("{} {} {last}", first.join(self.separator), self.conjunction)
            }
        };
        if prefix.is_empty() { list } else { format!("{prefix} {list}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sentences() {
        let list = List::default();
        assert_eq!(list.format(&[]), "");
        assert_eq!(list.format(&["a<"]), "‘a&lt;’");
        assert_eq!(list.format(&["a", "b", "c"]), "‘a’, ‘b’ and ‘c’");
        let few = List { most: Some((3, "more")), prefix_plural: "things", ..list };
        assert_eq!(few.format(&[]), "");
        assert_eq!(few.format(&["a", "b", "c"]), "things ‘a’, ‘b’ and ‘c’");
        assert_eq!(few.format(&["a", "b", "c", "d"]), "things ‘a’, ‘b’ and more");
    }
}
