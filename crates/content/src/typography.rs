//! Typographic punctuation: curly quotes and dashes, as a typesetter would put them.

use crate::whitespace::{close_up_punctuation, is_space};

/// Elements whose text is shown as typed.
const VERBATIM: [&str; 9] = ["a", "pre", "samp", "code", "tt", "kbd", "script", "style", "math"];

/// One replacement: where, by what, and where the search goes on.
type Replacement = (usize, char, usize);

/// `text`, which may hold HTML tags, with space before commas and full stops taken out, quotes
/// turned, and hyphens between words made dashes. Apostrophes in email addresses stay straight.
pub fn make_typographic(text: &str) -> String {
    let turned = turn_quotes(&close_up_punctuation(text));
    set_dashes(&straighten_addresses(&turned))
}

/// Turns straight quotes into curly ones, except inside tags and [`VERBATIM`] elements.
fn turn_quotes(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    let mut verbatim: Option<&str> = None;
    let mut last = None;
    while !rest.is_empty() {
        let tag = next_tag(rest);
        let (run, tag) = tag.map_or((rest, ""), |(start, end)| (&rest[..start], &rest[start..end]));
        match verbatim {
            None => push_turned(&mut out, run, last),
            Some(_) => out.push_str(run),
        }
        last = run.chars().next_back().or(last);
        out.push_str(tag);
        verbatim = after_tag(tag, verbatim);
        rest = &rest[run.len() + tag.len()..];
    }
    out
}

/// Where the first tag of `text` starts and ends.
fn next_tag(text: &str) -> Option<(usize, usize)> {
    let start = text.find('<')?;
    let length = text[start..].find('>')? + 1;
    Some((start, start + length))
}

/// Which verbatim element the text is in after `tag`.
fn after_tag<'a>(tag: &'a str, inside: Option<&'a str>) -> Option<&'a str> {
    let body = tag.trim_start_matches('<');
    let is_end = body.starts_with('/');
    let name = body.trim_start_matches('/');
    let length = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
    let name = &name[..length];
    match inside {
        Some(element) if is_end && element.eq_ignore_ascii_case(name) => None,
        None if !is_end && VERBATIM.iter().any(|v| v.eq_ignore_ascii_case(name)) => Some(name),
        unchanged => unchanged,
    }
}

/// Appends a run of text between tags; `last` is the character that ended the run before.
fn push_turned(out: &mut String, run: &str, last: Option<char>) {
    let closes = last.is_some_and(|c| !is_space(c));
    match run {
        "'" => out.push(if closes { '’' } else { '‘' }),
        "\"" => out.push(if closes { '”' } else { '“' }),
        _ if run.contains(['\'', '"', '\\']) => {
            let mut text: Vec<char> = unescape(run).chars().collect();
            turn(&mut text);
            out.extend(text);
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
        let is_decade = text.get(at + 2..at + 5).is_some_and(|next| {
            next[0].is_ascii_digit() && next[1].is_ascii_digit() && next[2] == 's'
        });
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
            !next.is_some_and(|c| is_space(*c) || c.is_numeric()) && !is_possessive(text, at + 2);
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
    const SPACERS: [&str; 8] =
        ["&nbsp;", "--", "&ndash;", "&mdash;", "&#8211;", "&#8212;", "&#x2013;", "&#x2014;"];
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

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Turns the quotes in email addresses back into apostrophes.
fn straighten_addresses(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for token in text.split_inclusive(is_space) {
        let is_straight = !token.contains('@');
        out.extend(token.chars().map(|c| match c {
            '‘' | '’' if !is_straight => '\'',
            other => other,
        }));
    }
    out
}

/// Makes each one to three hyphens or dashes that stand between spaces an en dash.
fn set_dashes(text: &str) -> String {
    let is_dash = |c| matches!(c, '-' | '–' | '—');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(is_dash) {
        let after = rest[at..].trim_start_matches(is_dash);
        let dashes = &rest[at..rest.len() - after.len()];
        let (before, next) =
            (rest[..at].trim_end_matches(is_space), after.trim_start_matches(is_space));
        let is_loose = before.len() < at && next.len() < after.len();
        if is_loose && dashes.chars().count() <= 3 {
            out.push_str(before);
            out.push_str(" – ");
            rest = next;
        } else {
            out.push_str(&rest[..rest.len() - after.len()]);
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn punctuation_is_set() {
        for (text, expected) in [
            (r#""Hello," she said - "it's 'fine'""#, "“Hello,” she said – “it’s ‘fine’”"),
            ("rock 'n' roll in the '80s", "rock ‘n’ roll in the ‘80s"),
            ("1980's, 80's, Jo's '", "1980’s, 80’s, Jo’s ‘"),
            (r#"6'2" tall"#, "6‘2” tall"),
            (r#""'Quoted' words""#, "“‘Quoted’ words”"),
            ("a's's b''", "a’s‘s b’‘"),
            ("<a href=\"x'y\">it's</a> 'q' <b>'</b>", "<a href=\"x'y\">it's</a> ‘q’ <b>‘</b>"),
            ("don't@x.com 'hi' a'b", "don't@x.com ‘hi’ a’b"),
            ("x - y -- z --- w ---- v a-b - - c", "x – y – z – w ---- v a-b – - c"),
            ("a , b .", "a, b."),
            (r#"\"x\" <"#, "&#34;x&#34; <"),
        ] {
            assert_eq!(make_typographic(text), expected);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_set(text in "[a-s'\"&;<>/ \\-@\\\\0-9(é]*") {
            make_typographic(&text);
        }
    }
}
