//! No text takes much longer than others of its size, whatever it is made to provoke.

use std::time::Duration;

use content::{
    Personalisation, email::EmailTemplate, letter::LetterTemplate, sms_preview::SmsPreview,
};
use cpu_time::ThreadTime;

/// How long the texts are.
const SIZE: usize = 1 << 20;

/// Text as people write it.
const ORDINARY: &str = "# Your appointment\n\nDear Jo, \"please\" bring:\n\n* a pen\n* [the form](https://example.com/form?id=1)\n\nSee https://example.com - or it's lost.\n\n^ Come early.\n\n1. Ring\n2. Wait\n\n---\n\n";

/// How many times as long as an ordinary text another may take. One that is all lists comes to far
/// more HTML than it.
const RATIO: u32 = 16;

/// What the texts start with, what is repeated in them, and what they end with.
const PROVOKING: &[[&str; 3]] = &[
    ["", "[", ""],
    ["", "[", "]"],
    ["", "]", ""],
    ["", "[a](", ""],
    ["", "[a](u \"", ""],
    ["", "[a](u \"x) ", ""],
    ["", "[a](<u ", ""],
    ["", "[a](<u> x) ", ""],
    ["", "![", ""],
    ["", "[a][", ""],
    ["[r]: u\n\n", "[a][", ""],
    ["[r]: u\n\n", "[[a] ", ""],
    ["[r]: u\n\n", "[r] ", ""],
    ["[r]: u\n\n", "[] [", "]"],
    ["", "[^", ""],
    ["[^a]: b\n\n", "[^a", ""],
    ["[^a]: b\n\n", "[^a]", ""],
    ["", "[^a]: b\n", ""],
    ["", "[^a\n", ""],
    ["", "[a\n", ""],
    ["", "[a]:\n", ""],
    ["", "[a]: u\n", ""],
    ["", "* ", ""],
    ["", "*", ""],
    ["", "* x\n", ""],
    ["", "* x\n\n\n", ""],
    ["", "* x\n\n", "\n\u{a0}"],
    ["", "* x\n [", ""],
    ["", "1. ", ""],
    ["", "1", ""],
    ["", "^ ", ""],
    ["", "^\n", ""],
    ["", "^x\n\n", ""],
    ["", "^ * ", ""],
    ["", "> ", ""],
    ["", "# ", ""],
    ["", "#\n", ""],
    ["", "a\n-\n", ""],
    ["", "    x\n\n", ""],
    ["", "```\n", ""],
    ["", "```a\n", ""],
    ["", "~~~ x\n", ""],
    ["", "~", "\nx"],
    ["", "``` x y\n", ""],
    ["x\n", "```a\nb", ""],
    ["", "a|b\n", ""],
    ["", "|a|b\n", ""],
    ["a|b\n-|-\n", "|", "\n"],
    ["", "<", ""],
    ["", "<a", ""],
    ["", "<a b=", ""],
    ["", "<a b='", ""],
    ["", "<a>", ""],
    ["", "<a b=\"c\">", ""],
    ["", "<div>\n", ""],
    ["", "<div>\n\n", "</div>x"],
    ["", "<!--", ""],
    ["", "<!--x>", ""],
    ["", "<!-- - >", "'"],
    ["", "''", ""],
    ["", "&#8217;'", ""],
    ["", "<!-- x --> y\n", ""],
    ["", "<a:", ""],
    ["", "<a@", ">"],
    ["", "</a>", ""],
    ["", "\\", ""],
    ["", "&", ""],
    ["", "&#", ""],
    ["", "&amp", ""],
    ["", "_", ""],
    ["", "\u{a0}\n", "x"],
    ["", " \n\u{a0}", ""],
    ["x", " ", "\n\u{a0}"],
    ["", "x ", "\n"],
    ["", "\n", "x"],
    ["", "https://", ""],
    ["", "https://)", ""],
    ["", "h", ""],
    ["", "'", ""],
    ["", "\"' ", ""],
    ["", "s's ", ""],
    ["", " - ", ""],
    ["", "-", ""],
    ["", " ,", ""],
    ["", "@ ", ""],
    ["", "a'@", ""],
    ["", "((", ""],
    ["", "((a", ""],
    ["", "((a))", ""],
    ["", "((a)) ", "))"],
    ["", "gov.uk ", ""],
];

