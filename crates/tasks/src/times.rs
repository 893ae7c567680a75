//! Dates and times as Python's producers write them (tasks contract §2.5).

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use time::{
    Date, OffsetDateTime, PrimitiveDateTime, UtcOffset,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::format_description,
};

const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second][optional [.[subsecond]]]");

/// A date, written `2022-05-02`. One with a time behind it, as older producers write it, is read too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireDate(pub Date);

impl Serialize for WireDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for WireDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let date = text.split_once(['T', ' ']).map_or(text.as_str(), |(date, _)| date);
        Date::parse(date, DATE).map(Self).map_err(|_| D::Error::custom("a date, expected a date"))
    }
}

/// An instant, written in UTC without a zone: `2022-05-01T23:00:00`. One with a zone is read too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireTime(pub OffsetDateTime);

impl Serialize for WireTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let at = self.0.to_offset(UtcOffset::UTC);
        let text = PrimitiveDateTime::new(at.date(), at.time().truncate_to_second())
            .format(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]"))
            .map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for WireTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?.replace(' ', "T");
        OffsetDateTime::parse(&text, &Rfc3339)
            .or_else(|_| PrimitiveDateTime::parse(&text, TIME).map(PrimitiveDateTime::assume_utc))
            .map(Self)
            .map_err(|_| D::Error::custom("a text, expected a time"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json, to_value};
    use time::macros::{date, datetime};

    #[test]
    fn dates_are_read_as_old_and_new_producers_write_them() {
        for text in ["2022-05-02", "2022-05-02T00:00:00"] {
            assert_eq!(from_value::<WireDate>(json!(text)).unwrap().0, date!(2022 - 05 - 02));
        }
        assert_eq!(to_value(WireDate(date!(2022 - 05 - 02))).unwrap(), "2022-05-02");
        assert!(from_value::<WireDate>(json!("yesterday")).is_err());
    }

    #[test]
    fn times_are_utc_with_or_without_a_zone() {
        for text in
            ["2022-05-01T23:00:00", "2022-05-01T23:00:00.000000", "2022-05-02T00:00:00+01:00"]
        {
            let time: WireTime = from_value(json!(text)).unwrap();
            assert_eq!(time.0, datetime!(2022-05-01 23:00 UTC), "{text}");
            assert_eq!(to_value(time).unwrap(), "2022-05-01T23:00:00");
        }
        assert!(from_value::<WireTime>(json!("now")).is_err());
    }
}
