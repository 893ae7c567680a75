//! What the file of a letter is called (letters contract §0.4).

use time::{
    OffsetDateTime, Time,
    format_description::BorrowedFormatItem,
    macros::{format_description, time},
};

use super::Postage;
use crate::london;

/// The time in the name.
const CREATED: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day][hour][minute][second]");
/// The day that names the folder.
const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
/// Letters that are made later go with the next day's.
const DEADLINE: Time = time!(17:30);

/// The name of a letter's file, such as `NOTIFY.FOO.D.2.C.20171204172900.PDF`. `None` for a time
/// that cannot be written.
#[must_use]
pub fn name(reference: &str, postage: Postage, created_at: OffsetDateTime) -> Option<String> {
    let created = created_at.format(CREATED).ok()?;
    let class = postage.file_class();
    Some(format!("NOTIFY.{reference}.D.{class}.C.{created}.PDF").to_uppercase())
}

/// How the name of a letter's file begins. The rest may have changed since it was written, because
/// it depends on the postage: files are looked up by this.
#[must_use]
pub fn prefix(reference: &str) -> String {
    format!("NOTIFY.{reference}").to_uppercase() + "."
}

/// The folder of letters that are printed together, such as `2017-12-04/`. `None` past the year
/// 9999.
#[must_use]
pub fn folder(created_at: OffsetDateTime) -> Option<String> {
    let local = london::local(created_at)?;
    let day = if local.time() > DEADLINE { local.date().next_day()? } else { local.date() };
    Some(format!("{}/", day.format(DAY).ok()?))
}

/// The reference in the name of a file, with or without its folder.
#[must_use]
pub fn reference(name: &str) -> Option<&str> {
    name.split('.').nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn names_hold_reference_class_and_time() {
        let at = datetime!(2017-12-04 17:29 UTC);
        for (postage, class) in [
            (Postage::First, "1"),
            (Postage::Second, "2"),
            (Postage::Economy, "ECONOMY"),
            (Postage::Europe, "E"),
            (Postage::RestOfWorld, "N"),
        ] {
            let name = name("foo", postage, at).unwrap();
            assert_eq!(name, format!("NOTIFY.FOO.D.{class}.C.20171204172900.PDF"));
            assert!(name.starts_with(&prefix("foo")));
            assert_eq!(reference(&name), Some("FOO"));
            assert_eq!(reference(&format!("2017-12-04/{name}")), Some("FOO"));
        }
        assert_eq!(reference("no dot"), None);
    }

    #[test]
    fn folders_change_after_half_past_five_in_london() {
        for (created_at, expected) in [
            (datetime!(2017-01-01 17:30:00 UTC), "2017-01-01/"),
            (datetime!(2017-01-01 17:30:00.000001 UTC), "2017-01-02/"),
            (datetime!(2017-01-01 17:31:00 UTC), "2017-01-02/"),
            (datetime!(2017-07-01 16:30:00 UTC), "2017-07-01/"),
            (datetime!(2017-07-01 16:30:01 UTC), "2017-07-02/"),
            (datetime!(2017-07-31 23:30:00 UTC), "2017-08-01/"),
            // The days on which the clocks change.
            (datetime!(2026-03-28 17:30:00 UTC), "2026-03-28/"),
            (datetime!(2026-03-29 16:30:00 UTC), "2026-03-29/"),
            (datetime!(2026-03-29 16:30:01 UTC), "2026-03-30/"),
            (datetime!(2026-10-24 16:30:01 UTC), "2026-10-25/"),
            (datetime!(2026-10-25 17:30:00 UTC), "2026-10-25/"),
            (datetime!(2026-10-25 17:30:01 UTC), "2026-10-26/"),
        ] {
            assert_eq!(folder(created_at).as_deref(), Some(expected), "{created_at}");
        }
    }
}
