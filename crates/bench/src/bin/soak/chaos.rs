//! What is broken, and when.

use std::time::Duration;

use rand::{Rng, RngExt, rngs::StdRng, seq::SliceRandom};
use testkit::Proxy;
use tokio::{sync::Mutex, time::sleep};

use crate::{fleet::Workers, site::Site};

/// Ways to break something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blow {
    /// A worker dies, and another one takes its place.
    KillWorker,
    /// A worker is asked to end, as for a new version.
    RestartWorker,
    /// All connections of the workers end.
    CutWorkers,
    /// All connections of the publisher end.
    CutPublisher,
    /// All connections of everybody end.
    CutAll,
    /// Nothing passes for a while, and nobody is told.
    Silence,
    /// Nothing passes the open connections any more, and nobody is told. New ones work.
    Hang,
    /// The broker dies, and is started again.
    KillBroker,
    /// The broker is short of memory for a while, and takes no messages.
    Alarm,
}

/// One round: a shuffled deck of these, but each kind comes once before any comes again.
const DECK: [Blow; 19] = [
    Blow::KillWorker,
    Blow::RestartWorker,
    Blow::CutWorkers,
    Blow::CutPublisher,
    Blow::CutAll,
    Blow::Silence,
    Blow::Hang,
    Blow::KillBroker,
    Blow::Alarm,
    Blow::KillWorker,
    Blow::KillWorker,
    Blow::KillWorker,
    Blow::KillWorker,
    Blow::KillWorker,
    Blow::RestartWorker,
    Blow::RestartWorker,
    Blow::CutWorkers,
    Blow::CutPublisher,
    Blow::Silence,
];
const KINDS: usize = 9;

/// How often each was done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Blows {
    pub kills: u32,
    pub restarts: u32,
    pub cuts: u32,
    pub silences: u32,
    pub hangs: u32,
    pub broker_kills: u32,
    pub alarms: u32,
}

/// What can be broken.
pub struct Grounds {
    pub site: Site,
    pub workers: Mutex<Workers>,
    pub blows: Mutex<Blows>,
    worker_proxy: Proxy,
    publisher_proxy: Proxy,
}

impl Grounds {
    /// A broker and its workers, with the ways that lead there.
    pub fn new(site: Site, workers: Workers, worker_proxy: Proxy, publisher_proxy: Proxy) -> Self {
        let (workers, blows) = (workers.into(), Mutex::default());
        Self { site, workers, blows, worker_proxy, publisher_proxy }
    }
}

/// What breaks it.
pub struct Chaos<'a> {
    pub grounds: &'a Grounds,
    pub random: StdRng,
}

impl Chaos<'_> {
    /// Breaks one thing after another until it is over. Each is whole again before the next.
    ///
    /// # Errors
    /// When something cannot be made whole.
    pub async fn reign(&mut self, over: impl Fn() -> bool) -> anyhow::Result<()> {
        let mut deck = Vec::new();
        while !over() {
            if deck.is_empty() {
                deck = shuffled(&mut self.random);
            }
            let Some(blow) = deck.pop() else { continue };
            self.strike(blow).await?;
            let pause = self.random.random_range(500..3500);
            sleep(Duration::from_millis(pause)).await;
        }
        Ok(())
    }

    async fn strike(&mut self, blow: Blow) -> anyhow::Result<()> {
        let Grounds { site, workers, worker_proxy, publisher_proxy, .. } = self.grounds;
        let mut workers = workers.lock().await;
        // The first worker is left alone, to see whether it grows.
        let slot = self.random.random_range(1..workers.count());
        let time = Duration::from_millis(self.random.random_range(2000..8000));
        let mut blows = self.grounds.blows.lock().await;
        eprintln!("{blow:?}");
        match blow {
            Blow::KillWorker => {
                workers.kill(slot).await?;
                blows.kills += 1;
            }
            Blow::RestartWorker => {
                workers.restart(slot).await?;
                blows.restarts += 1;
            }
            Blow::CutWorkers | Blow::CutPublisher | Blow::CutAll => {
                if blow != Blow::CutPublisher {
                    worker_proxy.cut();
                }
                if blow != Blow::CutWorkers {
                    publisher_proxy.cut();
                }
                blows.cuts += 1;
            }
            Blow::Silence => {
                for proxy in [worker_proxy, publisher_proxy] {
                    proxy.silence();
                }
                sleep(time).await;
                for proxy in [worker_proxy, publisher_proxy] {
                    proxy.open();
                }
                blows.silences += 1;
            }
            Blow::Hang => {
                worker_proxy.hang();
                publisher_proxy.hang();
                blows.hangs += 1;
            }
            Blow::KillBroker => {
                site.kill().await?;
                site.start().await?;
                blows.broker_kills += 1;
            }
            Blow::Alarm => {
                site.set_memory("1MB").await?;
                sleep(time).await;
                site.set_memory("1GB").await?;
                blows.alarms += 1;
            }
        }
        Ok(())
    }
}

fn shuffled(random: &mut impl Rng) -> Vec<Blow> {
    let mut deck = DECK;
    let (kinds, rest) = deck.split_at_mut(KINDS);
    kinds.shuffle(random);
    rest.shuffle(random);
    deck.into_iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn each_kind_comes_before_any_comes_again() {
        let mut deck = shuffled(&mut StdRng::seed_from_u64(1));
        let mut first: Vec<_> = (0..KINDS).filter_map(|_| deck.pop()).collect();
        first.dedup();
        let unlike = |a: usize| (0..KINDS).all(|b| a == b || first[a] != first[b]);
        assert!((0..KINDS).all(unlike), "{first:?}");
    }

    #[test]
    fn a_seed_gives_the_same_order() {
        let order = |seed| shuffled(&mut StdRng::seed_from_u64(seed));
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
    }
}
