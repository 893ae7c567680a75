//! What came of it.

use std::fmt;

use crate::chaos::Blows;

/// A process that keeps nothing of a task does not grow. Allocators do, a little.
const MOST_GROWTH_KIB: u64 = 32 * 1024;

/// A number that must not grow: at the beginning, at the end, and the most of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Range {
    pub first: u64,
    pub most: u64,
    pub last: u64,
}

impl Range {
    /// Notes what it is now.
    pub fn note(&mut self, now: u64) {
        if self.first == 0 {
            self.first = now;
        }
        self.most = self.most.max(now);
        self.last = now;
    }

    /// That it grew by too many KiB, if it did.
    pub fn growth(&self, what: &str) -> Option<String> {
        let growth = self.last.saturating_sub(self.first);
        (growth > MOST_GROWTH_KIB).then(|| format!("{what} grew by {} MiB", growth / 1024))
    }
}

/// All figures of one soak.
pub struct Report {
    pub seed: u64,
    pub cores: usize,
    pub workers: u32,
    pub seconds: f64,
    pub published: u32,
    /// Publishes that failed, and were done again.
    pub publish_failures: u64,
    /// Tasks that have had their effect.
    pub done: u32,
    pub runs: u64,
    /// Effects beyond the first of a task.
    pub duplicates: u64,
    /// Runs of messages that were lost with their worker before.
    pub redelivered: u64,
    pub blows: Blows,
    /// Resident memory of the worker that was never killed, in KiB.
    pub worker: Range,
    /// Resident memory of the publisher, in KiB.
    pub publisher: Range,
    pub connections: Range,
    /// What was not as it must be, one line each.
    pub failures: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, cores, workers, seconds, published, done, runs, .. } = self;
        let rate = f64::from(*done) / seconds;
        writeln!(f, "soak with seed {seed}: {workers} workers, {cores} cores, {seconds:.0} s")?;
        writeln!(f, "tasks published  {published:>9}, {} publishes failed", self.publish_failures)?;
        writeln!(f, "tasks done       {done:>9}, {rate:.0} per second")?;
        writeln!(
            f,
            "runs             {runs:>9}, {} of redelivered messages, {} of tasks already done",
            self.redelivered, self.duplicates
        )?;
        let Blows { kills, restarts, cuts, silences, hangs, broker_kills, alarms } = self.blows;
        writeln!(
            f,
            "workers killed {kills}, restarted {restarts}; broker killed {broker_kills}, short of \
             memory {alarms}; connections cut {cuts}, silent {silences}, hung {hangs}"
        )?;
        for (what, range) in [("worker", self.worker), ("publisher", self.publisher)] {
            let [first, last] = [range.first, range.last].map(|kib| kib as f64 / 1024.0);
            writeln!(
                f,
                "resident MiB of the {what:<9} {first:>6.1} at first, {last:>6.1} at last"
            )?;
        }
        let Range { first, last, .. } = self.connections;
        writeln!(f, "connections to the broker      {first:>6} at first, {last:>6} at last")?;
        for failure in &self.failures {
            writeln!(f, "FAILED: {failure}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_from_the_first_to_the_last() {
        let mut range = Range::default();
        for kib in [10_000, 90_000, 42_000] {
            range.note(kib);
        }
        assert_eq!((range.first, range.most, range.last), (10_000, 90_000, 42_000));
        assert_eq!(range.growth("it"), None);
        range.note(50_000);
        assert_eq!(range.growth("it").unwrap(), "it grew by 39 MiB");
    }
}
