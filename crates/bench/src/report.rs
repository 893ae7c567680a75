//! The figures: as a table, and as JSON.

pub mod worker;

use std::fmt;

use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::load::{Outcome, WARM_UP};
use worker::Queue;

/// All that one run has measured.
#[derive(Serialize)]
pub struct Report {
    #[serde(with = "time::serde::rfc3339")]
    date: OffsetDateTime,
    cores: usize,
    /// How long each measurement of a rate lasted.
    seconds: u32,
    warm_up_seconds: u64,
    /// Notifications that were in the database before.
    stored: u32,
    /// How the workers were kept from taking part in `posts` and `gets`; none when neither was
    /// measured.
    pub workers: Option<Workers>,
    /// `POST /v2/notifications/sms`.
    pub posts: Vec<Post>,
    /// `GET /v2/notifications/{id}`.
    pub gets: Vec<Outcome>,
    /// `POST /v2/notifications/email`, of a realistic template.
    pub emails: Vec<Outcome>,
    /// `GET /v2/notifications`.
    pub lists: Vec<Listed>,
    /// How the database finds such a page with all rows stored: what `EXPLAIN` says.
    pub list_plan: Vec<String>,
    /// `POST /v2/template/{id}/preview`, of the same template.
    pub previews: Vec<Outcome>,
    /// Memory over many requests.
    pub grown: Vec<Grown>,
    /// From POST to `delivered`.
    pub delivery: Option<Delivery>,
    /// The queue crate alone.
    pub queue: Option<Queue>,
    /// Resident memory.
    pub memory: Vec<Memory>,
}

/// Why no worker took part.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Workers {
    /// It stood still (SIGSTOP).
    Halted,
    /// There was none.
    None,
}

/// Accepting, beside what its two servers can do with as many at a time.
#[derive(Serialize)]
pub struct Post {
    #[serde(flatten)]
    load: Outcome,
    inserts_per_second: f64,
    publishes_per_second: f64,
    /// One insert and then one publish, per second.
    floor_per_second: f64,
    /// Posts per second in parts of the floor.
    ratio: f64,
    /// The same load, offered at 70 % of its rate whether or not answers come.
    pub paced: Option<Outcome>,
}

impl Post {
    /// Puts a load beside its floors.
    pub fn new(load: Outcome, inserts_per_second: f64, publishes_per_second: f64) -> Self {
        let floor_per_second = floor(inserts_per_second, publishes_per_second);
        let ratio = load.per_second / floor_per_second;
        Self {
            load,
            inserts_per_second,
            publishes_per_second,
            floor_per_second,
            ratio,
            paced: None,
        }
    }

    /// How many were accepted per second.
    pub fn per_second(&self) -> f64 {
        self.load.per_second
    }
}

/// The rate of doing one after the other.
fn floor(a: f64, b: f64) -> f64 {
    1.0 / (1.0 / a + 1.0 / b)
}

/// Pages of notifications.
#[derive(Serialize)]
pub struct Listed {
    /// How many the service has.
    pub stored: u32,
    /// The load.
    #[serde(flatten)]
    pub load: Outcome,
}

/// Resident memory of a process, after each tenth of so many requests.
#[derive(Serialize)]
pub struct Grown {
    /// Whose memory.
    pub process: &'static str,
    /// Many of what.
    pub of: &'static str,
    /// How many.
    pub requests: u32,
    /// After each tenth.
    pub resident_kib: Vec<u64>,
}

impl Grown {
    /// In parts of what it was after the first tenth, by when every cache has been filled.
    fn growth(&self) -> f64 {
        match (self.resident_kib.first(), self.resident_kib.last()) {
            (Some(first), Some(last)) => *last as f64 / *first as f64,
            _ => 1.0,
        }
    }
}

