//! The edges of HTTP: methods, bodies, and who is asked first.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::json;

use crate::app::TestApp;

/// Who calls is asked before anything else (§3); the type of a message may be unknown (§2.5).
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

/// Each path, with a query and an id where it takes them, and the methods it tells (§0.3).
#[tokio::test]
async fn every_read_route_asks_who_calls_and_tells_its_methods_0_3() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let id = client.sms;
    let gets = "GET, HEAD, OPTIONS";
    for (path, allow) in [
        ("/v2/notifications".to_owned(), gets),
        ("/v2/notifications/x".to_owned(), "GET, HEAD, OPTIONS, POST"),
        ("/v2/templates".to_owned(), gets),
        (format!("/v2/template/{id}"), gets),
        (format!("/v2/template/{id}/version/1"), gets),
        (format!("/v2/template/{id}/preview"), "OPTIONS, POST"),
        ("/v2/received-text-messages".to_owned(), gets),
    ] {
        let send = async |method: &str, token: Option<&str>| {
            let method = method.parse::<reqwest::Method>().unwrap();
            let mut request = t.http.request(method, format!("{}{path}?nonsense=1", t.url));
            if let Some(token) = token {
                request = request.header("Authorization", token);
            }
            request.send().await.unwrap()
        };
        let read = if allow.starts_with("GET") { "GET" } else { "POST" };
        for method in [read, "OPTIONS"] {
            assert_eq!(send(method, None).await.status(), 401, "{method} {path}");
        }
        let options = send("OPTIONS", Some(&client.token())).await;
        assert_eq!(
            (options.status().as_u16(), &options.headers()["allow"]),
            (200, &allow.parse().unwrap())
        );
        let wrong = send("DELETE", None).await;
        assert_eq!(
            (wrong.status().as_u16(), &wrong.headers()["allow"]),
            (405, &allow.parse().unwrap())
        );
        let body: serde_json::Value = wrong.json().await.unwrap();
        assert_eq!(
            body,
            json!({ "result": "error",
                    "message": "The method is not allowed for the requested URL." })
        );
        let missed = t.http.get(format!("{}{path}/", t.url)).send().await.unwrap();
        if !path.ends_with("/preview") {
            assert_eq!(missed.status(), 404, "{path}: no alias with a slash (§0.1)");
        }
    }
    t.end().await;
}

/// The Python client has a method for this route, which was never for services (§1.4).
#[tokio::test]
async fn services_may_not_call_what_is_internal_1_4() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let url = format!("{}/service/{}/template/{}/versions", t.url, client.service.id, client.sms);
    for (header, status, message) in [
        (Some(client.token()), 401, "Unauthorized: not allowed to perform this action"),
        (None, 401, "Unauthorized: authentication token must be provided"),
        (Some("Basic x".into()), 401, "Unauthorized: authentication bearer scheme must be used"),
    ] {
        let mut request = t.http.get(&url);
        if let Some(header) = header {
            request = request.header("Authorization", header);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status);
        let body: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(body, json!({ "result": "error", "message": { "token": [message] } }));
    }
    t.end().await;
}
