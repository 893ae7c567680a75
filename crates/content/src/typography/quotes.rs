//! Turning straight quotes into curly ones.

use crate::{
    python::{is_digit, is_word},
    whitespace::is_space,
};

/// How the names of elements start whose text is shown as typed.
const VERBATIM: [&str; 9] = ["pre", "samp", "code", "tt", "kbd", "script", "style", "math", "a"];

/// Character references that are themselves what quotes and dashes are turned into.
const REFERENCES: [(&str, &str); 7] = [
    ("&#8211;", "–"),
    ("&#8212;", "—"),
    ("&#8216;", "‘"),
    ("&#8217;", "’"),
    ("&#8220;", "“"),
    ("&#8221;", "”"),
    ("&#8230;", "…"),
];

/// One replacement: where, by what, and where the search goes on.
type Replacement = (usize, char, usize);

/// `text` with its quotes turned, except inside tags and [`VERBATIM`] elements. Each run of text
/// between tags is looked at by itself.
pub(super) fn turn_quotes(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut tokens = Tokens { rest: text, no_comment_ends: false };
    let mut verbatim = Vec::new();
    let mut last = None;
    while let Some(token) = tokens.next() {
        match token {
            Token::Tag(tag) => {
                follow(tag, &mut verbatim);
                out.push_str(tag);
            }
            Token::Text(run) => {
                if verbatim.is_empty() {
                    push_turned(&mut out, run, last);
                } else {
                    out.push_str(run);
                }
                last = run.chars().next_back();
            }
        }
    }
    out
}

enum Token<'a> {
    Text(&'a str),
    /// A tag, or a comment without `--` inside it.
    Tag(&'a str),
}

/// The tags of a text and what is between them.
struct Tokens<'a> {
    rest: &'a str,
    /// So that the end of a comment is not looked for again and again.
    no_comment_ends: bool,
}

