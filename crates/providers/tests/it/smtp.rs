use providers::{EmailAccepted, EmailSender, Error, smtp::Smtp};
use serde_json::json;
use stub::{Kind, Stub};

use crate::support::{REFERENCE, clock, closed_port, config, email, in_time};

fn smtp(stub: &Stub, timeout_ms: &str) -> Smtp {
    let url = format!("smtp://user:pw@{}", stub.smtp_addr.unwrap());
    let arguments = ["--smtp-url", &url, "--smtp-timeout-ms", timeout_ms];
    Smtp::from_config(&config(&arguments), clock()).unwrap().unwrap()
}

async fn started() -> Stub {
    stub::start(stub::Config::default()).await.unwrap()
}

#[tokio::test]
async fn emails_are_whole_and_without_receipts() {
    let stub = started().await;
    let accepted = smtp(&stub, "5000").send(&email("anna@bücher.example")).await.unwrap();
    assert_eq!(accepted, EmailAccepted { reference: None, receipts: false });
    let received = &stub.received(Kind::Emails)[0];
    assert_eq!(received["reference"], json!(REFERENCE));
    assert_eq!(received["request"]["from"], "vehicle.tax@notify.example");
    assert_eq!(received["request"]["to"], json!(["anna@xn--bcher-kva.example"]));
    let data = received["request"]["data"].as_str().unwrap();
    let boundary = data.split('"').skip_while(|part| !part.ends_with("boundary=")).nth(1);
    let data = data.replace(boundary.unwrap(), "[boundary]").replace('\r', "");
    insta::assert_snapshot!(data);
}

#[tokio::test]
async fn connections_are_used_again() {
    let stub = started().await;
    let smtp = smtp(&stub, "5000");
    for _ in 0..3 {
        smtp.send(&email("anna@example.com")).await.unwrap();
    }
    assert_eq!(stub.received(Kind::Emails).len(), 3);
}

#[tokio::test]
async fn refused_recipients_and_messages_are_permanent_errors() {
    let stub = started().await;
    let error = failure(&stub, "permanent@example.com").await;
    assert!(error.is_permanent());
    assert_eq!(error.to_string(), "the provider answered 550");
    assert!(failure(&stub, "reject@example.com").await.is_permanent());
}

#[tokio::test]
async fn other_refusals_are_temporary_errors() {
    let stub = started().await;
    let error = failure(&stub, "temporary@example.com").await;
    assert!(!error.is_permanent() && !error.is_throttled());
    assert!(failure(&stub, "throttle@example.com").await.is_throttled());
}

#[tokio::test]
async fn silence_ends_in_time() {
    let stub = started().await;
    let error = in_time(smtp(&stub, "50").send(&email("hang@example.com"))).await.unwrap_err();
    assert_eq!(error.to_string(), "No answer in time");
}

#[tokio::test]
async fn no_server_is_a_temporary_error() {
    let url = format!("smtp://127.0.0.1:{}", closed_port().await.unwrap());
    let smtp = Smtp::from_config(&config(&["--smtp-url", &url]), clock()).unwrap().unwrap();
    let error = smtp.send(&email("anna@example.com")).await.unwrap_err();
    assert!(!error.is_permanent());
}

#[test]
fn without_a_url_there_is_no_smtp() {
    assert!(Smtp::from_config(&config(&[]), clock()).unwrap().is_none());
}

async fn failure(stub: &Stub, to: &str) -> Error {
    smtp(stub, "5000").send(&email(to)).await.unwrap_err()
}