/// Texts that are no single part repeated.
fn nested() -> Vec<String> {
    let brackets = "[ ".repeat(500);
    vec![
        deep("[", "](u)"),
        deep("[a ", "][r] "),
        deep("^ * ", "\n"),
        format!("[r]: {}\n\n{}", "u".repeat(SIZE / 2), "[r] ".repeat(SIZE / 8)),
        format!("[{brackets}]: u\n\n{}", format!("{brackets}]]").repeat(1000)),
        (0..SIZE / 8).map(|n| format!("<b{n}>")).collect(),
        (0..1400).map(|n| format!("{}* x\n", " ".repeat(n))).collect(),
        (3..1400).rev().map(|n| format!("{}\n", "~".repeat(n))).collect(),
    ]
}

/// A text of as many `open`s as `close`s.
fn deep(open: &str, close: &str) -> String {
    let times = SIZE / (open.len() + close.len());
    format!("{}x{}\n\n[r]: v\n", open.repeat(times), close.repeat(times))
}

#[test]
fn nothing_makes_plain_text_slow() {
    let ordinary = time(plain_text, &ORDINARY.repeat(SIZE / ORDINARY.len()));
    let repeated = PROVOKING
        .iter()
        .map(|[start, part, end]| format!("{start}{}{end}", part.repeat(SIZE / part.len())));
    for text in repeated.chain(nested()) {
        assert_fast(plain_text, &text, ordinary);
    }
}

/// Only what HTML does otherwise: the source is escaped, and there is much more of it.
#[test]
fn nothing_makes_html_slow() {
    let ordinary = time(html, &ORDINARY.repeat(SIZE / ORDINARY.len()));
    for part in ["((a))", "((a)) [", "&#", "&lt;", "'", "* x\n\n\n", "^x\n\n", "[a](b)", "#\n"] {
        assert_fast(html, &part.repeat(SIZE / part.len()), ordinary);
    }
}

/// What letters and text messages do beside that: codes, addresses, links in plain text.
#[test]
fn nothing_makes_letters_or_previews_slow() {
    let ordinary = time(letter_and_preview, &ORDINARY.repeat(SIZE / ORDINARY.len()));
    let parts = [
        "qr:",
        "qr: a\n\n",
        "qr: https://a.b",
        "-",
        "\"'s",
        "<a ",
        "a.b.",
        "a.b@",
        "a..",
        "x.co/)",
        "x.co/((",
        "http://",
        "\n",
        "\u{200b}",
        " …",
        "€",
        "((a\n",
    ];
    for part in parts {
        assert_fast(letter_and_preview, &part.repeat(SIZE / part.len()), ordinary);
    }
}

fn assert_fast(render: fn(&str) -> usize, text: &str, ordinary: Duration) {
    let limit = ordinary * RATIO;
    // Once may be bad luck: others share the caches and the memory.
    let is_fast = (0..3).any(|_| time(render, text) < limit);
    assert!(is_fast, "{:?}… takes over {limit:?}", text.chars().take(40).collect::<String>());
}

/// Time of the processor, since other tests run meanwhile.
fn time(render: fn(&str) -> usize, content: &str) -> Duration {
    let start = ThreadTime::now();
    assert!(render(content) > 0);
    start.elapsed()
}

fn plain_text(content: &str) -> usize {
    EmailTemplate::new("", content, &Personalisation::default()).plain_text().len()
}

fn html(content: &str) -> usize {
    EmailTemplate::new("", content, &Personalisation::default()).html_body().len() + 1
}

fn letter_and_preview(content: &str) -> usize {
    let values = Personalisation::default();
    let letter =
        LetterTemplate { subject: content, content, contact_block: content, ..Default::default() };
    let is_printable = letter.check_qr_codes(&values).is_ok();
    let preview = SmsPreview::new(content, &values);
    letter.html_subject(&values).len()
        + letter.html_body(&values, str::to_owned).len()
        + letter.html_contact_block(&values).len()
        + preview.html().len()
        + usize::from(is_printable)
}
