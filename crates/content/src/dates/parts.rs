//! Which of three numbers is the year, which the month, which the day.

use super::tokens::Number;

/// Two digits of a year from here on are of the last century.
const CENTURY_TURNS: u32 = 76;

/// Year, month and day in the order in which they stand.
#[derive(Default)]
pub(super) struct Parts {
    values: Vec<u32>,
    /// Where a number stands that can only be a year.
    year_at: Option<usize>,
    /// Where the name of a month stands.
    month_at: Option<usize>,
    /// The year was written with its century.
    has_century: bool,
}

impl Parts {
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub fn are_complete(&self) -> bool {
        self.values.len() == 3
    }

    /// Adds a number that stands within a date; more than two digits are a year.
    pub fn add(&mut self, number: Number<'_>) -> Option<()> {
        if number.fraction.is_some() {
            return None;
        }
        match number.digits.len() {
            ..=2 => self.push(number.value()),
            _ => self.add_year(number.value()),
        }
    }

    /// Adds a number that stands alone; more than a hundred is a year.
    pub fn add_alone(&mut self, value: u32) -> Option<()> {
        if value > 100 { self.add_year(value) } else { self.push(value) }
    }

    /// Adds two digits of a year, a month or a day.
    pub fn push(&mut self, value: u32) -> Option<()> {
        // A fourth would make no date.
        (!self.are_complete()).then(|| self.values.push(value))
    }

    /// Adds a whole day.
    pub fn add_day(&mut self, [year, month, day]: [u32; 3]) -> Option<()> {
        self.add_year(year)?;
        self.push(month)?;
        self.push(day)
    }

    /// Adds a year in full.
    pub fn add_year(&mut self, year: u32) -> Option<()> {
        if self.year_at.replace(self.values.len()).is_some() {
            return None;
        }
        self.has_century = true;
        self.push(year)
    }

    /// Adds a year that is not taken for anything else although it may be short.
    pub fn add_short_year(&mut self, year: u32) -> Option<()> {
        self.add_year(if year < 100 { with_century(year) } else { year })
    }

    pub fn add_month(&mut self, month: u32) -> Option<()> {
        if self.month_at.replace(self.values.len()).is_some() {
            return None;
        }
        self.push(month)
    }

    /// Whether `value` may be the day, as far as the month is known.
    pub fn may_be_day(&self, value: u32) -> bool {
        let month = self.month_at.and_then(|at| u8::try_from(self.values[at]).ok());
        let year = self.year_at.map_or(2000, |at| self.values[at]);
        let days = match month.and_then(|month| time::Month::try_from(month).ok()) {
            None => 31,
            Some(month) => month.length(i32::try_from(year).unwrap_or(2000)),
        };
        (1..=u32::from(days)).contains(&value)
    }

    /// Year, month and day; `None` unless there are all three. Whether they are of a calendar is not
    /// checked.
    pub fn resolve(&self) -> Option<(i32, u8, u8)> {
        let [first, second, third] = *self.values.as_slice() else { return None };
        let is_year = |value: u32| value > 31;
        let (year, month, day) = match (self.year_at, self.month_at) {
            (Some(year), Some(month)) => {
                (self.values[year], self.values[month], self.values[3 - year - month])
            }
            (_, Some(0)) if is_year(second) => (second, first, third),
            (_, Some(0)) => (third, first, second),
            (_, Some(1)) if is_year(first) => (first, second, third),
            (_, Some(1)) => (third, second, first),
            (_, Some(_)) if is_year(second) => (second, third, first),
            (_, Some(_)) => (first, third, second),
            (Some(0), None) => (first, second, third),
            _ if is_year(first) => (first, second, third),
            _ if first > 12 => (third, second, first),
            _ => (third, first, second),
        };
        let year = if year < 100 && !self.has_century { with_century(year) } else { year };
        Some((year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?))
    }
}

fn with_century(year: u32) -> u32 {
    if year < CENTURY_TURNS { 2000 + year } else { 1900 + year }
}
