//! What becomes of the providers' priorities (tasks contract §3.1 and §3.8): lowered when a provider
//! fails or is slow, and back to where they rest once all is well.
//!
//! Every change is made under the locks of all active providers' rows and keeps a version in their
//! history. One that changed lately is left alone, so that many processes that notice the same
//! trouble change things once.

use std::{
    str::FromStr,
    sync::{Arc, atomic::Ordering},
};

use anyhow::Context;
use store::{
    monitors::{SLOW_AFTER, Speed},
    providers::{LockedProvider, Provider},
};
use time::Duration;
use tracing::{info, warn};

use crate::{
    App, Error,
    alerts::{Alert, Severity},
    caches::get_or_load,
};

/// How much a priority changes at once.
const STEP: i32 = 10;
/// More errors than this within [`ERROR_WINDOW`] lower a provider's priority.
const ERRORS: i64 = 50;
const ERROR_WINDOW: Duration = Duration::minutes(1);
/// How long priorities stay as they are after a change, before errors change them again.
const HOLD_OFF_ERRORS: Duration = Duration::minutes(1);
/// The same for slow deliveries.
const HOLD_OFF_SLOW: Duration = Duration::minutes(5);
/// The same for going back.
const HOLD_OFF_TENDING: Duration = Duration::minutes(15);
/// Which messages are looked at for slow deliveries: those accepted so long ago at most.
const SPEED_WINDOW: Duration = Duration::minutes(15);
/// A provider is slow when this share of its messages takes five minutes or more.
const SLOW_PERCENT: i64 = 15;
/// Deliveries are slow as a whole when more than this share takes five minutes or more …
const SLOW_OVERALL_PERCENT: i64 = 10;
/// … for so many minutes in a row.
const SLOW_MINUTES: i64 = 10;
/// Where in [`SLOW_AFTER`] the five minutes are.
const FIVE_MINUTES: usize = 1;

/// Settings of the choice among SMS providers.
#[derive(clap::Args, Clone, Debug)]
pub struct ProvidersConfig {
    /// Priorities that SMS providers go back to when all is well: PROVIDER=PRIORITY, comma-separated
    #[arg(
        long,
        env = "POSTROOM_SMS_RESTING_POINTS",
        value_delimiter = ',',
        default_value = "mmg=51,firetext=49"
    )]
    pub sms_resting_points: Vec<RestingPoint>,
    /// 1 raises an alert when text messages arrive slowly for ten minutes
    #[arg(long, env = "CHECK_SLOW_TEXT_MESSAGE_DELIVERY", default_value = "0")]
    pub check_slow_text_message_delivery: String,
}

/// Where a provider's priority goes by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestingPoint {
    /// The provider's identifier.
    pub provider: String,
    /// The priority, 0 to 100.
    pub priority: i32,
}

impl FromStr for RestingPoint {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (provider, priority) = text.split_once('=').context("not PROVIDER=PRIORITY")?;
        let priority = priority.parse().ok().filter(|priority| (0..=100).contains(priority));
        let priority = priority.context("a priority is a number from 0 to 100")?;
        Ok(Self { provider: provider.to_owned(), priority })
    }
}

