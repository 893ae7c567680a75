use providers::{Sms, SmsSender, aws_sms::AwsSms};
use serde_json::json;
use stub::{Kind, Stub};

use crate::support::{cause, clock, config, in_time, sms};

fn aws(url: &str, more: &[&str]) -> AwsSms {
    let arguments = [
        &["--aws-sms-endpoint", url, "--aws-sms-access-key-id", "AKID"][..],
        &["--aws-sms-secret-access-key", "secret"],
        more,
    ]
    .concat();
    AwsSms::from_config(&config(&arguments), clock()).unwrap().unwrap()
}

async fn started() -> Stub {
    stub::start(stub::Config::default()).await.unwrap()
}

#[tokio::test]
async fn messages_have_the_providers_format() {
    let stub = started().await;
    let aws = aws(&stub.url, &["--aws-sms-number", "+18005550100"]);
    let accepted = aws.send(&sms("15005550006")).await.unwrap();
    let received = &stub.received(Kind::Sms)[0];
    assert_eq!(accepted.reference.as_deref(), received["id"].as_str());
    assert!(!accepted.receipts);
    let expected = json!({
        "Action": "Publish",
        "Version": "2010-03-31",
        "PhoneNumber": "+15005550006",
        "Message": "Tax: pay £5 by Mŷ 🐘",
        "MessageAttributes.entry.1.Name": "AWS.SNS.SMS.SMSType",
        "MessageAttributes.entry.1.Value.DataType": "String",
        "MessageAttributes.entry.1.Value.StringValue": "Transactional",
        "MessageAttributes.entry.2.Name": "AWS.MM.SMS.OriginationNumber",
        "MessageAttributes.entry.2.Value.DataType": "String",
        "MessageAttributes.entry.2.Value.StringValue": "+18005550100",
    });
    assert_eq!(received["request"], expected);
}

#[tokio::test]
async fn a_sender_that_is_a_number_is_the_origination_number() {
    let stub = started().await;
    let origination = "MessageAttributes.entry.2.Value.StringValue";
    let message = Sms { sender: Some("18005550111"), ..sms("15005550006") };
    aws(&stub.url, &["--aws-sms-number", "+18005550100"]).send(&message).await.unwrap();
    assert_eq!(stub.received(Kind::Sms)[0]["request"][origination], "18005550111");
    let message = Sms { sender: None, ..message };
    aws(&stub.url, &[]).send(&message).await.unwrap();
    assert_eq!(stub.received(Kind::Sms)[1]["request"].get(origination), None);
}

#[tokio::test]
async fn requests_are_signed() {
    let stub = started().await;
    // The endpoint for callbacks shows headers.
    aws(&format!("{}/callback/500", stub.url), &[]).send(&sms("15005550006")).await.unwrap_err();
    let callback = &stub.received(Kind::Callbacks)[0];
    let signature = callback["authorization"].as_str().unwrap();
    let expected = "AWS4-HMAC-SHA256 Credential=AKID/20260801/eu-west-1/sns/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date, Signature=";
    assert!(signature.starts_with(expected), "{signature}");
}

#[tokio::test]
async fn a_failing_or_silent_server_is_a_temporary_error() {
    let stub = started().await;
    let aws = aws(&stub.url, &["--aws-sms-timeout-ms", "50"]);
    let error = aws.send(&sms("447700900005")).await.unwrap_err();
    assert_eq!(cause(&error), "the provider answered 500 InternalFailure");
    assert!(!error.is_permanent() && !error.is_throttled());
    let error = in_time(aws.send(&sms("447700900006"))).await.unwrap_err();
    assert_eq!(error.to_string(), "No answer in time");
}

#[tokio::test]
async fn what_is_no_number_is_not_sent() {
    let stub = started().await;
    for to in ["", "+", "123456", "4477009000011234", "44 7700900001", "４４７７００９００００１"]
    {
        assert!(aws(&stub.url, &[]).send(&sms(to)).await.unwrap_err().is_permanent(), "{to}");
    }
    assert!(stub.received(Kind::Sms).is_empty());
}

#[test]
fn without_a_key_there_is_no_sns() {
    assert!(AwsSms::from_config(&config(&[]), clock()).unwrap().is_none());
}
