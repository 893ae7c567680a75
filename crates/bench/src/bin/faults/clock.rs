//! A clock that can be stepped while processes read it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
};

use anyhow::Context;
use domain::Clock;

/// Where Debian's package `libfaketime` puts the library for programs with threads, below the name
/// of the architecture.
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

/// Tells processes and clients how far from the true time they are.
pub struct SteppedClock {
    library: PathBuf,
    /// The library reads it again every second.
    file: PathBuf,
    of_clients: Arc<AtomicI32>,
}

impl SteppedClock {
    /// The true time, until it is stepped; what processes read lies in `folder`.
    ///
    /// # Errors
    /// When the library is not installed.
    pub fn new(folder: &Path) -> anyhow::Result<Self> {
        let places = fs::read_dir("/usr/lib")?.flatten().map(|entry| entry.path().join(LIBRARY));
        let library = places.into_iter().find(|path| path.exists()).context("no libfaketime")?;
        let clock =
            Self { library, file: folder.join("clock"), of_clients: Arc::new(AtomicI32::new(0)) };
        clock.step(0)?;
        Ok(clock)
    }

    /// From now on it is so many seconds from the true time.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn step(&self, seconds: i32) -> anyhow::Result<()> {
        // Never half a file, for those who read it meanwhile.
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{seconds:+}\n"))?;
        fs::rename(&new, &self.file)?;
        self.of_clients.store(seconds, Ordering::Relaxed);
        Ok(())
    }

    /// What a process needs in its environment.
    pub fn settings(&self) -> [(String, String); 4] {
        [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.display().to_string()),
            ("FAKETIME_CACHE_DURATION", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }

    /// The clock of the clients, which follows at once.
    pub fn of_clients(&self) -> Clock {
        let (clock, seconds) = (Clock::system(), Arc::clone(&self.of_clients));
        Clock::from_fn(move || {
            let stepped = time::Duration::seconds(seconds.load(Ordering::Relaxed).into());
            clock.now() + stepped
        })
    }
}
