use providers::{
    EmailSender,
    ses::Ses,
    sns::{Envelope, Kind, Untrusted, Verifier},
};
use serde_json::Value;
use stub::Stub;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::support::{REFERENCE, clock, config, email, in_time};

/// A stub whose SNS publishes to the callback endpoint of another, and that other.
struct Sns {
    stub: Stub,
    subscriber: Stub,
}

impl Sns {
    async fn start(version: u8) -> Self {
        let subscriber = stub::start(stub::Config::default()).await.unwrap();
        let stub = stub::start(stub::Config {
            sns_events_url: Some(format!("{}/callback", subscriber.url).parse().unwrap()),
            sns_signature_version: version,
            ..stub::Config::default()
        });
        Self { stub: stub.await.unwrap(), subscriber }
    }

    fn verifier(&self) -> Verifier {
        let arguments = [
            "--sns-topic-arns",
            &format!("arn:aws:sns:eu-west-1:1:other,{}", self.stub.topic_arn),
            "--sns-cert-url-prefix",
            &self.stub.url,
        ];
        Verifier::from_config(&config(&arguments)).unwrap()
    }

    /// Sends an email to the address and returns the first `count` messages about it.
    async fn messages(&self, to: &str, count: usize) -> Vec<Envelope> {
        let arguments = [
            &["--ses-endpoint", &self.stub.url, "--ses-access-key-id", "AKID"][..],
            &["--ses-secret-access-key", "secret"],
        ]
        .concat();
        let ses = Ses::from_config(&config(&arguments), clock()).unwrap().unwrap();
        ses.send(&email(to)).await.unwrap();
        self.posted(count).await
    }

    async fn posted(&self, count: usize) -> Vec<Envelope> {
        let posted = in_time(self.subscriber.wait_for(stub::Kind::Callbacks, count)).await;
        posted.iter().map(|post| serde_json::from_value(post["body"].clone()).unwrap()).collect()
    }
}

fn sent_at(envelope: &Envelope) -> OffsetDateTime {
    OffsetDateTime::parse(&envelope.timestamp, &Rfc3339).unwrap()
}

async fn verdict(verifier: &Verifier, envelope: &Envelope) -> Result<(), Untrusted> {
    verifier.verify(envelope, sent_at(envelope)).await
}

#[tokio::test]
async fn both_versions_of_signatures_are_believed() {
    for version in [1, 2] {
        let sns = Sns::start(version).await;
        let envelope = &sns.messages("anna@example.com", 1).await[0];
        assert_eq!(envelope.signature_version, version.to_string());
        verdict(&sns.verifier(), envelope).await.unwrap();
    }
}

#[tokio::test]
async fn events_name_the_message_and_the_notification() {
    let sns = Sns::start(2).await;
    let mut events = vec![];
    for (n, to) in ["anna@example.com", "permanent@example.com", "temporary@example.com"]
        .into_iter()
        .enumerate()
    {
        let envelope = sns.messages(to, n + 1).await.pop().unwrap();
        events.push(serde_json::from_str::<Value>(&envelope.message).unwrap());
    }
    assert_eq!(events[0]["notificationType"], "Delivery");
    assert_eq!(events[1]["bounce"]["bounceType"], "Permanent");
    assert_eq!(events[2]["bounce"]["bounceType"], "Transient");
    for (event, received) in events.iter().zip(sns.stub.received(stub::Kind::Emails)) {
        assert_eq!(event["mail"]["messageId"], received["id"]);
        assert_eq!(event["mail"]["tags"]["notification_id"][0], REFERENCE.to_string());
    }
}

