//! Slots on London's clock, and what becomes of every entry in the two nights that change it.

use std::{collections::HashSet, time::Duration};

use tasks::schedule::schedule;
use time::{
    Date,
    macros::{date, datetime},
};

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Cron entries of every shape that a schedule like Notify's has.
const SHAPES: &[&str] = &[
    "* * * * *",
    "*/1 * * * *",
    "*/5 * * * *",
    "*/10 * * * *",
    "0,15,30,45 * * * *",
    "30 * * * *",
    "0 * * * *",
    "0 0 * * *",
    "5 0 * * *",
    "15 0 * * *",
    "30 0 * * *",
    "35 1 * * *",
    "40 1 * * *",
    "0 1 * * *",
    "59 1 * * *",
    "0 2 * * *",
    "0 3 * * *",
    "4 3 * * *",
    "33 3 * * *",
    "0 4 * * *",
    "20 4 * * *",
    "40 4 * * *",
    "0 7 * * *",
    "0 17 * * *",
    "50 17 * * *",
    "50 16,17 * * *",
    "0 19 * * *",
    "0 20 * * *",
    "0 23 * * *",
    "0 7 * * mon-fri",
    "0 9,15 * * mon-fri",
    "30 10 * * mon-fri",
    "30 0 * * mon-fri",
    "30 1 * * sun",
    "0 9 * * mon",
    "0 10 * * wed",
    "0 9 1-7 * tue",
    "0 9 2-8 * wed",
    "1 2 1 4 *",
    "30 1 29 3 *",
];

/// The days on which London's clock changes, in two years.
const CHANGES: [Date; 4] =
    [date!(2026 - 03 - 29), date!(2026 - 10 - 25), date!(2027 - 03 - 28), date!(2027 - 10 - 31)];

/// Each change with the day before and the day after: from midnight to midnight in London.
fn three_days() -> [Range<OffsetDateTime>; 4] {
    CHANGES.map(|day| {
        let midnight = |day| domain::london::midnight(day).unwrap();
        midnight(day - time::Duration::DAY)..midnight(day + 2 * time::Duration::DAY)
    })
}

fn cron(fields: &'static str) -> Timetable {
    Timetable::new(When::Cron(fields)).unwrap()
}

fn latest(table: &Timetable, now: OffsetDateTime) -> OffsetDateTime {
    table.period(now).unwrap().unwrap().start
}

/// Every slot in some time, found as beat does: by looking again and again, here at every hour and
/// around every slot. Each look must find the period that the one before it announced.
fn fired(table: &Timetable, during: &Range<OffsetDateTime>) -> Vec<OffsetDateTime> {
    let mut slots = Vec::new();
    let mut now = during.start - SECOND;
    let mut known = table.period(now).unwrap().unwrap();
    while now < during.end {
        let period = table.period(now).unwrap().unwrap();
        assert!(period.contains(&now), "{now}: {period:?}");
        if period != known {
            assert_eq!(period.start, known.end);
            slots.push(period.start);
            known = period;
        }
        let looks = [known.end - SECOND, known.end, now + 60 * MINUTE];
        now = looks.into_iter().filter(|look| *look > now).min().unwrap();
    }
    assert_eq!(slots.iter().collect::<HashSet<_>>().len(), slots.len(), "twice: {slots:?}");
    slots
}

/// What a field allows, of `0..=highest`. Of the notation, only what schedules use.
fn allowed(field: &str, highest: u8) -> Vec<u8> {
    const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    let number = |text: &str| -> u8 {
        let day = DAYS.iter().position(|day| *day == text);
        day.map_or_else(|| text.parse().unwrap(), |day| u8::try_from(day).unwrap())
    };
    let part = |part: &str| -> Vec<u8> {
        if let Some(step) = part.strip_prefix("*/") {
            return (0..=highest).step_by(step.parse().unwrap()).collect();
        }
        match part.split_once('-') {
            _ if part == "*" => (0..=highest).collect(),
            Some((first, last)) => (number(first)..=number(last)).collect(),
            None => vec![number(part)],
        }
    };
    field.split(',').flat_map(part).collect()
}

/// Every minute of some time and of the hour before it, as London's clock shows it.
fn londons_clock(during: &Range<OffsetDateTime>) -> Vec<OffsetDateTime> {
    let mut minutes = Vec::new();
    let mut now = during.start - 60 * MINUTE;
    while now < during.end {
        minutes.push(on_londons_clock(now).unwrap());
        now += MINUTE;
    }
    minutes
}

