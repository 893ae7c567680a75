//! The figures of the queue crate.

use std::fmt;

use serde::Serialize;

/// What part of the floor must be reached.
const LEAST_RATIO: f64 = 0.7;
/// A worker that keeps nothing of a retried task in memory does not grow. Allocators do, a little.
const MOST_GROWTH_KIB: u64 = 32 * 1024;

/// One worker process, and one publisher.
#[derive(Serialize)]
pub struct Queue {
    /// How many tasks run at once.
    pub concurrency: u16,
    /// How many messages the broker hands out ahead.
    pub prefetch: u16,
    /// How many messages are published at once.
    pub in_flight: usize,
    /// No-op tasks, beside messages that are only acknowledged.
    pub noop: Rates,
    /// The same no-op under `celery worker`.
    pub celery_per_second: f64,
    /// No-op tasks while task events are sent.
    pub with_task_events_per_second: f64,
    /// No-op tasks while worker events are not sent either.
    pub without_any_events_per_second: f64,
    /// Confirmed publishes.
    pub publish: Rates,
    /// Tasks that ask for a retry.
    pub retries: Retries,
}

/// What we do per second, beside what the AMQP library does with the same bytes: the middle one of
/// some rounds.
#[derive(Serialize)]
pub struct Rates {
    per_second: f64,
    floor_per_second: f64,
    /// The one in parts of the other.
    ratio: f64,
}

/// The memory of a worker that retries.
#[derive(Serialize)]
pub struct Retries {
    /// How many tasks asked for a retry.
    pub tasks: u32,
    /// How long that took.
    pub seconds: f64,
    /// Resident memory after the first tenth.
    pub warm_kib: u64,
    /// The most of it since.
    pub most_kib: u64,
    /// At the end.
    pub last_kib: u64,
}

impl Rates {
    /// From the rounds of both.
    pub fn new(ours: Vec<f64>, floor: Vec<f64>) -> Self {
        let (per_second, floor_per_second) = (middle(ours), middle(floor));
        Self { per_second, floor_per_second, ratio: per_second / floor_per_second }
    }
}

/// The median; of an even number, the upper one of the middle two.
pub fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

impl Queue {
    /// What is not as it must be, one line each.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        for (what, rates) in [("no-op tasks", &self.noop), ("publishing", &self.publish)] {
            if rates.ratio < LEAST_RATIO {
                let ratio = rates.ratio;
                failures.push(format!("{what}: {ratio:.2} of the floor, not {LEAST_RATIO}"));
            }
        }
        let growth = self.retries.most_kib.saturating_sub(self.retries.warm_kib);
        if growth > MOST_GROWTH_KIB {
            failures.push(format!("a worker that retries grew by {} MiB", growth / 1024));
        }
        failures
    }
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { concurrency, prefetch, in_flight, .. } = self;
        writeln!(
            f,
            "\nno-op tasks, one worker process ({concurrency} at once, prefetch {prefetch})"
        )?;
        writeln!(f, "{:<36}{:>9}{:>9}", "", "per s", "parts")?;
        let noop = self.noop.per_second;
        let mut line = |what, rate: f64| writeln!(f, "{what:<36}{rate:>9.0}{:>9.2}", noop / rate);
        line("ours", noop)?;
        line("lapin, acknowledging only", self.noop.floor_per_second)?;
        line("celery worker, prefork", self.celery_per_second)?;
        line("ours with task events", self.with_task_events_per_second)?;
        line("ours without worker events", self.without_any_events_per_second)?;
        writeln!(f, "parts: ours in parts of this")?;
        writeln!(f, "\nconfirmed publishes, {in_flight} at once")?;
        let Rates { per_second, floor_per_second, ratio } = self.publish;
        writeln!(f, "{:<36}{per_second:>9.0}{:>9.2}", "ours", 1.0)?;
        writeln!(f, "{:<36}{floor_per_second:>9.0}{ratio:>9.2}", "lapin, the same bytes")?;
        let Retries { tasks, seconds, warm_kib, most_kib, last_kib } = self.retries;
        let mebibytes = |kib: u64| kib as f64 / 1024.0;
        writeln!(f, "\n{tasks} retries in {seconds:.0} s, all waiting in the broker")?;
        writeln!(
            f,
            "the worker's resident MiB: {:.1} after a tenth, then {:.1} at most, {:.1} at the end",
            mebibytes(warm_kib),
            mebibytes(most_kib),
            mebibytes(last_kib)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(noop: f64, published: f64, most_kib: u64) -> Queue {
        Queue {
            concurrency: 64,
            prefetch: 256,
            in_flight: 512,
            noop: Rates::new(vec![noop, 1.0, 1e9], vec![10_000.0]),
            celery_per_second: 1000.0,
            with_task_events_per_second: 1.0,
            without_any_events_per_second: 1.0,
            publish: Rates::new(vec![published], vec![10_000.0]),
            retries: Retries {
                tasks: 100_000,
                seconds: 1.0,
                warm_kib: 20_000,
                most_kib,
                last_kib: 0,
            },
        }
    }

    #[test]
    fn the_middle_round_counts() {
        let good = queue(7001.0, 7001.0, 50_000);
        assert!(good.failures().is_empty());
        assert!(
            good.to_string().contains("celery worker, prefork                   1000     7.00")
        );
    }

    #[test]
    fn less_than_the_required_part_and_growth_fail_the_run() {
        let bad = queue(6999.0, 6999.0, 60_000);
        let failures = bad.failures();
        assert_eq!(failures.len(), 3, "{failures:?}");
        assert_eq!(failures[2], "a worker that retries grew by 39 MiB");
    }
}