impl<'a> Tokens<'a> {
    fn next(&mut self) -> Option<Token<'a>> {
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
            for (at, _) in comment.match_indices("--") {
                let after = comment[at + 2..].trim_start_matches(is_space);
                if after.starts_with('>') {
                    return Some(text.len() - after.len() + 1);
                }
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

/// Keeps account of the [`VERBATIM`] elements that the text after `tag` is in.
fn follow(tag: &str, inside: &mut Vec<&'static str>) {
    let is_end = tag.starts_with("</");
    let name = &tag[1 + usize::from(is_end)..];
    let starts = |element: &&&str| {
        name.get(..element.len()).is_some_and(|start| start.eq_ignore_ascii_case(element))
    };
    let Some(element) = VERBATIM.iter().find(starts) else {
        return;
    };
    if !is_end {
        inside.push(element);
    } else if inside.last() == Some(element) {
        inside.pop();
    }
}

/// Appends a run of text between tags; `last` is the character that ended the run before.
fn push_turned(out: &mut String, run: &str, last: Option<char>) {
    let closes = last.is_some_and(|c| !is_space(c));
    match run {
        "'" => out.push(if closes { '’' } else { '‘' }),
        "\"" => out.push(if closes { '”' } else { '“' }),
        _ if run.contains(['\'', '"', '\\', '#']) => {
            let mut text: Vec<char> = unescape(run).chars().collect();
            turn(&mut text);
            let text: String = text.into_iter().collect();
            out.push_str(&REFERENCES.iter().fold(text, |text, (reference, c)| {
                if text.contains(reference) { text.replace(reference, c) } else { text }
            }));
        }
        _ => out.push_str(run),
    }
}

/// Backslash escapes as character references, so that no rule finds them.
fn unescape(run: &str) -> String {
    let mut out = String::with_capacity(run.len());
    let mut chars = run.chars().peekable();
    while let Some(c) = chars.next() {
        let escaped = match chars.peek() {
            Some(&next) if c == '\\' && "\\\"'.-`".contains(next) => Some(next),
            _ => None,
        };
        match escaped {
            Some(next) => {
                out.push_str(&format!("&#{};", u32::from(next)));
                chars.next();
            }
            None => out.push(c),
        }
    }
    out
}

/// The rules, in order of precedence: each goes over what the ones before it have left.
fn turn(text: &mut [char]) {
    // Quotes within quotes, before a word.
    for (outer, inner, turned) in [('"', '\'', ['“', '‘']), ('\'', '"', ['‘', '“'])] {
        for at in 0..text.len().saturating_sub(2) {
            if text[at] == outer && text[at + 1] == inner && is_word(text[at + 2]) {
                text[at..at + 2].copy_from_slice(&turned);
            }
        }
    }
    // Decades: the 19'80s.
    replace(text, |text, at| {
        let is_decade = text
            .get(at + 2..at + 5)
            .is_some_and(|next| is_digit(next[0]) && is_digit(next[1]) && next[2] == 's');
        (text.get(at + 1) == Some(&'\'') && is_word(text[at]) && is_decade).then_some((
            at + 1,
            '’',
            at + 2,
        ))
    });
    replace(text, |text, at| opening(text, at, '\'', '‘'));
    // Two rules for closing quotes, because the second also takes the character that follows: of
    // two quotes around a lone `s` only the first closes.
    replace(text, |text, at| {
        let next = text.get(at + 2);
        let is_free =
            !next.is_some_and(|c| is_space(*c) || is_digit(*c)) && !is_possessive(text, at + 2);
        (closes(text, at, '\'') && is_free).then_some((at + 1, '’', at + 2))
    });
    replace(text, |text, at| {
        let is_free = text.get(at + 2).is_some_and(|c| is_space(*c)) || is_possessive(text, at + 2);
        (closes(text, at, '\'') && is_free).then_some((at + 1, '’', at + 3))
    });
    replace(text, |text, at| (text[at] == '\'').then_some((at, '‘', at + 1)));

    replace(text, |text, at| opening(text, at, '"', '“'));
    replace(text, |text, at| {
        let is_last = text.get(at + 1).is_some_and(|c| is_space(*c));
        (text[at] == '"' && is_last).then_some((at, '”', at + 1))
    });
    if let [first @ '"', next, ..] = text
        && next.is_ascii_punctuation()
        && *next != '&'
    {
        *first = '”';
    }
    replace(text, |text, at| closes(text, at, '"').then_some((at + 1, '”', at + 2)));
    replace(text, |text, at| (text[at] == '"').then_some((at, '“', at + 1)));
}

/// Goes over `text` once from the left, making the replacement that `rule` finds at each place.
fn replace(text: &mut [char], rule: impl Fn(&[char], usize) -> Option<Replacement>) {
    let mut at = 0;
    while at < text.len() {
        match rule(text, at) {
            Some((quote, turned, next)) => {
                text[quote] = turned;
                at = next;
            }
            None => at += 1,
        }
    }
}

/// A `quote` before a word, after space or something that spaces: it opens.
fn opening(text: &[char], at: usize, quote: char, turned: char) -> Option<Replacement> {
    let is_opening = |quote_at: usize| {
        text.get(quote_at) == Some(&quote) && text.get(quote_at + 1).is_some_and(|c| is_word(*c))
    };
    if is_space(text[at]) && is_opening(at + 1) {
        return Some((at + 1, turned, at + 2));
    }
    if !matches!(text[at], '&' | '-') {
        return None;
    }
    const SPACERS: [&str; 4] = ["&nbsp;", "--", "&ndash;", "&mdash;"];
    SPACERS.iter().find_map(|spacer| {
        let quote_at = at + spacer.len();
        let is_spacer = text.get(at..quote_at)?.iter().copied().eq(spacer.chars());
        (is_spacer && is_opening(quote_at)).then_some((quote_at, turned, quote_at + 1))
    })
}

/// Whether `quote` follows at `at + 1` something that only a closing quote follows.
fn closes(text: &[char], at: usize, quote: char) -> bool {
    text.get(at + 1) == Some(&quote)
        && !matches!(text[at], ' ' | '\t' | '\r' | '\n' | '[' | '{' | '(' | '-')
}

/// Whether there is an `s` by itself at `at`.
fn is_possessive(text: &[char], at: usize) -> bool {
    text.get(at) == Some(&'s') && !text.get(at + 1).is_some_and(|c| is_word(*c))
}
