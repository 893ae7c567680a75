//! Clients that mean harm, or are broken: bodies and heads that are too large, too slow, too deep.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::app::{Client, RECEIPTS_PASSWORD, RECEIPTS_USER, TestApp};

/// Longer than the system waits for a head or a body, and shorter than for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a server says to these bytes, until it closes; with more of them every now and then, if there
/// are.
fn told(address: &str, bytes: &str, drip: &str) -> String {
    let (mut stream, started) = (TcpStream::connect(address).unwrap(), Instant::now());
    let mut answer = Vec::new();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    // The server may refuse, and close, before it has read all.
    let _ = stream.write_all(bytes.as_bytes());
    while started.elapsed() < PATIENCE {
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer) {
            Ok(0) => return String::from_utf8(answer).unwrap(),
            Ok(n) => answer.extend(&buffer[..n]),
            // Nothing yet.
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                let _ = stream.write_all(drip.as_bytes());
            }
            Err(_) => return String::from_utf8(answer).unwrap(),
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
    panic!("the connection is held, after {}", String::from_utf8_lossy(&answer));
}

/// Several of those at once.
async fn all_told(t: &TestApp, clients: Vec<(String, &'static str)>) -> Vec<String> {
    let address = t.url.trim_start_matches("http://").to_owned();
    let tell = |(bytes, drip): (String, &'static str)| {
        let address = address.clone();
        tokio::task::spawn_blocking(move || told(&address, &bytes, drip))
    };
    let told: Vec<_> = clients.into_iter().map(tell).collect();
    futures_util::future::try_join_all(told).await.unwrap()
}

/// The JSON after the head of an answer.
fn body(answer: &str) -> Value {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// The head of a POST, which promises so many bytes.
fn head(path: &str, client: &Client, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: {}\r\ncontent-length: {length}\r\n\r\n",
        client.token()
    )
}

async fn is_up(t: &TestApp) {
    let status = t.http.get(format!("{}/_status", t.url)).send().await.unwrap();
    assert_eq!(status.status(), 200);
}

#[tokio::test]
async fn who_sends_a_head_or_a_body_too_slowly_is_let_go_with_408() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let sms = head("/v2/notifications/sms", &client, 1000);
    let unsubscribe = format!("/unsubscribe/{}/x", uuid::Uuid::nil());
    let answers = all_told(
        &t,
        vec![
            ("GET / HTTP/1.1\r\nhost: a\r\n".to_owned(), ""), // and never more
            ("GET / HTTP/1.1\r\nhost: a\r\nx-slow: ".to_owned(), "x"),
            (format!("{sms}{{"), ""),
            (format!("{sms}{{"), " "),
            (head(&unsubscribe, &client, 1000), "x"),
        ],
    )
    .await;
    for answer in &answers {
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
    let message = "The request took too long to arrive";
    let error = json!({ "error": "RequestTimeoutError", "message": message });
    for answer in &answers[2..4] {
        assert_eq!(body(answer), json!({ "status_code": 408, "errors": [error] }));
        assert!(answer.contains("connection: close"), "{answer}");
    }
    assert_eq!(body(&answers[4]), json!({ "result": "error", "message": message }));
    is_up(&t).await;
    t.end().await;
}

#[tokio::test]
async fn large_heads_are_refused_with_431() {
    let t = TestApp::start().await;
    let many = "x-many: x\r\n".repeat(200);
    let large = "x".repeat(200_000);
    let answers = all_told(
        &t,
        vec![
            (format!("GET / HTTP/1.1\r\nhost: a\r\nx-large: {large}\r\n\r\n"), ""),
            (format!("GET /{large} HTTP/1.1\r\nhost: a\r\n\r\n"), ""),
            (format!("GET / HTTP/1.1\r\nhost: a\r\n{many}\r\n"), ""),
        ],
    )
    .await;
    for (answer, all_is_read) in answers.iter().zip([false, false, true]) {
        // A client that still writes when the server closes may not get to read the answer.
        let is_lost = answer.is_empty() && !all_is_read;
        assert!(is_lost || answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    is_up(&t).await;
    t.end().await;
}

#[tokio::test]
async fn large_bodies_are_refused_and_those_of_strangers_sooner() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let large = json!({ "reference": "x".repeat(11 << 20) });
    let answer = client.post("/v2/notifications/sms", &large).await.expect(413);
    let message = "The data value transmitted exceeds the capacity limit.";
    let error = json!({ "error": "BadRequestError", "message": message });
    assert_eq!(answer, json!({ "status_code": 413, "errors": [error] }));
    // One that a letter or a file may have.
    let fits = json!({ "reference": "x".repeat(9 << 20) });
    client.post("/v2/notifications/sms", &fits).await.expect(400);

    let token = t.signer.sign(&uuid::Uuid::nil().to_string()).unwrap();
    for path in [
        format!("/unsubscribe/{}/x", uuid::Uuid::nil()),
        format!("/notifications/letter/status?token={token}"),
        "/notifications/sms/mmg".to_owned(),
        "/notifications/sms/firetext".to_owned(),
        "/notifications/sms/reach".to_owned(),
        "/notifications/sms/receive/mmg".to_owned(),
        "/notifications/email/ses".to_owned(),
    ] {
        for (kib, is_too_large) in [(600, true), (400, false)] {
            let request = t.http.post(format!("{}{path}", t.url)).body("x".repeat(kib << 10));
            let request = request.basic_auth(RECEIPTS_USER, Some(RECEIPTS_PASSWORD));
            let status = request.send().await.unwrap().status();
            assert_eq!(status == 413, is_too_large, "{path} with {kib} KiB: {status}");
            assert!(status.is_client_error() || !is_too_large, "{path}: {status}");
        }
    }
    t.end_as_it_is().await;
}

#[tokio::test]
async fn deep_json_is_no_fault_of_ours_wherever_it_is_read_0_1() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let token = t.signer.sign(&uuid::Uuid::nil().to_string()).unwrap();
    for path in [
        "/v2/notifications/sms".to_owned(),
        "/v2/notifications/email".to_owned(),
        "/v2/notifications/letter".to_owned(),
        "/v2/notifications/bulk".to_owned(),
        format!("/v2/template/{}/preview", client.sms),
        format!("/notifications/letter/status?token={token}"),
        "/notifications/sms/mmg".to_owned(),
        "/notifications/sms/reach".to_owned(),
        "/notifications/sms/receive/mmg".to_owned(),
        "/notifications/email/ses".to_owned(),
    ] {
        for depth in [200, 100_000] {
            for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
                let nested = format!("{}1{}", open.repeat(depth), close.repeat(depth));
                if nested.len() > 512 << 10 {
                    continue; // refused before it is read
                }
                let json = format!(r#"{{"personalisation": {nested}}}"#);
                let request = t.http.post(format!("{}{path}", t.url)).body(json);
                let request = match path.starts_with("/v2") {
                    true => request.header("Authorization", client.token()),
                    false => request.basic_auth(RECEIPTS_USER, Some(RECEIPTS_PASSWORD)),
                };
                let status = request.send().await.unwrap().status();
                assert_eq!(status, 400, "{path} with {depth}");
            }
        }
    }
    is_up(&t).await;
    t.end().await;
}

#[tokio::test]
async fn of_two_equal_keys_the_last_one_wins_0_1() {
    let t = TestApp::start().await;
    let client = t.client().await;
    let post = async |body: String| {
        let url = format!("{}/v2/notifications/sms", t.url);
        let request = t.http.post(url).header("Authorization", client.token()).body(body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let (status, body) = post(r#"{"reference": 1, "reference": 2}"#.to_owned()).await;
    assert_eq!(status, 400);
    assert_eq!(body["errors"][0]["message"], "reference 2 is not of type string");
    let (status, body) = post(format!(
        r#"{{"phone_number": "x", "template_id": "{}", "phone_number": "07700900123",
            "personalisation": {{"name": "Ada", "name": "Bob"}}}}"#,
        client.sms
    ))
    .await;
    assert_eq!((status, &body["content"]["body"]), (201, &json!("Hello Bob")));
    t.end_as_it_is().await;
}