/// Notifications on their whole way, through API, worker and stub.
#[derive(Serialize)]
pub struct Delivery {
    /// How many were posted.
    pub posted: u32,
    /// How many of them were delivered in time.
    pub delivered: u32,
    /// How fast they were accepted.
    pub posts_per_second: f64,
    /// Delivered per second, from the first POST to the last receipt applied.
    pub per_second: f64,
    /// From accepted to delivered, the longest.
    pub slowest_ms: f64,
    /// The same at steady rates, each higher than the one before, up to the first that is too high.
    pub offered: Vec<Offered>,
    /// What waited in the queue when the worker began.
    pub drained: Drained,
}

/// Notifications offered at a steady rate.
#[derive(Serialize)]
pub struct Offered {
    /// The rate.
    pub per_second: f64,
    /// Posted.
    pub posted: u32,
    /// Delivered, in time.
    pub delivered: u32,
    /// From accepted to delivered: 95 of 100 took no longer.
    pub p95_ms: f64,
}

/// A queue that a worker found full.
#[derive(Serialize)]
pub struct Drained {
    /// How many waited.
    pub queued: u32,
    /// How many of them the provider took.
    pub sent: u32,
    /// How many per second, from the start of the worker to the last.
    pub per_second: f64,
}

/// Resident memory of one process; none when it did not run.
#[derive(Serialize)]
pub struct Memory {
    /// Its name.
    pub process: &'static str,
    /// Before anything was measured.
    pub at_rest_kib: Option<u64>,
    /// After everything was.
    pub after_kib: Option<u64>,
}

impl Report {
    /// An empty one.
    pub fn new(date: OffsetDateTime, seconds: u32, stored: u32) -> Self {
        Self {
            date,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            seconds,
            warm_up_seconds: WARM_UP.as_secs(),
            stored,
            workers: None,
            posts: Vec::new(),
            gets: Vec::new(),
            emails: Vec::new(),
            lists: Vec::new(),
            list_plan: Vec::new(),
            previews: Vec::new(),
            grown: Vec::new(),
            delivery: None,
            queue: None,
            memory: Vec::new(),
        }
    }

