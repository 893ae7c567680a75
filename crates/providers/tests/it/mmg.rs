use providers::{SmsSender, mmg::Mmg};
use serde_json::{Value, json};
use stub::{Kind, Stub};

use crate::support::{REFERENCE, cause, closed_port, config, in_time, sms};

fn mmg(url: &str, more: &[&str]) -> Mmg {
    let url = format!("{url}/mmg");
    let arguments = [&["--mmg-url", &url, "--mmg-api-key", "dXNlcjpwYXNz"], more].concat();
    Mmg::from_config(&config(&arguments)).unwrap().unwrap()
}

async fn started() -> Stub {
    stub::start(stub::Config {
        mmg_api_key: Some("dXNlcjpwYXNz".to_owned()),
        ..stub::Config::default()
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn messages_have_the_providers_format() {
    let stub = started().await;
    mmg(&stub.url, &[]).send(&sms("447700900001")).await.unwrap();
    let received = &stub.received(Kind::Sms)[0];
    insta::assert_json_snapshot!(received["request"], @r#"
    {
      "reqType": "BULK",
      "MSISDN": "447700900001",
      "msg": "Tax: pay £5 by Mŷ 🐘",
      "sender": "GOVUK",
      "cid": "8b3f3a0e-6a3c-4e5e-9f0a-1d2c3b4a5968",
      "multi": true
    }
    "#);
    assert_eq!(received["reference"], json!(REFERENCE));
}

#[tokio::test]
async fn an_answer_that_is_not_json_is_a_temporary_error() {
    let stub = started().await;
    let url = format!("{}/callback/200", stub.url);
    let mmg = Mmg::from_config(&config(&["--mmg-url", &url, "--mmg-api-key", "k"]));
    let error = mmg.unwrap().unwrap().send(&sms("447700900001")).await.unwrap_err();
    assert_eq!(error.to_string(), "The answer is not JSON");
    assert!(!error.is_outage());
    assert!(!error.is_permanent());
    let callback = &stub.received(Kind::Callbacks)[0];
    assert_eq!(callback["authorization"], "Basic k");
    assert_eq!(callback["content_type"], "application/json");
}

#[tokio::test]
async fn receipts_go_to_the_url_of_the_message_with_its_credentials() {
    let stub = started().await;
    let url = format!("{}/callback", stub.url);
    let credentials = r#"["user", "pa:s"]"#;
    let more = ["--mmg-receipt-url", &url, "--mmg-receipt-credentials", credentials];
    mmg(&stub.url, &more).send(&sms("447700900001")).await.unwrap();
    let receipt = &in_time(stub.wait_for(Kind::Callbacks, 1)).await[0];
    assert_eq!(receipt["authorization"], "Basic dXNlcjpwYTpz");
    insta::assert_json_snapshot!(receipt["body"], {
        ".reference" => "[number]",
        ".deliverytime" => "[time]",
    }, @r#"
    {
      "CID": "8b3f3a0e-6a3c-4e5e-9f0a-1d2c3b4a5968",
      "status": "3",
      "substatus": "5",
      "MSISDN": "447700900001",
      "reference": "[number]",
      "deliverytime": "[time]"
    }
    "#);
    let delurl = &stub.received(Kind::Sms)[0]["request"]["delurl"];
    assert_eq!(delurl, &url.replace("://", "://user:pa:s@"));
}

#[tokio::test]
async fn the_number_decides_the_receipts() {
    let stub = started().await;
    let url = format!("{}/callback", stub.url);
    let mmg = mmg(&stub.url, &["--mmg-receipt-url", &url]);
    // The last one's receipt shows that none is still to come for the one before.
    let numbers = ["447700900002", "447700900003", "447700900008", "447700900009", "447700900001"];
    for number in numbers {
        mmg.send(&sms(number)).await.unwrap();
    }
    let receipts = in_time(stub.wait_for(Kind::Callbacks, 5)).await;
    let mut seen: Vec<String> = receipts
        .iter()
        .map(|receipt| &receipt["body"])
        .map(|body| format!("{} {}", text(&body["MSISDN"]), text(&body["status"])))
        .collect();
    seen.sort();
    let expected =
        ["447700900001 3", "447700900002 5", "447700900003 4", "447700900008 3", "447700900008 3"];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_failing_server_is_a_temporary_error() {
    let stub = started().await;
    let error = mmg(&stub.url, &[]).send(&sms("447700900005")).await.unwrap_err();
    assert!(!error.is_permanent() && !error.is_throttled());
    assert_eq!(cause(&error), "the provider answered 500 206");
    assert!(error.is_outage());
}

#[tokio::test]
async fn a_wrong_key_is_a_temporary_error() {
    let stub = stub::start(stub::Config {
        mmg_api_key: Some("another".to_owned()),
        ..stub::Config::default()
    });
    let stub = stub.await.unwrap();
    let error = mmg(&stub.url, &[]).send(&sms("447700900001")).await.unwrap_err();
    assert_eq!(cause(&error), "the provider answered 401 206");
    assert!(!error.is_outage());
    assert!(!error.is_permanent());
}

#[tokio::test]
async fn too_many_requests_are_throttling() {
    let stub = started().await;
    let url = format!("{}/callback/429", stub.url);
    let mmg = Mmg::from_config(&config(&["--mmg-url", &url, "--mmg-api-key", "k"]));
    let error = mmg.unwrap().unwrap().send(&sms("447700900001")).await.unwrap_err();
    assert!(error.is_throttled() && !error.is_outage());
}

#[tokio::test]
async fn silence_ends_in_time() {
    let stub = started().await;
    let mmg = mmg(&stub.url, &["--mmg-timeout-ms", "50"]);
    let error = in_time(mmg.send(&sms("447700900006"))).await.unwrap_err();
    assert_eq!(error.to_string(), "No answer in time");
    assert!(error.is_outage());
    assert!(!error.is_permanent());
}

#[tokio::test]
async fn errors_name_neither_url_nor_recipient() {
    let url = format!("http://user:secret@127.0.0.1:{}", closed_port().await.unwrap());
    let error = mmg(&url, &[]).send(&sms("447700900001")).await.unwrap_err();
    assert_eq!(error.to_string(), "No answer");
    assert!(error.is_outage());
    let everything = format!("{error:?} {}", cause(&error));
    assert!(!everything.contains("secret") && !everything.contains("4477"), "{everything}");
}

#[test]
fn without_a_key_there_is_no_mmg() {
    assert!(Mmg::from_config(&config(&[])).unwrap().is_none());
}

#[test]
fn unusable_settings_are_named_but_not_shown() {
    let arguments = [
        "--mmg-api-key",
        "k",
        "--mmg-receipt-url",
        "https://notify.example/receipts",
        "--mmg-receipt-credentials",
        r#"["user", "pass"#,
    ];
    let error = Mmg::from_config(&config(&arguments)).map(drop).unwrap_err();
    assert_eq!(
        error.to_string(),
        "MMG_DELIVERY_STATUS_CALLBACK_BASIC_AUTH_CREDENTIALS cannot be used"
    );
    assert!(!format!("{error:?}").contains("pass\""));
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
