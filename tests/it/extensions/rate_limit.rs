//! What answers tell of the limits.

use domain::KeyType;
use serde_json::json;
use time::macros::datetime;

use crate::app::{Answer, TestApp};

fn number(answer: &Answer, name: &str) -> Option<i64> {
    answer.headers.get(name).map(|value| value.to_str().unwrap().parse().unwrap())
}

/// Limit, remaining, reset, and when to come again.
fn told(answer: &Answer) -> [Option<i64>; 4] {
    ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after"]
        .map(|name| number(answer, name))
}

#[tokio::test]
async fn every_answer_tells_how_many_more_requests_there_may_be() {
    let t = TestApp::start().await;
    // Tokens are added by the second: the clock must not reach the next one within the test.
    t.travel_to(datetime!(2026-11-24 12:00 UTC));
    let db = t.db().await;
    let service = testkit::service(&db).live().rate_limit(9).create().await;
    let client = t.client_of(service, KeyType::Test).await;
    let sms = json!({ "phone_number": "07700900000", "template_id": client.sms,
                      "personalisation": { "name": "Ada" } });
    let accepted = client.post("/v2/notifications/sms", &sms).await;
    assert_eq!((accepted.status, told(&accepted)), (201, [Some(3), Some(2), Some(7), None]));
    let refused = client.post("/v2/notifications/email", &json!({})).await;
    assert_eq!((refused.status, told(&refused)), (400, [Some(3), Some(1), Some(14), None]));
    let letter = client.post("/v2/notifications/letter", &json!({})).await;
    assert_eq!((letter.status, told(&letter)), (400, [Some(3), Some(0), Some(20), None]));
    let over = client.post("/v2/notifications/sms", &sms).await;
    assert_eq!((over.status, told(&over)), (429, [Some(3), Some(0), Some(20), Some(14)]));
    t.advance(time::Duration::seconds(14));
    let again = client.post("/v2/notifications/sms", &sms).await;
    assert_eq!(again.status, 201, "as was told");

    for (path, status) in [
        ("/v2/notifications", 200),
        ("/v2/templates", 200),
        ("/v2/notifications?status=elsewhere", 400),
        ("/v2/notifications/00000000-0000-0000-0000-000000000000", 404),
        ("/v2/notifications", 200),
    ] {
        let read = client.get(path).await;
        let told = told(&read);
        let same = [Some(3), Some(0), Some(20), None];
        assert_eq!((read.status, told), (status, same), "reading {path} is not counted");
    }
    let stranger = t.http.post(format!("{}/v2/notifications/sms", t.url)).send().await.unwrap();
    assert!(!stranger.headers().contains_key("ratelimit-limit"));
    t.end().await;
}

#[tokio::test]
async fn who_has_sent_all_of_a_day_is_told_when_the_next_one_begins() {
    let t = TestApp::start().await;
    t.travel_to(datetime!(2026-11-24 23:30 UTC));
    let db = t.db().await;
    let service = testkit::service(&db).live().sms_limit(0).create().await;
    let client = t.client_of(service, KeyType::Normal).await;
    let over = client.post("/v2/notifications/sms", &json!({})).await;
    let [limit, remaining, _, retry_after] = told(&over);
    assert_eq!((over.status, limit, remaining), (429, Some(999), Some(998)));
    let retry_after = retry_after.unwrap();
    assert!((1700..=1801).contains(&retry_after), "{retry_after}");
    t.end().await;
}
