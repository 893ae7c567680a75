//! What we keep in Redis is named here (public API contract §7). All of it may be lost at any time.

use time::Date;
use uuid::Uuid;

use crate::{KeyType, ServiceId, service::DailyLimit};

/// The token bucket of a service's requests with one type of key: `{service}-tokens-{key type}`.
#[must_use]
pub fn rate_limit(service: ServiceId, key_type: KeyType) -> String {
    format!("{service}-tokens-{key_type}")
}

/// The counter of a service's messages on one day (UTC).
///
/// Normal and team keys share one; test keys have their own, which is read and never raised.
#[must_use]
pub fn daily_count(service: ServiceId, key_type: KeyType, limit: DailyLimit, day: Date) -> String {
    let test = if key_type == KeyType::Test { "test-" } else { "" };
    format!("{service}-{test}{limit}-{day}-count")
}

/// The errors of a provider within the last minute: `{provider}-error-rate`, a sorted set.
#[must_use]
pub fn provider_errors(provider: &str) -> String {
    format!("{provider}-error-rate")
}

/// The minutes in a row in which text messages arrived too slowly. Kept for five minutes.
pub const SLOW_MINUTES: &str = "slow-sms-delivery-minutes";

/// That something has been done which is done once, such as telling of one problem on one day.
#[must_use]
pub fn first(name: &str) -> String {
    format!("first-{name}")
}

/// How often somebody has named a wrong recipient of a document: `document-{id}-tries`.
#[must_use]
pub fn document_tries(document: Uuid) -> String {
    format!("document-{document}-tries")
}

/// When today's bill was last made.
pub const BILLING_UPDATED: &str = "update_ft_billing_for_today:updated-at-utc-isoformat";

/// What the admin app has been told of a user.
#[must_use]
pub fn user(id: Uuid) -> String {
    format!("user-{id}")
}

/// What the admin app has been told of a service's unsubscribe requests.
#[must_use]
pub fn unsubscribe_requests(service: ServiceId) -> [String; 2] {
    ["statistics", "reports-summary"]
        .map(|what| format!("service-{service}-unsubscribe-request-{what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn names_are_those_of_the_contract() {
        let service: ServiceId = "3d844edf-8d35-48ac-975b-e847b4f122b0".parse().unwrap();
        let day = date!(2026 - 03 - 01);
        assert_eq!(
            rate_limit(service, KeyType::Team),
            "3d844edf-8d35-48ac-975b-e847b4f122b0-tokens-team"
        );
        assert_eq!(
            daily_count(service, KeyType::Normal, DailyLimit::InternationalSms, day),
            "3d844edf-8d35-48ac-975b-e847b4f122b0-international_sms-2026-03-01-count"
        );
        assert_eq!(
            daily_count(service, KeyType::Test, DailyLimit::Email, day),
            "3d844edf-8d35-48ac-975b-e847b4f122b0-test-email-2026-03-01-count"
        );
        assert_eq!(provider_errors("mmg"), "mmg-error-rate");
        assert_eq!(user(service.0), "user-3d844edf-8d35-48ac-975b-e847b4f122b0");
        assert_eq!(
            unsubscribe_requests(service),
            [
                "service-3d844edf-8d35-48ac-975b-e847b4f122b0-unsubscribe-request-statistics",
                "service-3d844edf-8d35-48ac-975b-e847b4f122b0-unsubscribe-request-reports-summary",
            ]
        );
    }
}