    /// What did not go as it must, one line each.
    pub fn failures(&self) -> Vec<String> {
        let posts = self.posts.iter().map(|post| ("POST", &post.load));
        let gets = self.gets.iter().map(|load| ("GET", load));
        let emails = self.emails.iter().map(|load| ("POST of an email", load));
        let lists = self.lists.iter().map(|list| ("GET of a page", &list.load));
        let previews = self.previews.iter().map(|load| ("a preview", load));
        let mut failures: Vec<_> = posts
            .chain(gets)
            .chain(emails)
            .chain(lists)
            .chain(previews)
            .filter(|(_, load)| !load.refused.is_empty())
            .map(|(what, load)| {
                format!(
                    "{what} over {} connections was refused, by status: {:?}",
                    load.connections, load.refused
                )
            })
            .collect();
        if let Some(Delivery { posted, delivered, offered, drained, .. }) = &self.delivery {
            let steady = offered.iter().map(|one| (one.delivered, one.posted));
            let all = [(*delivered, *posted), (drained.sent, drained.queued)];
            for (done, wanted) in all.into_iter().chain(steady).filter(|(a, b)| a < b) {
                failures.push(format!("{done} of {wanted} delivered"));
            }
        }
        for grown in self.grown.iter().filter(|grown| grown.growth() > MOST_GROWTH) {
            failures.push(format!("the memory of {} is {:.2} fold", grown.process, grown.growth()));
        }
        failures.extend(self.queue.iter().flat_map(Queue::failures));
        failures
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.date.format(&Rfc3339).map_err(|_| fmt::Error)?;
        writeln!(
            f,
            "{date}, {} cores shared by servers, system and generator; rates over {} s after {} s; \
             {} notifications stored before",
            self.cores, self.seconds, self.warm_up_seconds, self.stored
        )?;
        match self.workers {
            Some(Workers::Halted) => writeln!(f, "POST and GET: the worker stood still (SIGSTOP)")?,
            Some(Workers::None) => writeln!(f, "POST and GET: no worker was running")?,
            None => {}
        }
        if !self.posts.is_empty() {
            self.write_posts(f)?;
        }
        write_loads(f, "GET /v2/notifications/{id}", &self.gets)?;
        write_loads(f, "POST /v2/notifications/email, of a realistic template", &self.emails)?;
        write_loads(f, "POST /v2/template/{id}/preview, of the same", &self.previews)?;
        self.write_lists(f)?;
        for grown in &self.grown {
            writeln!(
                f,
                "\nresident MiB of {} after each tenth of {} {}",
                grown.process, grown.requests, grown.of
            )?;
            for kib in &grown.resident_kib {
                write!(f, "{:>8}", mebibytes(Some(*kib)))?;
            }
            writeln!(f, "\nthe last in parts of the first: {:.3}", grown.growth())?;
        }
        if let Some(delivery) = &self.delivery {
            writeln!(f, "\nPOST to delivered: {} text messages", delivery.posted)?;
            writeln!(
                f,
                "{:>11}{:>11}{:>14}{:>12}",
                "delivered", "posts/s", "delivered/s", "slowest ms"
            )?;
            writeln!(
                f,
                "{:>11}{:>11.0}{:>14.0}{:>12.0}",
                delivery.delivered,
                delivery.posts_per_second,
                delivery.per_second,
                delivery.slowest_ms
            )?;
            writeln!(f, "\nPOST to delivered at a steady rate")?;
            writeln!(f, "{:>11}{:>11}{:>12}{:>12}", "offered/s", "posted", "delivered", "p95 ms")?;
            for Offered { per_second, posted, delivered, p95_ms } in &delivery.offered {
                writeln!(f, "{per_second:>11.0}{posted:>11}{delivered:>12}{p95_ms:>12.0}")?;
            }
            let Drained { queued, sent, per_second } = delivery.drained;
            writeln!(f, "\n{sent} of {queued} that were queued: {per_second:.0} per second sent")?;
        }
        if let Some(queue) = &self.queue {
            write!(f, "{queue}")?;
        }
        if !self.memory.is_empty() {
            writeln!(f, "\n{:<16}{:>12}{:>12}", "resident MiB", "at rest", "after")?;
        }
        for memory in &self.memory {
            let (before, after) = (mebibytes(memory.at_rest_kib), mebibytes(memory.after_kib));
            writeln!(f, "{:<16}{before:>12}{after:>12}", memory.process)?;
        }
        for failure in self.failures() {
            writeln!(f, "\nFAILED: {failure}")?;
        }
        Ok(())
    }
}

/// The API's memory may come to so many parts of what it was.
const MOST_GROWTH: f64 = 1.1;

const LOAD_HEADINGS: &str = "connections      per s     p50 ms     p99 ms  generator";

fn write_load(f: &mut fmt::Formatter<'_>, load: &Outcome) -> fmt::Result {
    let cpu = format!("{:.0} % cpu", load.generator_cpu * 100.0);
    write!(
        f,
        "{:>11}{:>11.0}{:>11.2}{:>11.2}{cpu:>11}",
        load.connections, load.per_second, load.p50_ms, load.p99_ms
    )
}

fn write_loads(f: &mut fmt::Formatter<'_>, what: &str, loads: &[Outcome]) -> fmt::Result {
    if loads.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{what}\n{LOAD_HEADINGS}")?;
    for load in loads {
        write_load(f, load)?;
        writeln!(f)?;
    }
    Ok(())
}

impl Report {
    fn write_lists(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lists.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nGET /v2/notifications: pages of 250, every other one the newest")?;
        writeln!(f, "{LOAD_HEADINGS}{:>12}{:>10}", "stored", "p99/p50")?;
        for Listed { stored, load } in &self.lists {
            write_load(f, load)?;
            writeln!(f, "{stored:>12}{:>10.2}", load.p99_ms / load.p50_ms)?;
        }
        for line in &self.list_plan {
            writeln!(f, "  {line}")?;
        }
        Ok(())
    }

