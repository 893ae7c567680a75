//! The edges of HTTP: methods, bodies, and who is asked first.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::json;

use crate::app::TestApp;

#[tokio::test]
async fn who_calls_is_asked_first_and_methods_are_told() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let url = |path: &str| format!("{}{path}", t.url);
    for path in ["/v2/notifications/sms", "/v2/notifications/pigeon", "/v2/notifications/x"] {
        let answer = t.http.post(url(path)).body("not JSON").send().await.unwrap();
        assert_eq!(answer.status(), 401, "{path}");
    }
    let unknown = client.post("/v2/notifications/pigeon", &json!({})).await.expect(404);
    assert_eq!(unknown["result"], "error");
    client.get("/v2/notifications/sms").await.expect(400);

    let sms = url("/v2/notifications/sms");
    let stranger = t.http.request(reqwest::Method::OPTIONS, &sms).send().await.unwrap();
    assert_eq!(stranger.status(), 401);
    let token = client.token();
    let options = t.http.request(reqwest::Method::OPTIONS, &sms).header("Authorization", &token);
    let options = options.send().await.unwrap();
    assert_eq!(
        (options.status().as_u16(), &options.headers()["allow"]),
        (200, &"GET, HEAD, OPTIONS, POST".parse().unwrap())
    );
    let wrong = t.http.delete(&sms).send().await.unwrap();
    assert_eq!(
        (wrong.status().as_u16(), &wrong.headers()["allow"]),
        (405, &"GET, HEAD, OPTIONS, POST".parse().unwrap())
    );

    for (path, status) in
        [("/_status", 200), ("/", 200), ("/metrics", 200), ("/_status?simple=%ff&simple=", 200)]
    {
        let head = t.http.head(url(path)).send().await.unwrap();
        assert_eq!(head.status(), status, "{path}");
        assert!(head.bytes().await.unwrap().is_empty());
    }
    let head = t
        .http
        .head(url("/v2/notifications/x"))
        .header("Authorization", &token)
        .send()
        .await
        .unwrap();
    assert_eq!(head.status(), 400);
    let wrong = t.http.put(url("/metrics")).send().await.unwrap();
    assert_eq!(wrong.status(), 405);
    let body: serde_json::Value = wrong.json().await.unwrap();
    assert_eq!(body["result"], "error");
    t.end().await;
}

#[tokio::test]
async fn large_bodies_are_refused_as_json() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let large = json!({ "reference": "x".repeat(11 << 20) });
    let answer = client.post("/v2/notifications/sms", &large).await.expect(413);
    assert_eq!(answer["status_code"], 413);
    t.end().await;
}

#[tokio::test]
async fn throttled_clients_keep_their_connection_and_strangers_are_told_they_do_not() {
    let t = TestApp::start().await;
    let db = t.db().await;
    let service = testkit::service(&db).live().sms_limit(0).create().await;
    let client = t.client_of(service, domain::KeyType::Normal).await;
    let (address, token) = (t.url.trim_start_matches("http://").to_owned(), client.token());
    let send = move |stream: &mut TcpStream, token: &str| {
        let body = "x".repeat(20_000);
        let head = format!(
            "POST /v2/notifications/sms HTTP/1.1\r\nhost: a\r\nauthorization: {token}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        while !answer.ends_with('}') {
            let mut buffer = [0; 4096];
            let n = stream.read(&mut buffer).unwrap();
            assert!(n > 0, "closed after {answer}");
            answer.push_str(std::str::from_utf8(&buffer[..n]).unwrap());
        }
        answer
    };
    tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
        for _ in 0..3 {
            let answer = send(&mut stream, &token);
            assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
        }
        let answer = send(&mut stream, "nobody");
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    })
    .await
    .unwrap();
    t.end().await;
}