impl App {
    /// The providers of every channel with their weights, active or not.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn providers(&self) -> Result<Arc<Vec<Provider>>, Error> {
        get_or_load(&self.0.caches.providers, (), async {
            Ok(Arc::new(store::providers::list(&self.db().await?).await?))
        })
        .await
    }

    /// Counts an error of an SMS provider, and lowers its priority when there are too many.
    /// Whatever goes wrong here is only logged: the message itself must not wait for it.
    pub async fn sms_provider_failed(&self, provider: &str) {
        if self.0.limits.count_provider_error(provider, ERROR_WINDOW).await <= ERRORS {
            return;
        }
        // In an outage errors come by the hundred; the locks are asked for once a second.
        let (second, asked) = (self.clock().now().unix_timestamp(), &self.0.asked_to_lower);
        if asked.swap(second, Ordering::Relaxed) == second {
            return;
        }
        let lowered = self
            .change_priorities(HOLD_OFF_ERRORS, "too many errors", |rows| {
                shifted(rows, |row| row.identifier == provider)
            })
            .await;
        match lowered {
            Ok(true) => warn!(provider.name = provider, "lowered: too many errors"),
            Ok(false) => {}
            Err(error) => {
                warn!(provider.name = provider, error = %runtime::chain(&error), "not lowered");
            }
        }
    }

    /// Lowers the SMS providers that are slow, if others are not. True when something changed.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn switch_on_slow_delivery(&self) -> Result<bool, Error> {
        let speeds = self.speeds().await?;
        let is_slow = |row: &LockedProvider| {
            let speed = speeds.iter().find(|speed| speed.provider == row.identifier);
            speed.is_some_and(|it| it.slow[FIVE_MINUTES] * 100 >= it.total * SLOW_PERCENT)
        };
        if !speeds.iter().any(|it| it.slow[FIVE_MINUTES] * 100 >= it.total * SLOW_PERCENT) {
            return Ok(false);
        }
        self.change_priorities(HOLD_OFF_SLOW, "slow delivery", |rows| shifted(rows, is_slow)).await
    }

    /// Moves every SMS provider a step towards the priority at which it rests, if none has changed
    /// lately. True when something changed.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn tend_providers(&self) -> Result<bool, Error> {
        let points = &self.0.resting_points;
        self.change_priorities(HOLD_OFF_TENDING, "back to its resting point", |rows| {
            let point = |row: &LockedProvider| {
                let point = points.iter().find(|point| point.provider == row.identifier)?;
                Some(point.priority)
            };
            rows.iter()
                .map(|row| match point(row) {
                    Some(rest) => row.priority + (rest - row.priority).clamp(-STEP, STEP),
                    None => row.priority,
                })
                .collect()
        })
        .await
    }

    /// Measures how fast text messages arrive; tells of it when they have been slow for long.
    ///
    /// # Errors
    /// Database errors only.
    pub async fn measure_sms_delivery(&self) -> Result<(), Error> {
        let speeds = self.speeds().await?;
        let (mut total, mut slow) = (0, [0; 3]);
        for speed in &speeds {
            gauges(&speed.provider, speed.total, speed.slow);
            total += speed.total;
            for (sum, count) in slow.iter_mut().zip(speed.slow) {
                *sum += count;
            }
        }
        gauges("all", total, slow);
        if !self.0.alert_on_slow_sms {
            return Ok(());
        }
        let is_slow = slow[FIVE_MINUTES] * 100 > total * SLOW_OVERALL_PERCENT;
        if self.0.limits.count_slow_minute(is_slow).await == SLOW_MINUTES {
            let share = slow[FIVE_MINUTES] * 100 / total.max(1);
            let text = format!(
                "{share} % of text messages took five minutes or more, ten minutes in a row"
            );
            self.raise(&Alert::new("slow-sms-delivery", Severity::Error, &text)).await?;
        }
        Ok(())
    }

    async fn speeds(&self) -> Result<Vec<Speed>, Error> {
        let now = self.clock().now();
        Ok(store::monitors::list_speeds(&self.db().await?, now - SPEED_WINDOW, now).await?)
    }

    /// Sets the priorities that `decide` gives for the active SMS providers, one for each, in their
    /// order; unless one of them changed within `hold_off`. True when something changed.
    async fn change_priorities(
        &self,
        hold_off: Duration,
        reason: &str,
        decide: impl FnOnce(&[LockedProvider]) -> Vec<i32>,
    ) -> Result<bool, Error> {
        let mut db = self.db().await?;
        let tx = db.transaction().await.map_err(store::Error::from)?;
        let rows = store::providers::lock_active_sms(&tx).await?;
        let now = self.clock().now();
        if rows.iter().any(|row| row.updated_at.is_some_and(|at| at > now - hold_off)) {
            return Ok(false);
        }
        let mut changed = false;
        for (row, priority) in rows.iter().zip(decide(&rows)) {
            if priority != row.priority {
                store::providers::set_priority(&tx, row.id, priority, reason, now).await?;
                info!(
                    provider.name = row.identifier,
                    from = row.priority,
                    to = priority,
                    reason,
                    "a provider's priority changed"
                );
                changed = true;
            }
        }
        tx.commit().await.map_err(store::Error::from)?;
        if changed {
            self.0.caches.providers.invalidate(&()).await;
        }
        Ok(changed)
    }
}

/// The priorities after those that are `bad` gave way to the strongest of the others. Nothing
/// changes when all are bad, or none is.
fn shifted(rows: &[LockedProvider], bad: impl Fn(&LockedProvider) -> bool) -> Vec<i32> {
    let best = rows.iter().filter(|row| !bad(row)).max_by_key(|row| row.priority);
    let is_best = |row: &LockedProvider| best.is_some_and(|best| best.id == row.id);
    let nothing_to_do = best.is_none() || !rows.iter().any(&bad);
    rows.iter()
        .map(|row| match row.priority {
            priority if nothing_to_do => priority,
            priority if bad(row) => (priority - STEP).clamp(0, 100),
            priority if is_best(row) => (priority + STEP).clamp(0, 100),
            priority => priority,
        })
        .collect()
}

fn gauges(provider: &str, total: i64, slow: [i64; 3]) {
    for (after, count) in SLOW_AFTER.iter().zip(slow) {
        let ratio = if total == 0 { 0.0 } else { count as f64 / total as f64 };
        metrics::gauge!("sms_slow_delivery_ratio", "provider" => provider.to_owned(),
            "minutes" => after.whole_minutes().to_string())
        .set(ratio);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(identifier: &str, priority: i32) -> LockedProvider {
        let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_DNS, identifier.as_bytes());
        LockedProvider { id, identifier: identifier.to_owned(), priority, updated_at: None }
    }

    fn after(priorities: &[(&str, i32)], bad: &[&str]) -> Vec<i32> {
        let rows: Vec<_> = priorities.iter().map(|(name, priority)| row(name, *priority)).collect();
        shifted(&rows, |row| bad.contains(&row.identifier.as_str()))
    }

    #[test]
    fn the_bad_one_gives_way_between_0_and_100() {
        assert_eq!(after(&[("a", 50), ("b", 50)], &["a"]), [40, 60]);
        assert_eq!(after(&[("a", 5), ("b", 95)], &["a"]), [0, 100]);
        assert_eq!(after(&[("a", 0), ("b", 100)], &["a"]), [0, 100]);
    }

    #[test]
    fn nothing_changes_when_all_are_bad_or_none_is() {
        assert_eq!(after(&[("a", 50), ("b", 50)], &["a", "b"]), [50, 50]);
        assert_eq!(after(&[("a", 50), ("b", 50)], &[]), [50, 50]);
        assert_eq!(after(&[("a", 50)], &["a"]), [50]);
    }

    #[test]
    fn of_several_others_one_is_raised() {
        assert_eq!(after(&[("a", 50), ("b", 30), ("c", 20)], &["a"]), [40, 40, 20]);
    }

    #[test]
    fn resting_points_are_read() {
        let point: RestingPoint = "mmg=51".parse().unwrap();
        assert_eq!(point, RestingPoint { provider: "mmg".to_owned(), priority: 51 });
        for bad in ["mmg", "mmg=", "mmg=101", "mmg=-1"] {
            assert!(bad.parse::<RestingPoint>().is_err(), "{bad}");
        }
    }
}
