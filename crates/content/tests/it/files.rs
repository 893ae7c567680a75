//! Files of recipients, whatever is in them.

use content::{
    dates::Language,
    letter::LetterTemplate,
    recipients::{MAX_ROWS, Options, Recipients, Template},
    spreadsheet,
};
use proptest::prelude::*;

const LETTER: LetterTemplate<'_> = LetterTemplate {
    subject: "((name))",
    content: "((a))",
    welsh_subject: "",
    welsh_content: "",
    contact_block: "((b))",
    language: Language::English,
    redact_missing: false,
};

const TEMPLATES: [Template<'_>; 3] = [
    Template::Sms { content: "((name)) ((a))", prefix: Some("Service") },
    Template::Email { subject: "((name))", content: "((a))", files: &[] },
    Template::Letter(LETTER),
];

/// Text made of what matters to a reader of such files.
fn csv() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("phone number".to_owned()),
        Just("email address".to_owned()),
        Just("address line 1".to_owned()),
        Just("Name".to_owned()),
        Just("07700900123".to_owned()),
        "[,\"\n\r ]{1,3}",
        "\\PC{0,4}",
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// What is counted and what is given agree, and nothing panics.
    #[test]
    fn every_row_is_counted(text in csv()) {
        for template in TEMPLATES {
            let Ok(file) = Recipients::new(&text, template, Options::default()) else { continue };
            let report = file.check();
            let rows: Vec<_> = file.rows().collect();
            prop_assert_eq!(rows.len(), file.row_count());
            let wrong = rows.iter().filter(|row| row.has_error()).count();
            prop_assert_eq!(wrong, report.rows_with_errors);
            prop_assert!(report.has_errors || wrong == 0);
            prop_assert!(report.shown.len() <= 20);
        }
    }

    #[test]
    fn any_file_is_read_or_refused(name in "[a-z]{0,3}\\.(csv|tsv|xlsx|xlsm|xls|ods)", bytes: Vec<u8>) {
        if let Ok(text) = spreadsheet::to_csv(&name, &bytes) {
            let _ = Recipients::new(&text, TEMPLATES[0], Options::default());
        }
    }
}

#[test]
fn rows_past_the_limit_are_counted_and_not_read() {
    let text = format!("phone number,name\n{}", "07700900123,Jo\n".repeat(MAX_ROWS + 1));
    let options = Options { max_rows: 100, ..Options::default() };
    let file = Recipients::new(&text, TEMPLATES[0], options).unwrap();
    assert_eq!(file.row_count(), MAX_ROWS + 1);
    assert_eq!(file.rows().map(|row| row.index).max(), Some(99));
    assert!(file.check().too_many_rows);
}

#[test]
fn any_number_of_columns_is_read_in_linear_time() {
    let header = format!("phone number{}", ",name".repeat(200_000));
    let file = Recipients::new(&header, TEMPLATES[0], Options::default()).unwrap();
    assert_eq!(file.column_headers().len(), 2);
}
