//! Files of recipients, of every kind.
#![no_main]

use content::{
    recipients::{Options, Recipients, Template},
    spreadsheet,
};
use libfuzzer_sys::fuzz_target;

const TEMPLATE: Template<'_> = Template::Sms { content: "((name))", prefix: None };

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, file) = input;
    let name = ["a.csv", "a.tsv", "a.xlsx", "a.xls", "a.ods"][usize::from(kind) % 5];
    let Ok(text) = spreadsheet::to_csv(name, file) else { return };
    let Ok(recipients) = Recipients::new(&text, TEMPLATE, Options::default()) else { return };
    assert_eq!(recipients.rows().count(), recipients.row_count().min(100_000));
    let _ = recipients.check();
});
