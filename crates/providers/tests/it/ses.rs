use providers::{EmailAccepted, EmailSender, Error, ses::Ses};
use serde_json::Value;
use stub::{Kind, Outcome, Stub};

use crate::support::{clock, config, email, in_time};

fn ses(url: &str, more: &[&str]) -> Ses {
    let arguments = [
        &["--ses-endpoint", url, "--ses-access-key-id", "AKID"][..],
        &["--ses-secret-access-key", "secret"],
        more,
    ]
    .concat();
    Ses::from_config(&config(&arguments), clock()).unwrap().unwrap()
}

async fn started() -> Stub {
    stub::start(stub::Config::default()).await.unwrap()
}

#[tokio::test]
async fn emails_have_the_providers_format() {
    let stub = started().await;
    let accepted = ses(&stub.url, &[]).send(&email("anna@bücher.example")).await.unwrap();
    let received = &stub.received(Kind::Emails)[0];
    let id = received["id"].as_str().map(str::to_owned);
    assert_eq!(accepted, EmailAccepted { reference: id, receipts: true });
    insta::assert_json_snapshot!(received["request"]);
}

#[tokio::test]
async fn requests_are_signed() {
    let stub = started().await;
    // The endpoint for callbacks shows headers. The path of SES becomes a query there.
    let url = format!("{}/callback/500?", stub.url);
    let ses = ses(&url, &["--ses-session-token", "token"]);
    ses.send(&email("anna@example.com")).await.unwrap_err();
    let callback = &stub.received(Kind::Callbacks)[0];
    let signature = callback["authorization"].as_str().unwrap();
    let expected = "AWS4-HMAC-SHA256 Credential=AKID/20260801/eu-west-1/ses/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=";
    assert!(signature.starts_with(expected), "{signature}");
}

#[tokio::test]
async fn optional_parts_are_left_empty() {
    let stub = started().await;
    let mut email = email("anna@example.com");
    email.reply_to = None;
    email.unsubscribe_link = None;
    ses(&stub.url, &[]).send(&email).await.unwrap();
    let request = &stub.received(Kind::Emails)[0]["request"];
    assert_eq!(request["ReplyToAddresses"], Value::Array(vec![]));
    assert_eq!(request["Content"]["Simple"]["Headers"], Value::Array(vec![]));
}

#[tokio::test]
async fn refused_messages_are_permanent_errors() {
    let stub = started().await;
    let error = failure(&stub, "reject@example.com").await;
    assert!(error.is_permanent());
    assert_eq!(error.to_string(), "the provider answered 400 MessageRejected");
}

#[tokio::test]
async fn an_unusable_address_fails_before_the_call() {
    let stub = started().await;
    assert!(failure(&stub, "a@b@example.com").await.is_permanent());
    assert!(stub.received(Kind::Emails).is_empty());
}

#[tokio::test]
async fn a_full_quota_is_throttling() {
    let stub = started().await;
    let error = failure(&stub, "throttle@example.com").await;
    assert!(error.is_throttled() && !error.is_permanent());
}

#[tokio::test]
async fn a_failing_server_is_a_temporary_error() {
    let stub = started().await;
    let error = failure(&stub, "error500@example.com").await;
    assert!(!error.is_permanent() && !error.is_throttled());
}

#[tokio::test]
async fn an_answer_that_is_not_json_is_no_acceptance() {
    let stub = started().await;
    stub.force(Some(Outcome::Garbage));
    let error = failure(&stub, "anna@example.com").await;
    assert_eq!(error.to_string(), "The answer is not JSON");
    assert!(error.is_maybe_taken() && !error.is_permanent());
}

#[tokio::test]
async fn silence_ends_in_time() {
    let stub = started().await;
    let ses = ses(&stub.url, &["--ses-timeout-ms", "50"]);
    let error = in_time(ses.send(&email("hang@example.com"))).await.unwrap_err();
    assert_eq!(error.to_string(), "No answer in time");
}

#[test]
fn without_a_key_there_is_no_ses() {
    assert!(Ses::from_config(&config(&[]), clock()).unwrap().is_none());
}

async fn failure(stub: &Stub, to: &str) -> Error {
    ses(&stub.url, &[]).send(&email(to)).await.unwrap_err()
}
