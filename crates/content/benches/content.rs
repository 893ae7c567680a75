//! How long rendering, counting and checking take: `make bench`, or `cargo bench -p content`.

use std::hint::black_box;

use content::{
    Personalisation,
    email::{EmailTemplate, Layout},
    recipients::{MAX_ROWS, Options, Recipients, Template},
    sms::SmsTemplate,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::json;

/// Twenty placeholders.
fn values() -> Personalisation {
    (1..=20)
        .map(|number| (format!("value {number}"), json!(format!("text & <{number}>"))))
        .collect()
}

/// An email of 5 kB with headings, lists, links, inset text and twenty placeholders.
fn email() -> String {
    let parts = (1..=20).map(|number| {
        format!(
            "# Part {number}\n\nDear ((value {number})), \"please\" read our page - it is short:\n\
             https://www.example.com/{number}\n\n* one\n* two\n\n^ Ask [us](https://example.com) about it\n\n\
             Words that fill a line or two as they do in letters of some length, and say nothing, {number}.\n\n"
        )
    });
    let text: String = parts.collect();
    assert!((4500..5500).contains(&text.len()), "{} bytes", text.len());
    text
}

fn rendering(criterion: &mut Criterion) {
    let (content, values) = (email(), values());
    criterion.bench_function("an email of 5 kB to HTML and text", |bench| {
        bench.iter(|| {
            let email = EmailTemplate::new("Hello ((value 1))", &content, black_box(&values));
            (email.document(&Layout::default()), email.plain_text())
        });
    });
    let text = "Dear ((value 1)), your appointment is on ((value 2)). Reply “no” to cancel it.";
    criterion.bench_function("a text message counted", |bench| {
        bench.iter(|| SmsTemplate::new(text, Some("Service"), black_box(&values)).fragments());
    });
}

fn files(criterion: &mut Criterion) {
    let row = |number: usize| {
        format!("07700 9{:05},Person {number},Tuesday {number}\n", number % 100_000)
    };
    let rows: String = (0..MAX_ROWS).map(row).collect();
    let text = format!("phone number,name,day\n{rows}");
    let template = Template::Sms { content: "Dear ((name)), come on ((day)).", prefix: Some("Us") };
    let mut group = criterion.benchmark_group("files");
    group.sample_size(10).throughput(Throughput::Elements(MAX_ROWS as u64));
    group.bench_function("100,000 rows checked", |bench| {
        bench.iter(|| {
            let file = Recipients::new(black_box(&text), template, Options::default());
            file.is_ok_and(|file| file.check().has_errors)
        });
    });
    group.finish();
}

criterion_group!(benches, rendering, files);
criterion_main!(benches);
