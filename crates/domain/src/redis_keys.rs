//! What we keep in Redis is named here (public API contract §7). All of it may be lost at any time.

use time::Date;

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

/// What the admin app keeps of a service's unsubscribe requests, to be dropped when one comes in.
#[must_use]
pub fn unsubscribe_statistics(service: ServiceId) -> [String; 2] {
    [
        format!("service-{service}-unsubscribe-request-statistics"),
        format!("service-{service}-unsubscribe-request-reports-summary"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn names_are_those_of_the_contract() {
        let service = "3d844edf-8d35-48ac-975b-e847b4f122b0".parse().unwrap();
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
    }
}