#[tokio::test]
async fn complaints_follow_delivery() {
    let sns = Sns::start(2).await;
    let envelopes = sns.messages("complaint@example.com", 2).await;
    let mut kinds: Vec<String> = envelopes
        .iter()
        .map(|envelope| serde_json::from_str::<Value>(&envelope.message).unwrap())
        .map(|event| event["notificationType"].to_string())
        .collect();
    kinds.sort();
    assert_eq!(kinds, [r#""Complaint""#, r#""Delivery""#]);
}

#[tokio::test]
async fn tampered_messages_are_not_believed() {
    let sns = Sns::start(2).await;
    let verifier = sns.verifier();
    let genuine = sns.messages("anna@example.com", 1).await.remove(0);
    let tamperings: [fn(&mut Envelope); 7] = [
        |it| it.message = it.message.replace("Delivery", "Bounce"),
        |it| it.message_id.push('0'),
        |it| it.subject = Some("Added".to_owned()),
        |it| it.kind = Kind::SubscriptionConfirmation,
        |it| it.signature_version = "1".to_owned(),
        |it| it.signature_version = "3".to_owned(),
        |it| it.signature = "not base64!".to_owned(),
    ];
    for (n, tamper) in tamperings.into_iter().enumerate() {
        let mut envelope = genuine.clone();
        tamper(&mut envelope);
        let verdict = verdict(&verifier, &envelope).await;
        assert!(matches!(verdict, Err(Untrusted::Signature)), "{n}: {verdict:?}");
    }
}

#[tokio::test]
async fn topics_times_and_certificates_must_be_right() {
    let sns = Sns::start(2).await;
    let verifier = sns.verifier();
    let genuine = sns.messages("anna@example.com", 1).await.remove(0);

    let mut foreign = genuine.clone();
    foreign.topic_arn = "arn:aws:sns:eu-west-1:666:ses-events".to_owned();
    assert!(matches!(verdict(&verifier, &foreign).await, Err(Untrusted::Topic)));

    for late in [Duration::days(2), Duration::days(-2)] {
        let verdict = verifier.verify(&genuine, sent_at(&genuine) + late).await;
        assert!(matches!(verdict, Err(Untrusted::Timestamp)), "{late}");
    }

    let port = sns.subscriber.url.rsplit(':').next().unwrap();
    for url in [
        "",
        "https://sns.eu-west-1.amazonaws.com.evil.example/cert.pem",
        "http://sns.eu-west-1.amazonaws.com/cert.pem",
        "https://sns.eu-west-1.amazonaws.com:444/cert.pem",
        "https://sns.eu-west-1.amazonaws.com/cert.txt",
        &format!("http://127.0.0.1:{port}/sns/cert.pem"),
        &format!("{}@evil.example/cert.pem", sns.stub.url),
    ] {
        let mut foreign = genuine.clone();
        foreign.signing_cert_url = url.to_owned();
        let verdict = verdict(&verifier, &foreign).await;
        assert!(matches!(verdict, Err(Untrusted::Url)), "{url}: {verdict:?}");
    }
}

#[tokio::test]
async fn a_certificate_is_fetched_once_and_its_absence_is_told_apart() {
    let sns = Sns::start(2).await;
    let genuine = sns.messages("anna@example.com", 1).await.remove(0);
    let (verifier, late) = (sns.verifier(), sns.verifier());
    verdict(&verifier, &genuine).await.unwrap();

    let mut elsewhere = genuine.clone();
    elsewhere.signing_cert_url = format!("{}/sns/none.pem", sns.stub.url);
    let error = verdict(&verifier, &elsewhere).await;
    assert!(matches!(error, Err(Untrusted::Certificate(_))), "{error:?}");

    in_time(sns.stub.stop()).await;
    verdict(&verifier, &genuine).await.unwrap();
    assert!(matches!(verdict(&late, &genuine).await, Err(Untrusted::Certificate(_))));
}

#[tokio::test]
async fn subscriptions_are_confirmed() {
    let sns = Sns::start(1).await;
    let client = providers::http::client(std::time::Duration::from_secs(5)).unwrap();
    let subscribe = format!("{}/sns/subscribe", sns.stub.url);
    client.post(subscribe).send().await.unwrap().error_for_status().unwrap();
    let mut envelope = sns.posted(1).await.remove(0);
    assert_eq!(envelope.kind, Kind::SubscriptionConfirmation);
    let verifier = sns.verifier();
    verdict(&verifier, &envelope).await.unwrap();
    verifier.confirm(&envelope).await.unwrap();
    let status = client.get(format!("{}/_status", sns.stub.url)).send().await.unwrap();
    assert_eq!(status.json::<Value>().await.unwrap()["subscription_confirmed"], true);

    envelope.subscribe_url = Some("https://evil.example/".to_owned());
    assert!(verifier.confirm(&envelope).await.unwrap_err().is_permanent());
}
