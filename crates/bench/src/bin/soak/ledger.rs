//! What has happened: the effects, as the files of all workers tell.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::job::Plan;

/// One run of a task. Times are in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    pub number: u32,
    /// Retries before it.
    pub attempt: u32,
    /// Whether an earlier delivery was lost with its worker.
    pub is_redelivered: bool,
    /// When it began.
    pub at: i64,
    /// When it might; 0 for any time.
    pub not_before: i64,
}

impl Effect {
    /// As a line of a file.
    pub fn to_line(self) -> String {
        let Self { number, attempt, is_redelivered, at, not_before } = self;
        format!("{number} {attempt} {} {at} {not_before}\n", u8::from(is_redelivered))
    }

    fn from_line(line: &str) -> Option<Self> {
        let mut fields = line.split(' ').map(|field| field.parse::<i64>().ok());
        let mut next = || fields.next().flatten();
        Some(Self {
            number: next()?.try_into().ok()?,
            attempt: next()?.try_into().ok()?,
            is_redelivered: next()? != 0,
            at: next()?,
            not_before: next()?,
        })
    }
}

/// The effects so far.
#[derive(Default)]
pub struct Ledger {
    folder: PathBuf,
    /// How far each file has been read.
    read: BTreeMap<PathBuf, u64>,
    /// How often each task has run to its end.
    ends: Vec<u8>,
    /// When a task first asked to be run again, and when it first was.
    retries: HashMap<u32, (Option<i64>, Option<i64>)>,
    early: Vec<String>,
    /// Tasks that have run to their end.
    pub done: u32,
    /// Runs to the end of tasks that had done so before.
    pub duplicates: u64,
    /// Runs of messages that were lost with their worker before.
    pub redelivered: u64,
    /// All runs.
    pub runs: u64,
}

impl Ledger {
    /// Of the files in `folder`.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), ..Self::default() }
    }

    /// Reads what is new.
    ///
    /// # Errors
    /// When a file cannot be read, or is not of ours.
    pub fn update(&mut self) -> anyhow::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let mut file = File::open(&path)?;
            let from = self.read.get(&path).copied().unwrap_or_default();
            file.seek(SeekFrom::Start(from))?;
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            let whole = text.rfind('\n').map_or(0, |end| end + 1);
            for line in text[..whole].lines() {
                let effect = Effect::from_line(line);
                self.add(effect.with_context(|| format!("in {}: {line}", path.display()))?);
            }
            self.read.insert(path, from + whole as u64);
        }
        Ok(())
    }

    fn add(&mut self, effect: Effect) {
        let Effect { number, attempt, is_redelivered, at, not_before } = effect;
        self.runs += 1;
        self.redelivered += u64::from(is_redelivered);
        if at < not_before {
            self.early.push(format!("task {number} ran {} ms early", not_before - at));
        }
        if matches!(Plan::of(number), Plan::Again(_)) {
            let (asked, run) = self.retries.entry(number).or_default();
            let first = if attempt == 0 { asked } else { run };
            *first = Some(first.map_or(at, |first| first.min(at)));
            if attempt == 0 {
                return;
            }
        }
        let index = number as usize;
        if self.ends.len() <= index {
            self.ends.resize(index + 1, 0);
        }
        if self.ends[index] == 0 {
            self.done += 1;
        } else {
            self.duplicates += 1;
        }
        self.ends[index] = self.ends[index].saturating_add(1);
    }

    /// Whether task `number` has run to its end.
    pub fn has(&self, number: u32) -> bool {
        self.ends.get(number as usize).is_some_and(|ends| *ends > 0)
    }

    /// Those of the first `tasks` that have not.
    pub fn missing(&self, tasks: u32) -> Vec<u32> {
        (0..tasks).filter(|number| !self.has(*number)).collect()
    }

    /// What ran before its time, one line each.
    pub fn early(&self) -> Vec<String> {
        let retries = self.retries.iter().filter_map(|(number, (asked, run))| {
            let Plan::Again(delay) = Plan::of(*number) else { return None };
            let Some(asked) = asked else {
                return Some(format!("task {number} was retried before it ran"));
            };
            let early = asked + i64::try_from(delay.as_millis()).ok()? - (*run)?;
            (early > 0).then(|| format!("the retry of task {number} ran {early} ms early"))
        });
        self.early.iter().cloned().chain(retries).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(number: u32, attempt: u32, at: i64) -> Effect {
        Effect { number, attempt, is_redelivered: false, at, not_before: 0 }
    }

    #[test]
    fn lines_are_read_back() {
        let effect = Effect { is_redelivered: true, not_before: 7, ..effect(1, 2, 3) };
        assert_eq!(Effect::from_line(effect.to_line().trim_end()), Some(effect));
        assert_eq!(Effect::from_line("1 2"), None);
    }

    #[test]
    fn it_knows_what_is_missing_and_what_came_twice() {
        let mut ledger = Ledger::default();
        for number in [0, 2, 2, 4] {
            ledger.add(effect(number, 0, 5));
        }
        assert_eq!((ledger.done, ledger.duplicates, ledger.runs), (3, 1, 4));
        assert_eq!(ledger.missing(6), [1, 3, 5]);
    }

    #[test]
    fn a_retry_counts_when_it_has_run_and_not_before_its_time() {
        let mut ledger = Ledger::default();
        // It waits for a second.
        ledger.add(effect(13, 0, 1000));
        assert!(!ledger.has(13));
        ledger.add(effect(13, 1, 2000));
        assert!(ledger.has(13));
        assert!(ledger.early().is_empty());
        ledger.add(effect(13, 1, 1999));
        ledger.add(Effect { not_before: 10, ..effect(3, 0, 9) });
        assert_eq!(ledger.early().len(), 2);
    }
}
