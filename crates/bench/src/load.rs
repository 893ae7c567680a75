//! The load generator: closed loops, one connection each.

use std::{
    cell::Cell,
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::bail;
use futures_util::{TryStreamExt, stream::FuturesUnordered};
use hyper::StatusCode;
use serde::Serialize;

use crate::client::{ApiRequest, Client};

/// What comes before each measurement of a rate, and is not counted.
pub const WARM_UP: Duration = Duration::from_secs(1);

/// How much to send.
#[derive(Clone, Copy)]
pub enum Amount {
    /// As much as goes through in this time, after the warm-up.
    Time(Duration),
    /// So many requests, all counted.
    Requests(u32),
}

/// What came of one load.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Connections, each with one request under way.
    pub connections: usize,
    /// Requests answered as expected within the measured time.
    pub answered: usize,
    /// The same per second.
    pub per_second: f64,
    /// Half of them took no longer than this, in milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 took no longer than this, in milliseconds.
    pub p99_ms: f64,
    /// Processor time of this generator, as a share of one core.
    pub generator_cpu: f64,
    /// Other answers by status, those of the warm-up too.
    pub refused: BTreeMap<u16, u32>,
}

/// Sends requests over `connections` connections and waits for `expected` each time. `request` makes
/// each from its number, counted from 0.
///
/// # Errors
/// When a connection breaks, and at once when the service is over its rate limit: nothing measured
/// then would mean anything.
pub async fn run(
    client: &Client,
    connections: usize,
    amount: Amount,
    expected: StatusCode,
    request: impl Fn(u32) -> anyhow::Result<ApiRequest>,
) -> anyhow::Result<Outcome> {
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        open.push(client.connect().await?);
    }
    let (sent, first_refusal) = (Cell::new(0), Cell::new(None));
    let cpu_before = own_cpu_time();
    let start = Instant::now();
    let (begin, end, limit) = match amount {
        Amount::Time(time) => (start + WARM_UP, Some(start + WARM_UP + time), u32::MAX),
        Amount::Requests(count) => (start, None, count),
    };
    let next = || {
        let number = sent.get();
        let more = number < limit && end.is_none_or(|end| Instant::now() < end);
        sent.set(number + u32::from(more));
        more.then_some(number)
    };
    let loops = open.into_iter().map(async |mut connection| {
        let mut tally = Tally::default();
        while let Some(number) = next() {
            let request = request(number)?;
            let asked = Instant::now();
            let (status, body) = connection.send(request).await?;
            let answered = Instant::now();
            if status == StatusCode::TOO_MANY_REQUESTS {
                bail!(
                    "the service is over its rate limit: lift it with `postroom fixtures --rate-limit`"
                );
            }
            if status != expected {
                *tally.refused.entry(status.as_u16()).or_default() += 1;
                first_refusal.set(first_refusal.take().or(Some(body)));
            } else if answered >= begin && end.is_none_or(|end| answered <= end) {
                tally.latencies.push(answered - asked);
            }
        }
        anyhow::Ok(tally)
    });
    let mut all = Tally::default();
    let mut loops: FuturesUnordered<_> = loops.collect();
    while let Some(tally) = loops.try_next().await? {
        all.add(tally);
    }
    if let Some(body) = first_refusal.take() {
        eprintln!("refused: {}", String::from_utf8_lossy(&body).trim_end());
    }
    let measured = match amount {
        Amount::Time(time) => time,
        Amount::Requests(_) => start.elapsed(),
    };
    let cpu = own_cpu_time().saturating_sub(cpu_before);
    Ok(all.outcome(connections, measured, cpu.div_duration_f64(start.elapsed())))
}

/// Sends `per_second` requests at even times over `connections` connections, whether or not earlier
/// ones are answered. A latency counts from the time at which its request was due, so that one which
/// had to wait for a connection shows it.
///
/// # Errors
/// As [`run`].
pub async fn paced(
    client: &Client,
    connections: usize,
    per_second: f64,
    time: Duration,
    expected: StatusCode,
    request: impl Fn(u32) -> anyhow::Result<ApiRequest>,
) -> anyhow::Result<Outcome> {
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        open.push(client.connect().await?);
    }
    let (sent, cpu_before, start) = (Cell::new(0_u32), own_cpu_time(), Instant::now());
    let (begin, end) = (start + WARM_UP, start + WARM_UP + time);
    let loops = open.into_iter().map(async |mut connection| {
        let mut tally = Tally::default();
        loop {
            let number = sent.get();
            let due = start + Duration::from_secs_f64(f64::from(number) / per_second);
            if due >= end {
                return anyhow::Ok(tally);
            }
            sent.set(number + 1);
            tokio::time::sleep_until(due.into()).await;
            let (status, _) = connection.send(request(number)?).await?;
            if status != expected {
                *tally.refused.entry(status.as_u16()).or_default() += 1;
            } else if due >= begin {
                tally.latencies.push(due.elapsed());
            }
        }
    });
    let mut all = Tally::default();
    let mut loops: FuturesUnordered<_> = loops.collect();
    while let Some(tally) = loops.try_next().await? {
        all.add(tally);
    }
    let cpu = own_cpu_time().saturating_sub(cpu_before);
    Ok(all.outcome(connections, time, cpu.div_duration_f64(start.elapsed())))
}

#[derive(Default)]
struct Tally {
    latencies: Vec<Duration>,
    refused: BTreeMap<u16, u32>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        for (status, count) in other.refused {
            *self.refused.entry(status).or_default() += count;
        }
    }

    fn outcome(mut self, connections: usize, measured: Duration, generator_cpu: f64) -> Outcome {
        self.latencies.sort_unstable();
        let milliseconds = |percent| percentile(&self.latencies, percent).as_secs_f64() * 1000.0;
        Outcome {
            connections,
            answered: self.latencies.len(),
            per_second: self.latencies.len() as f64 / measured.as_secs_f64(),
            p50_ms: milliseconds(50),
            p99_ms: milliseconds(99),
            generator_cpu,
            refused: self.refused,
        }
    }
}

/// The least value that at least `percent` per cent do not exceed (the nearest rank); zero of none.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// Processor time of this process's main thread, which does all that a load needs; zero where the
/// kernel does not tell.
fn own_cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|field| field.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let one_to = |n: u64| (1..=n).map(Duration::from_millis).collect::<Vec<_>>();
        let of = |n, percent| percentile(&one_to(n), percent).as_millis();
        assert_eq!((of(100, 50), of(100, 99)), (50, 99));
        assert_eq!((of(1000, 50), of(1000, 99)), (500, 990));
        assert_eq!((of(3, 50), of(3, 99)), (2, 3));
        assert_eq!((of(1, 50), of(0, 99)), (1, 0));
    }

    #[test]
    fn refusals_are_not_counted_as_answers() {
        let mut all = Tally::default();
        for status in [500, 500, 400] {
            all.add(Tally {
                latencies: vec![Duration::from_millis(2)],
                refused: [(status, 1)].into(),
            });
        }
        let outcome = all.outcome(16, Duration::from_secs(2), 0.25);
        assert_eq!(outcome.answered, 3);
        assert!((outcome.per_second - 1.5).abs() < 1e-9);
        assert_eq!(outcome.refused, [(400, 1), (500, 2)].into());
    }
}
