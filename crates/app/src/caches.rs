//! What every request would otherwise read again. Short-lived, bounded, per process.

use std::{future::Future, hash::Hash, sync::Arc, time::Duration};

use domain::{JobId, ServiceId, Template, TemplateId};
use moka::future::Cache;
use store::{
    providers::Provider,
    rates::{LetterRate, SmsRate},
    service_callbacks::{CallbackType, ServiceCallback},
};

use crate::{Account, Error};

/// How long a change of a service, its keys or its templates may go unnoticed
/// (public API contract §7.3: a revoked key stops within 2 s).
const FRESH: Duration = Duration::from_secs(2);

/// What never or hardly ever changes; this only bounds how long it stays.
const VERSION_FRESH: Duration = Duration::from_secs(30);

/// How long a change of the providers may go unnoticed.
const PROVIDERS_FRESH: Duration = Duration::from_secs(10);

pub(crate) struct Caches {
    pub accounts: Cache<ServiceId, Option<Arc<Account>>>,
    pub templates: Cache<(ServiceId, TemplateId), Option<Arc<Template>>>,
    pub template_versions: Cache<(ServiceId, TemplateId, i32), Arc<Template>>,
    pub safelists: Cache<ServiceId, Arc<Vec<String>>>,
    pub callbacks: Cache<(ServiceId, CallbackType), Option<Arc<ServiceCallback>>>,
    /// Whether a job's rows were counted when it was accepted, which never changes.
    pub counted_jobs: Cache<JobId, bool>,
    pub providers: Cache<(), Arc<Vec<Provider>>>,
    pub sms_rates: Cache<(), Arc<Vec<SmsRate>>>,
    pub letter_rates: Cache<(), Arc<Vec<LetterRate>>>,
}

impl Caches {
    pub(crate) fn new() -> Self {
        Self {
            accounts: cache(10_000, FRESH),
            templates: cache(10_000, FRESH),
            // A version stays as it is, but for the files that are put into it.
            template_versions: cache(10_000, FRESH),
            safelists: cache(1_000, FRESH),
            callbacks: cache(10_000, FRESH),
            counted_jobs: cache(1_000, VERSION_FRESH),
            providers: cache(1, PROVIDERS_FRESH),
            sms_rates: cache(1, VERSION_FRESH),
            letter_rates: cache(1, VERSION_FRESH),
        }
    }
}

fn cache<K: Hash + Eq + Send + Sync + 'static, V: Clone + Send + Sync + 'static>(
    capacity: u64,
    time_to_live: Duration,
) -> Cache<K, V> {
    Cache::builder().max_capacity(capacity).time_to_live(time_to_live).build()
}

/// The cached value, or the one that `load` finds. Of many that ask at once only one loads.
/// Failures are not kept.
pub(crate) async fn get_or_load<K, V>(
    cache: &Cache<K, V>,
    key: K,
    load: impl Future<Output = Result<V, Error>>,
) -> Result<V, Error>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    cache.try_get_with(key, load).await.map_err(|error: Arc<Error>| {
        Arc::try_unwrap(error).unwrap_or_else(|shared| match &*shared {
            Error::NotFound => Error::NotFound,
            _ => Error::Internal(anyhow::Error::new(shared)),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory does not creep over weeks (tasks contract §7, lesson 8).
    #[tokio::test]
    async fn every_cache_has_a_limit_and_forgets() {
        let Caches {
            accounts,
            templates,
            template_versions,
            safelists,
            callbacks,
            counted_jobs,
            providers,
            sms_rates,
            letter_rates,
        } = Caches::new();
        for policy in [
            accounts.policy(),
            templates.policy(),
            template_versions.policy(),
            safelists.policy(),
            callbacks.policy(),
            counted_jobs.policy(),
            providers.policy(),
            sms_rates.policy(),
            letter_rates.policy(),
        ] {
            assert!(policy.max_capacity().is_some_and(|entries| entries <= 10_000));
            assert!(policy.time_to_live().is_some_and(|life| life <= VERSION_FRESH));
        }
        let small = cache(100, FRESH);
        for number in 0..1000 {
            small.insert(number, ()).await;
        }
        small.run_pending_tasks().await;
        assert!(small.entry_count() <= 100, "{}", small.entry_count());
    }
}
