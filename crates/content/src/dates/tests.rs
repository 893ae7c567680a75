use super::*;
use proptest::prelude::*;
use time::macros::datetime;

#[test]
fn times_are_read_as_people_and_programs_write_them() {
    let morning = datetime!(2024-07-14 09:05 UTC);
    for text in [
        "2024-07-14T09:05:00Z",
        "2024-07-14 09:05",
        "2024/07/14 09:05:00.000",
        "20240714T0905",
        "202407140905",
        "20240714 090500",
        "14 July 2024 9:05am",
        "14th of July, 2024 at 9:05 a.m.",
        "9:05am 14-Jul-2024",
        "9:05 Jul-14-2024",
        "Sun, 14 Jul 2024 09:05:00 GMT",
        "Sun Jul 14 09:05:00 BST 2024",
        "7/14/2024 9:05",
        "14.7.2024 9:05",
        "14/7/24 9:05",
        "9h05 July of 2024 14",
        "9 hours 5 minutes 14/Jul/2024",
        "14 July, 2024 at 9h 5m+1",
        "140724 9:5",
    ] {
        assert_eq!(parse_utc(text), Some(morning), "{text}");
    }
}

#[test]
fn offsets_are_read_over() {
    for text in [
        "2024-07-14T23:00:00+05:00",
        "2024-07-14T23:00-0530",
        "2024-07-14 11pm GMT+3",
        "2024-07-14 23:00:00,0 +01 (BST)",
    ] {
        assert_eq!(parse_utc(text), Some(datetime!(2024-07-14 23:00 UTC)), "{text}");
    }
}

#[test]
fn the_month_comes_first_where_both_could() {
    for (text, expected) in [
        ("07/08/2024", datetime!(2024-07-08 0:00 UTC)),
        ("13/08/2024", datetime!(2024-08-13 0:00 UTC)),
        ("1/2/75", datetime!(2075-01-02 0:00 UTC)),
        ("1/2/76", datetime!(1976-01-02 0:00 UTC)),
        ("99-02-01", datetime!(1999-02-01 0:00 UTC)),
        ("0099-02-01", datetime!(0099-02-01 0:00 UTC)),
        ("12:00 AM 1 Jan 2024", datetime!(2024-01-01 0:00 UTC)),
        ("2024-01-01 12:30 pm", datetime!(2024-01-01 12:30 UTC)),
        ("2024-07-14 1:02.5", datetime!(2024-07-14 1:02:30 UTC)),
        ("2024-07-14 1:02:03.1234567", datetime!(2024-07-14 1:02:03.123456 UTC)),
    ] {
        assert_eq!(parse_utc(text), Some(expected), "{text}");
    }
}

#[test]
fn what_is_no_time_of_a_day_is_refused() {
    for text in [
        "",
        "not a date",
        "10:00",
        "July 2024",
        "2024",
        "2024-13-01",
        "2024-02-30 00:00",
        "2024-07-14 24:00",
        "2024-07-14 10:60",
        "2024-07-14 13:00 pm",
        "14 July 2024 at 10.30",
        "14 July 2024-10:30",
        "2024-07-14 10:00 gmt",
        "2024-07-14 (Sunday)",
        "14 July August 2024",
        "1720951200",
        "99999999999999999999",
        "0000-01-01",
        "2024-196",
        "٢٠٢٤-٠٧-١٤",
    ] {
        assert_eq!(parse_utc(text), None, "{text}");
    }
}

#[test]
fn letters_show_the_day_in_london() {
    let late = datetime!(2025-05-31 23:00 UTC);
    assert_eq!(letter_date(late, Language::English), "1 June 2025");
    assert_eq!(letter_date(late, Language::Welsh), "1 Mehefin 2025");
}

proptest! {
    #[test]
    fn any_text_is_a_time_or_is_not(text in "([0-9]{1,14}|[-+/.,:; 'TZ()]|am|pm|jul|Mon|\\PC){0,12}") {
        let _ = parse_utc(&text);
    }

    #[test]
    fn iso_is_read_as_it_is(seconds in -62_135_596_800_i64..253_402_300_800, micros in 0_i64..1_000_000) {
        let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap() + time::Duration::microseconds(micros);
        let at_rest = at.format(&time::format_description::well_known::Rfc3339).unwrap();
        prop_assert_eq!(parse_utc(&at_rest), Some(at));
    }
}
