//! Turning straight quotes into curly ones.

use std::borrow::Cow;

use super::tokens::{Token, Tokens};
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

/// What spaces like a space does before an opening quote.
const SPACERS: [&str; 4] = ["&nbsp;", "--", "&ndash;", "&mdash;"];

/// `text` with its quotes turned, except inside tags and [`VERBATIM`] elements. Each run of text
/// between tags is looked at by itself.
pub(super) fn turn_quotes(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut tokens = Tokens::of(text);
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
        _ => {
            let start = out.len();
            push_turned_run(out, &unescape(run));
            if run.contains("&#8") {
                let turned = out.split_off(start);
                out.push_str(&REFERENCES.iter().fold(turned, |text, (reference, c)| {
                    if text.contains(reference) { text.replace(reference, c) } else { text }
                }));
            }
        }
    }
}

/// Backslash escapes as character references, so that no rule finds them.
fn unescape(run: &str) -> Cow<'_, str> {
    if !run.contains('\\') {
        return Cow::Borrowed(run);
    }
    let mut out = String::with_capacity(run.len());
    let mut chars = run.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.next_if(|&next| c == '\\' && "\\\"'.-`".contains(next)) {
            Some(next) => out.push_str(&format!("&#{};", u32::from(next))),
            None => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// A straight quote and what it is turned into.
struct Quote {
    at: usize,
    is_double: bool,
    turned: Option<char>,
}

/// The quotes of a run. Rules see the characters beside a quote as they were typed.
struct Run<'a> {
    text: &'a str,
    quotes: Vec<Quote>,
}

/// Appends `text` with its quotes turned by one rule after the other: each takes what the ones
/// before it have left.
fn push_turned_run(out: &mut String, text: &str) {
    let quotes = text.match_indices(['\'', '"']).map(|(at, quote)| Quote {
        at,
        is_double: quote == "\"",
        turned: None,
    });
    let mut run = Run { text, quotes: quotes.collect() };
    run.turn_pairs(['“', '‘'], true);
    run.turn_pairs(['‘', '“'], false);
    run.turn(false, '’', Run::decade);
    run.turn(false, '‘', Run::opening);
    // Two rules for closing quotes, because the second also takes the character that follows: of
    // two quotes around a lone `s` only the first closes.
    run.turn(false, '’', |run, at| run.closing(at).filter(|_| run.is_inside(at)));
    run.turn(false, '’', Run::closing_word);
    run.turn(false, '‘', |_, at| Some((at, at + 1)));
    run.turn(true, '“', Run::opening);
    run.turn(true, '”', |run, at| run.next(at).is_some_and(is_space).then_some((at, at + 1)));
    run.turn_first();
    run.turn(true, '”', Run::closing);
    run.turn(true, '“', |_, at| Some((at, at + 1)));
    let mut copied = 0;
    for quote in run.quotes {
        out.push_str(&text[copied..quote.at]);
        out.extend(quote.turned);
        copied = quote.at + 1;
    }
    out.push_str(&text[copied..]);
}

/// What a rule takes: from where to where, the quote included.
type Taken = (usize, usize);

impl Run<'_> {
    /// Turns each quote of one kind that is still straight and that `rule` takes. Nothing is taken
    /// twice by one rule.
    fn turn(
        &mut self,
        is_double: bool,
        turned: char,
        rule: impl Fn(&Self, usize) -> Option<Taken>,
    ) {
        let mut free = 0;
        for index in 0..self.quotes.len() {
            let Quote { at, is_double: kind, turned: done } = self.quotes[index];
            if kind != is_double || done.is_some() {
                continue;
            }
            if let Some((start, end)) = rule(self, at)
                && start >= free
            {
                self.quotes[index].turned = Some(turned);
                free = end;
            }
        }
    }

    /// Turns quotes within quotes, before a word.
    fn turn_pairs(&mut self, turned: [char; 2], is_double: bool) {
        let is_word_next = |at: usize| self.text[at + 1..].starts_with(is_word);
        for pair in 1..self.quotes.len() {
            let [outer, inner] = &mut self.quotes[pair - 1..=pair] else {
                continue;
            };
            let is_pair = outer.at + 1 == inner.at && outer.is_double == is_double;
            let is_straight = outer.turned.is_none() && inner.turned.is_none();
            if is_pair && is_straight && inner.is_double != is_double && is_word_next(inner.at) {
                (outer.turned, inner.turned) = (Some(turned[0]), Some(turned[1]));
            }
        }
    }

    /// A double quote closes that starts the run, before punctuation.
    fn turn_first(&mut self) {
        let is_punctuation = |c: char| c.is_ascii_punctuation() && c != '&';
        let is_second_turned =
            self.quotes.get(1).is_some_and(|quote| quote.at == 1 && quote.turned.is_some());
        let before_punctuation = self.next(0).is_some_and(is_punctuation) && !is_second_turned;
        if let Some(first @ Quote { at: 0, is_double: true, turned: None }) =
            self.quotes.first_mut()
            && before_punctuation
        {
            first.turned = Some('”');
        }
    }

    fn previous(&self, at: usize) -> Option<char> {
        self.text[..at].chars().next_back()
    }

    fn next(&self, at: usize) -> Option<char> {
        self.text.get(at + 1..)?.chars().next()
    }

    /// Inside a number of years: the 19'80s.
    fn decade(&self, at: usize) -> Option<Taken> {
        let mut next = self.text[at + 1..].chars();
        let is_decade = next.next().is_some_and(is_digit)
            && next.next().is_some_and(is_digit)
            && next.next() == Some('s');
        (is_decade && self.previous(at).is_some_and(is_word)).then_some((at, at + 1))
    }

    /// Before a word, after space or something that spaces.
    fn opening(&self, at: usize) -> Option<Taken> {
        if !self.next(at).is_some_and(is_word) {
            return None;
        }
        let before = &self.text[..at];
        let space = self.previous(at).filter(|c| is_space(*c)).map(char::len_utf8);
        let length = space.or_else(|| {
            SPACERS.iter().find(|spacer| before.ends_with(**spacer)).map(|spacer| spacer.len())
        })?;
        Some((at - length, at + 1))
    }

    /// After something that only a closing quote follows.
    fn closing(&self, at: usize) -> Option<Taken> {
        let previous = self.previous(at)?;
        let closes = !matches!(previous, ' ' | '\t' | '\r' | '\n' | '[' | '{' | '(' | '-');
        closes.then(|| (at - previous.len_utf8(), at + 1))
    }

    /// At the end of a word, or before its genitive `s`.
    fn closing_word(&self, at: usize) -> Option<Taken> {
        let (start, end) = self.closing(at)?;
        let next = self.next(at).filter(|c| is_space(*c) || self.is_genitive(at))?;
        Some((start, end + next.len_utf8()))
    }

    /// Whether something follows that the second rule for closing quotes does not look for, and
    /// that is no digit.
    fn is_inside(&self, at: usize) -> bool {
        !self.next(at).is_some_and(|c| is_space(c) || is_digit(c)) && !self.is_genitive(at)
    }

    /// Whether an `s` by itself follows.
    fn is_genitive(&self, at: usize) -> bool {
        let after = self.text[at + 1..].strip_prefix('s');
        after.is_some_and(|after| !after.starts_with(is_word))
    }
}
