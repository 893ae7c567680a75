use providers::{Sms, SmsAccepted, SmsSender, firetext::Firetext};
use serde_json::json;
use stub::{Kind, Stub};

use crate::support::{REFERENCE, cause, config, in_time, sms};

fn firetext(url: &str, more: &[&str]) -> Firetext {
    let url = format!("{url}/firetext");
    let arguments = [&["--firetext-url", &url, "--firetext-api-key", "k&y"], more].concat();
    Firetext::from_config(&config(&arguments)).unwrap().unwrap()
}

/// One whose answers come from the callback endpoint of the stub, or from a path of it.
fn answering(stub: &Stub, path: &str) -> Firetext {
    let url = format!("{}{path}", stub.url);
    let arguments = ["--firetext-url", &url, "--firetext-api-key", "key"];
    Firetext::from_config(&config(&arguments)).unwrap().unwrap()
}

async fn started() -> Stub {
    stub::start(stub::Config::default()).await.unwrap()
}

#[tokio::test]
async fn messages_have_the_providers_format() {
    let stub = started().await;
    let accepted = firetext(&stub.url, &[]).send(&sms("+447700900001")).await.unwrap();
    assert_eq!(accepted, SmsAccepted { reference: None, receipts: true });
    let expected = json!({
        "apiKey": "k&y", "from": "GOVUK", "to": "447700900001",
        "message": "Tax: pay £5 by Mŷ 🐘", "reference": REFERENCE,
    });
    assert_eq!(stub.received(Kind::Sms)[0]["request"], expected);
}

#[tokio::test]
async fn messages_abroad_have_a_key_of_their_own_and_a_sender_only_if_there_is_one() {
    let stub = started().await;
    let message = Sms { sender: None, international: true, ..sms("33612345678") };
    let firetext = firetext(&stub.url, &["--firetext-international-api-key", "abroad"]);
    firetext.send(&message).await.unwrap();
    let request = &stub.received(Kind::Sms)[0]["request"];
    assert_eq!(request["apiKey"], "abroad");
    assert!(request.get("from").is_none());
}

#[tokio::test]
async fn receipts_go_to_the_url_of_the_message_with_its_credentials() {
    let stub = started().await;
    let url = format!("{}/callback", stub.url);
    let credentials = r#"["user", "pa:s"]"#;
    let more = ["--firetext-receipt-url", &url, "--firetext-receipt-credentials", credentials];
    firetext(&stub.url, &more).send(&sms("447700900003")).await.unwrap();
    let receipts = in_time(stub.wait_for(Kind::Callbacks, 2)).await;
    let receipt = &receipts[0];
    assert_eq!(receipt["authorization"], "Basic dXNlcjpwYTpz");
    assert_eq!(receipt["content_type"], "application/x-www-form-urlencoded");
    let body = receipt["body"].as_str().unwrap();
    assert!(body.contains(&format!("reference={REFERENCE}")), "{body}");
    assert!(body.contains("mobile=447700900003"), "{body}");
    let asked = &stub.received(Kind::Sms)[0]["request"]["receipt"];
    assert_eq!(asked, &url.replace("://", "://user:pa:s@"));
}

#[tokio::test]
async fn any_answer_but_code_zero_is_a_temporary_error() {
    let stub = started().await;
    let error = answering(&stub, "/firetext").send(&sms("+")).await.unwrap_err();
    assert_eq!(cause(&error), "the provider answered 200 6");
    assert!(!error.is_maybe_taken() && !error.is_permanent());
    // What MMG's side of the stub says about a form: 400 and an error without a code.
    let error = answering(&stub, "/mmg").send(&sms("447700900001")).await.unwrap_err();
    assert_eq!(cause(&error), "the provider answered 400 null");
    // 204 without a body: nobody knows whether it was taken.
    let error = answering(&stub, "/callback").send(&sms("447700900001")).await.unwrap_err();
    assert!(error.is_maybe_taken() && !error.is_permanent());
    let error = answering(&stub, "/callback/429").send(&sms("447700900001")).await.unwrap_err();
    assert!(error.is_throttled() && !error.is_permanent());
}

#[tokio::test]
async fn a_failing_or_silent_server_is_a_temporary_error() {
    let stub = started().await;
    let firetext = firetext(&stub.url, &["--firetext-timeout-ms", "50"]);
    let error = firetext.send(&sms("447700900005")).await.unwrap_err();
    assert_eq!(cause(&error), "the provider answered 500 1");
    assert!(!error.is_permanent());
    let error = in_time(firetext.send(&sms("447700900006"))).await.unwrap_err();
    assert_eq!(error.to_string(), "No answer in time");
    assert!(!format!("{error:?}").contains("k&y"));
}

#[test]
fn without_a_key_there_is_no_firetext() {
    assert!(Firetext::from_config(&config(&[])).unwrap().is_none());
}