/// When an entry should be due, found by reading London's clock minute by minute. An entry of every
/// hour is due whenever the minute is right. Any other is due once for each time that its fields
/// name: when the clock shows that time twice, the first time; when it never does, right after.
///
/// `london` is that clock, from an hour before the time that is asked about.
fn expected(fields: &str, london: &[OffsetDateTime]) -> Vec<OffsetDateTime> {
    let fields: Vec<&str> = fields.split(' ').collect();
    let [minute, hour, day, month, weekday] = fields[..] else { panic!("{fields:?}") };
    let (minutes, hours) = (allowed(minute, 59), allowed(hour, 23));
    let (days, months, weekdays) = (allowed(day, 31), allowed(month, 12), allowed(weekday, 6));
    let is_day = |date: Date| {
        days.contains(&date.day())
            && months.contains(&u8::from(date.month()))
            && weekdays.contains(&date.weekday().number_days_from_sunday())
    };
    let is_due = |before: OffsetDateTime, now: OffsetDateTime, hour_ago: OffsetDateTime| {
        let is_minute = minutes.contains(&now.minute());
        let is_hour = hours.contains(&now.hour());
        if hour == "*" {
            is_minute
        } else if now.offset() > before.offset() {
            (is_minute && is_hour) || hours.contains(&(now.hour() - 1))
        } else {
            is_minute && is_hour && now.time() != hour_ago.time()
        }
    };
    let mut slots = Vec::new();
    for (at, minute) in london.iter().enumerate().skip(60) {
        let (before, hour_ago) = (london[at - 1], london[at - 60]);
        if is_day(minute.date()) && is_due(before, *minute, hour_ago) {
            slots.push(*minute);
        }
    }
    slots
}

#[test]
fn every_entry_is_due_as_it_should_be_when_the_clock_changes() {
    let scheduled = schedule().into_iter().filter_map(|entry| match entry.when {
        When::Cron(fields) => Some(fields),
        When::Every(_) => None,
    });
    let clocks = three_days().map(|days| (londons_clock(&days), days));
    for fields in SHAPES.iter().copied().chain(scheduled) {
        for (london, days) in &clocks {
            assert_eq!(fired(&cron(fields), days), expected(fields, london), "{fields}");
        }
    }
}

#[test]
fn a_daily_entry_is_due_once_on_each_of_londons_days() {
    for fields in ["0 0 * * *", "30 0 * * *", "0 1 * * *", "40 1 * * *", "0 2 * * *", "0 23 * * *"]
    {
        for days in three_days() {
            let slots = fired(&cron(fields), &days);
            let dates: HashSet<Date> =
                slots.iter().map(|slot| on_londons_clock(*slot).unwrap().date()).collect();
            assert_eq!((slots.len(), dates.len()), (3, 3), "{fields}: {slots:?}");
        }
    }
}

#[test]
fn what_is_due_every_so_often_stays_even_when_the_clock_changes() {
    let periods = schedule().into_iter().filter_map(|entry| match entry.when {
        When::Every(period) => Some(period),
        When::Cron(_) => None,
    });
    let periods = periods.chain([63 * MINUTE, 66 * MINUTE]);
    let tables = periods.map(|period| (Timetable::new(When::Every(period)).unwrap(), period));
    let quarter = (cron("0,15,30,45 * * * *"), 15 * MINUTE);
    for (table, period) in tables.chain([quarter]) {
        for days in three_days() {
            let slots = fired(&table, &days);
            assert!(slots.windows(2).all(|pair| pair[1] - pair[0] == period), "{slots:?}");
        }
    }
}

#[test]
fn the_latest_slot_is_on_londons_clock() {
    let night = cron("5 0 * * *");
    let winter = latest(&night, datetime!(2026-01-15 12:00 UTC));
    assert_eq!(winter, datetime!(2026-01-15 00:05 UTC));
    let summer = latest(&night, datetime!(2026-07-15 12:00 UTC));
    assert_eq!(summer, datetime!(2026-07-14 23:05 UTC));
}

#[test]
fn a_slot_is_due_at_its_own_second_and_not_before() {
    let quarter = cron("0,15,30,45 * * * *");
    let at = datetime!(2026-11-24 12:15 UTC);
    assert_eq!(latest(&quarter, at), at);
    assert_eq!(latest(&quarter, at - Duration::from_nanos(1)), at - 15 * MINUTE);
    assert_eq!(quarter.next(at).unwrap(), Some(at + 15 * MINUTE));
}

#[test]
fn all_five_fields_must_match() {
    let first_tuesday = cron("0 9 1-7 * tue");
    let next = first_tuesday.next(datetime!(2026-11-24 12:00 UTC)).unwrap();
    assert_eq!(next, Some(datetime!(2026-12-01 09:00 UTC)));
}

#[test]
fn an_entry_in_the_hour_that_spring_skips_is_due_right_after() {
    let slot = latest(&cron("40 1 * * *"), datetime!(2026-03-29 12:00 UTC));
    assert_eq!(slot, datetime!(2026-03-29 01:00 UTC));
}

#[test]
fn an_entry_in_the_hour_that_autumn_repeats_is_due_the_first_time() {
    let slot = latest(&cron("40 1 * * *"), datetime!(2026-10-25 12:00 UTC));
    assert_eq!(slot, datetime!(2026-10-25 00:40 UTC));
}

#[test]
fn periods_count_from_1970() {
    let table = Timetable::new(When::Every(63 * MINUTE)).unwrap();
    let period = table.period(datetime!(1970-01-01 02:00 UTC)).unwrap();
    assert_eq!(period, Some(datetime!(1970-01-01 01:03 UTC)..datetime!(1970-01-01 02:06 UTC)));
}

#[test]
fn nonsense_is_refused() {
    assert!(Timetable::new(When::Cron("61 * * * *")).is_err());
    assert!(Timetable::new(When::Every(Duration::ZERO)).is_err());
}
