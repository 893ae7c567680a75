//! The table of results.

use std::fmt;

/// What one fault did.
pub struct Row {
    pub fault: &'static str,
    /// Answered with 201.
    pub accepted: usize,
    /// Answered otherwise, or not at all.
    pub refused: u32,
    /// Those accepted that a provider has taken.
    pub sent: usize,
    /// Those accepted that have no row, or no final status.
    pub lost: usize,
    /// Those that a provider has taken more than once, accepted or not.
    pub doubled: usize,
    pub delivered: i64,
    /// Those that the replay found, which comes an hour later.
    pub replayed: i64,
    /// Those whose receipt never came, which are ended after three days.
    pub timed_out: i64,
    /// Processes that ended without being killed.
    pub crashes: u32,
    /// Seconds from healing until the first message accepted after it was delivered.
    pub first: Option<f64>,
    /// Seconds from healing until all were final.
    pub all: Option<f64>,
}

/// The whole run.
#[derive(Default)]
pub struct Report {
    pub rows: Vec<Row>,
}

impl Report {
    /// Whether nothing was lost or doubled, and the system recovered from everything.
    pub fn is_good(&self) -> bool {
        self.rows.iter().all(Row::is_good)
    }
}

impl Row {
    fn is_good(&self) -> bool {
        self.accepted > 0 && self.lost == 0 && self.doubled == 0 && self.first.is_some()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:28} {:>6} {:>7} {:>6} {:>4} {:>7} {:>9} {:>8} {:>9} {:>7} {:>8} {:>8}",
            "fault",
            "201",
            "refused",
            "sent",
            "lost",
            "doubled",
            "delivered",
            "replayed",
            "timed out",
            "crashes",
            "first s",
            "all s",
        )?;
        let seconds = |value: Option<f64>| value.map_or("never".to_owned(), |s| format!("{s:.1}"));
        for row in &self.rows {
            writeln!(
                f,
                "{:28} {:>6} {:>7} {:>6} {:>4} {:>7} {:>9} {:>8} {:>9} {:>7} {:>8} {:>8}{}",
                row.fault,
                row.accepted,
                row.refused,
                row.sent,
                row.lost,
                row.doubled,
                row.delivered,
                row.replayed,
                row.timed_out,
                row.crashes,
                seconds(row.first),
                seconds(row.all),
                if row.is_good() { "" } else { "  FAILED" },
            )?;
        }
        Ok(())
    }
}
