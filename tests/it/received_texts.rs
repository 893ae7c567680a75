//! `GET /v2/received-text-messages` (public API contract §2.12).

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    app::{Client, TestApp},
    looking_up::faults,
};

const PATH: &str = "/v2/received-text-messages";

/// Writes so many messages to the service, all at that time.
async fn receive(t: &TestApp, client: &Client, count: i32, at: &str) {
    let content = t.signer.sign("Hello £").unwrap();
    let sql = "INSERT INTO inbound_sms
            (id, service_id, content, notify_number, user_number, created_at, provider)
        SELECT gen_random_uuid(), $1, $2, '07700900500', '447700900111', $4::text::timestamp, 'mmg'
          FROM generate_series(1, $3)";
    t.db().await.execute(sql, &[&client.service.id, &content, &count, &at]).await.unwrap();
}

fn ids(page: &Value) -> Vec<Uuid> {
    let texts = page["received_text_messages"].as_array().unwrap();
    texts.iter().map(|text| text["id"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn what_a_service_received_is_listed_the_newest_first_2_12() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let current = format!("{}{PATH}", t.url);
    let none = json!({ "received_text_messages": [], "links": { "current": current } });
    assert_eq!(client.get(PATH).await.expect(200), none);
    receive(&t, &client, 1, "2026-01-02 03:04:05").await;
    receive(&t, &t.client().await, 1, "2026-01-03").await;
    let page = client.get(PATH).await.expect(200);
    let id = ids(&page)[0];
    assert_eq!(
        page,
        json!({
            "received_text_messages": [{
                "id": id, "created_at": "2026-01-02T03:04:05.000000Z",
                "service_id": client.service.id, "notify_number": "07700900500",
                "user_number": "447700900111", "content": "Hello £",
            }],
            "links": { "current": current, "next": format!("{current}?older_than={id}") },
        })
    );
    receive(&t, &client, 1, "2026-01-02 03:04:06").await;
    let page = client.get(PATH).await.expect(200);
    assert_eq!(ids(&page)[1], id);
    t.end().await;
}

#[tokio::test]
async fn pages_of_250_follow_each_other_2_12() {
    let t = TestApp::start().await;
    let client = t.client().await;
    receive(&t, &client, 255, "2026-01-02").await;
    let first = client.get(PATH).await.expect(200);
    let next = first["links"]["next"].as_str().unwrap().strip_prefix(&t.url).unwrap();
    let second = client.get(next).await.expect(200);
    assert_eq!((ids(&first).len(), ids(&second).len()), (250, 5));
    assert!(ids(&second).iter().all(|id| !ids(&first).contains(id)));
    let bare = format!("{}{PATH}", t.url);
    assert_eq!(second["links"]["current"], json!(bare), "never with older_than");
    let unknown = client.get(&format!("{PATH}?older_than={}", Uuid::nil())).await.expect(200);
    assert_eq!(unknown, json!({ "received_text_messages": [], "links": { "current": bare } }));
    t.end().await;
}

#[tokio::test]
async fn every_fault_of_the_query_is_told_2_12() {
    let t = TestApp::start().await;
    let client = t.client().await;
    for id in ["x", ""] {
        let answer = client.get(&format!("{PATH}?older_than={id}")).await;
        assert_eq!(faults(answer), ["older_than is not a valid UUID"]);
    }
    assert_eq!(
        faults(client.get(&format!("{PATH}?user_number=1&page=2")).await),
        ["Additional properties are not allowed (page, user_number were unexpected)"]
    );
    t.end().await;
}
