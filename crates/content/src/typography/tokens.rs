//! Telling tags from the text between them.

use crate::whitespace::is_space;

/// A piece of a text with tags in it.
pub(super) enum Token<'a> {
    Text(&'a str),
    /// A tag, or a comment without `--` inside it.
    Tag(&'a str),
}

/// The tags of a text and what is between them.
pub(super) struct Tokens<'a> {
    rest: &'a str,
    /// So that the end of a comment is not looked for again and again.
    no_comment_ends: bool,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { rest: text, no_comment_ends: false }
    }

    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        let (token, rest) = match self.rest.find('<').map(|start| self.rest.split_at(start)) {
            Some(("", tag)) => match self.tag_length(tag) {
                Some(length) => (&tag[..length], &tag[length..]),
                None => (tag, ""),
            },
            // Without another tag the rest is one run.
            Some((_, tag)) if self.tag_length(tag).is_none() => (self.rest, ""),
            Some(parts) => parts,
            None => (self.rest, ""),
        };
        self.rest = rest;
        match token {
            "" => None,
            tag if tag.starts_with('<') && tag.ends_with('>') && is_tag(tag) => {
                Some(Token::Tag(tag))
            }
            run => Some(Token::Text(run)),
        }
    }

    /// How long the tag or comment is that `text` starts with.
    fn tag_length(&mut self, text: &str) -> Option<usize> {
        if let Some(comment) = text.strip_prefix("<!--").filter(|_| !self.no_comment_ends) {
            let mut ends = comment.match_indices('>').map(|(end, _)| end);
            if let Some(end) =
                ends.find(|&end| comment[..end].trim_end_matches(is_space).ends_with("--"))
            {
                return Some(text.len() - comment.len() + end + 1);
            }
            self.no_comment_ends = true;
        }
        text.find('>').map(|end| end + 1)
    }
}

/// Whether what is between a `<` and a `>` is no text: comments with `--` in them are.
fn is_tag(tag: &str) -> bool {
    let Some(comment) = tag.strip_prefix("<!--") else {
        return true;
    };
    let comment = comment.trim_end_matches('>').trim_end_matches(is_space);
    !comment.trim_end_matches('-').contains("--")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_text_alternate() {
        let mut tokens = Tokens::of("a<b>c</b<>d<!-- ' --- >e<!-- -- -->< f");
        let mut found = Vec::new();
        while let Some(token) = tokens.next() {
            found.push(match token {
                Token::Text(text) => format!("'{text}'"),
                Token::Tag(tag) => tag.to_owned(),
            });
        }
        let expected = ["'a'", "<b>", "'c'", "</b<>", "'d'", "<!-- ' --- >", "'e'"];
        assert_eq!(found[..7], expected);
        assert_eq!(found[7..], ["'<!-- -- -->'", "'< f'"]);
    }
}
