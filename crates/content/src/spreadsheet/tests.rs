use super::*;

const EXPECTED: &str = "phone number,name,date,when,paid,score\n\
    7700900123,\"Siân, \"\"Jo\"\"\",2026-11-25,2026-11-25 09:30:00,True,12.5\n\n\
    07700 900456,\"two\nlines\",,,False,0\n";

fn sheet(name: &str) -> Result<String, SpreadsheetError> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/sheets/");
    to_csv(name, &std::fs::read(format!("{folder}{name}")).unwrap())
}

#[test]
fn the_first_sheet_of_a_workbook_is_read() {
    assert_eq!(sheet("recipients.xlsx").unwrap(), EXPECTED);
    assert_eq!(sheet("recipients.xls").unwrap(), EXPECTED);
    // Its moments are written as ISO 8601 already.
    let expected = EXPECTED.replace("2026-11-25 09:30:00", "2026-11-25T09:30:00");
    assert_eq!(sheet("recipients.ods").unwrap(), expected);
}

#[test]
fn cells_far_away_do_not_take_the_room_between() {
    let far = sheet("far.xlsx").unwrap();
    assert_eq!(far.trim_end(), "name");
    assert!(matches!(sheet("far.xls"), Err(SpreadsheetError::TooLarge)));
}

#[test]
fn a_file_that_is_not_what_its_name_says_is_an_error() {
    for name in ["a.xlsx", "a.xls", "a.ods"] {
        for bytes in [&b"phone number\n07700900123"[..], b"", b"PK\x03\x04", &[0xD0, 0xCF, 0x11]] {
            assert!(to_csv(name, bytes).is_err(), "{name}");
        }
    }
    assert!(matches!(to_csv("a.pdf", b""), Err(SpreadsheetError::Kind)));
    assert!(matches!(to_csv("csv", b""), Err(SpreadsheetError::Kind)));
    let long = vec![b'a'; MAX_BYTES + 1];
    assert!(matches!(to_csv("a.csv", &long), Err(SpreadsheetError::TooLarge)));
}

#[test]
fn text_may_have_any_encoding() {
    let text = "phone number,enw\n07700900123,Siân Ŵyn";
    let utf16 = |text: &str, unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
        "\u{FEFF}".encode_utf16().chain(text.encode_utf16()).flat_map(unit).collect()
    };
    for bytes in [
        text.as_bytes().to_vec(),
        ["\u{FEFF}", text].concat().into_bytes(),
        utf16(text, u16::to_le_bytes),
        utf16(text, u16::to_be_bytes),
    ] {
        assert_eq!(to_csv("a.CSV", &bytes).unwrap(), text);
    }
    let windows = b"phone number,name\n07700900123,Ren\xe9e \x80 O\x92Neil, \xa35";
    assert_eq!(
        to_csv("a.csv", windows).unwrap(),
        "phone number,name\n07700900123,Renée € O’Neil, £5"
    );
}

#[test]
fn the_first_line_tells_the_separator() {
    let expected = "phone number,name\n07700900123,\"a, \"\"b\"\"\"\n";
    for (name, text) in [
        ("a.csv", "phone number;name\r\n07700900123;\"a, \"\"b\"\"\"\r\n"),
        ("a.csv", "phone number\tname\r07700900123\ta, \"b\""),
        ("a.tsv", "phone number\tname\n07700900123\ta, \"b\"\n"),
    ] {
        assert_eq!(to_csv(name, text.as_bytes()).unwrap(), expected, "{text}");
    }
    let commas = "phone number,a;b\n07700900123,c;d";
    assert_eq!(to_csv("a.csv", commas.as_bytes()).unwrap(), commas);
}