    fn write_posts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nPOST /v2/notifications/sms")?;
        writeln!(
            f,
            "{LOAD_HEADINGS}{:>12}{:>13}{:>10}{:>13}",
            "inserts/s", "publishes/s", "floor/s", "posts/floor"
        )?;
        for post in &self.posts {
            write_load(f, &post.load)?;
            writeln!(
                f,
                "{:>12.0}{:>13.0}{:>10.0}{:>13.2}",
                post.inserts_per_second,
                post.publishes_per_second,
                post.floor_per_second,
                post.ratio
            )?;
        }
        writeln!(
            f,
            "inserts: pgbench, prepared, the same row into the real table with its indexes and \
             foreign keys, a commit each;\npublishes: lapin, the same message, confirmed, one \
             channel; floor: 1 / (1 / inserts + 1 / publishes)"
        )?;
        for paced in self.posts.iter().filter_map(|post| post.paced.as_ref()) {
            let Outcome { per_second, p50_ms, p99_ms, .. } = paced;
            writeln!(
                f,
                "offered at 70 % of the highest rate, latency from when a request was due: \
                 {per_second:.0} per s, p50 {p50_ms:.2} ms, p99 {p99_ms:.2} ms"
            )?;
        }
        Ok(())
    }
}

fn mebibytes(kib: Option<u64>) -> String {
    kib.map_or_else(|| "not running".to_owned(), |kib| format!("{:.1}", kib as f64 / 1024.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(refused: &[(u16, u32)]) -> Outcome {
        Outcome {
            connections: 16,
            answered: 8000,
            per_second: 1000.0,
            p50_ms: 15.5,
            p99_ms: 31.0,
            generator_cpu: 0.12,
            refused: refused.iter().copied().collect(),
        }
    }

    #[test]
    fn the_floor_is_one_after_the_other() {
        let post = Post::new(load(&[]), 3000.0, 6000.0);
        assert!((post.floor_per_second - 2000.0).abs() < 1e-9);
        assert!((post.ratio - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_refusal_and_a_lost_message_fail_the_run() {
        let mut report = Report::new(OffsetDateTime::UNIX_EPOCH, 8, 20_000);
        report.posts.push(Post::new(load(&[]), 1.0, 1.0));
        assert!(report.failures().is_empty());
        report.gets.push(load(&[(500, 2)]));
        report.delivery = Some(Delivery {
            posted: 2000,
            delivered: 1999,
            posts_per_second: 1.0,
            per_second: 1.0,
            slowest_ms: 1.0,
            offered: vec![Offered { per_second: 1.0, posted: 8, delivered: 7, p95_ms: 1.0 }],
            drained: Drained { queued: 5, sent: 5, per_second: 1.0 },
        });
        report.emails.push(load(&[(400, 1)]));
        report.lists.push(Listed { stored: 5, load: load(&[]) });
        report.list_plan.push("Limit (cost=1)".to_owned());
        report.grown.push(Grown {
            process: "api",
            of: "requests",
            requests: 50,
            resident_kib: vec![1024, 2048],
        });
        assert_eq!(report.failures().len(), 5);
        let text = report.to_string();
        assert!(text.contains("the last in parts of the first: 2.000"), "{text}");
        assert!(text.contains("  Limit (cost=1)"), "{text}");
        assert!(text.contains("FAILED: 1999 of 2000 delivered"), "{text}");
        assert!(
            text.contains("GET over 16 connections was refused, by status: {500: 2}"),
            "{text}"
        );
        assert!(serde_json::to_string(&report).unwrap().contains("\"1970-01-01T00:00:00Z\""));
    }
}
