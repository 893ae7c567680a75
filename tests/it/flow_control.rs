//! What is slow or full holds up nothing else, and is not waited for.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use domain::{KeyType, NotificationId, NotificationStatus as Status};
use futures_util::{StreamExt, stream};
use serde_json::json;
use stub::Kind;
use tasks::{DeliverEmail, DeliverSms};

use crate::app::{Client, TestApp, id};

/// Methods of AMQP's connection class.
const BLOCKED: u16 = 60;
const UNBLOCKED: u16 = 61;

/// A number that the provider answers for after two seconds.
const SLOW: &str = "07700900007";
/// A number that gets no receipt, so that one message is one task.
const QUIET: &str = "07700900009";

/// A number that is answered for at once, with a receipt.
const NUMBER: &str = "07700900001";

/// How long an unconfirmed publish is waited for, and then the answer on a busy machine.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(2);
const SOON: Duration = Duration::from_secs(5);

/// A service that may send as much as the tests here do.
async fn client(t: &TestApp) -> Client {
    let db = t.db().await;
    let service = testkit::service(&db).live().sms_limit(100_000).rate_limit(100_000);
    t.client_of(service.create().await, KeyType::Normal).await
}

/// How many messages a client sends at once.
const AT_ONCE: usize = 32;

/// Sends so many text messages, many at once; their ids, and the longest wait for an answer.
async fn send_many(client: &Client, number: &str, count: usize) -> (Vec<NotificationId>, Duration) {
    let body = json!({ "phone_number": number, "template_id": client.sms,
                       "personalisation": { "name": "Ada" } });
    let send = async |_| {
        let started = Instant::now();
        let answer = client.post("/v2/notifications/sms", &body).await.expect(201);
        (id(&answer), started.elapsed())
    };
    let sent: Vec<_> = stream::iter(0..count).map(send).buffer_unordered(AT_ONCE).collect().await;
    let longest = sent.iter().map(|(_, took)| *took).max().unwrap();
    (sent.into_iter().map(|(id, _)| id).collect(), longest)
}

/// Sends so many emails, and waits until all are delivered; how long it took.
async fn deliver_emails(t: &TestApp, client: &Client, count: usize) -> Duration {
    let started = Instant::now();
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(client.send_email("ada@example.com").await);
    }
    for id in ids {
        while t.status(id).await != Status::Delivered {
            assert!(started.elapsed() < Duration::from_secs(60), "{id} is not delivered");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    started.elapsed()
}

/// Relays until nothing waits any more. What the broker did not take is held for half a minute,
/// which need not be waited for.
pub(crate) async fn relay_all(t: &TestApp) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while t.outbox().await > 0 {
        assert!(Instant::now() < deadline, "{} messages are left", t.outbox().await);
        if t.app.relay_once().await.unwrap() == 0 {
            t.advance(time::Duration::seconds(31));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_provider_of_text_messages_does_not_hold_up_emails() {
    let t = TestApp::start().await;
    let client = client(&t).await;
    t.while_working(async {
        deliver_emails(&t, &client, 1).await; // all is up and warm
        let alone = deliver_emails(&t, &client, 20).await;
        // Nearly 20 seconds of work, 32 at a time: more than there are connections to the database.
        send_many(&client, SLOW, 300).await;
        let beside = deliver_emails(&t, &client, 20).await;
        let texts = t.stub.received(Kind::Sms).len();
        assert!(texts < 300, "no text message waits any more");
        assert!(beside < 2 * alone + SOON, "{alone:?} alone, {beside:?} beside {texts} texts");
        t.purge(tasks::queues::SEND_SMS).await; // what waits in the worker is still sent
    })
    .await;
    t.end_as_it_is().await;
}

/// Tasks contract §7, lesson 26: what is sent one by one has a queue of its own, as in bulk it would wait
/// behind thousands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_code_does_not_wait_behind_bulk() {
    let t = TestApp::start().await;
    let client = client(&t).await;
    let code = client.send_sms(NUMBER).await;
    assert_eq!(t.queues.take(tasks::queues::SEND_SMS).await.len(), 1);
    send_many(&client, SLOW, 300).await;
    let task = DeliverSms { notification_id: code };
    let message = queue::Envelope::new(&task, t.app.clock().new_id(), &queue::Trace::default());
    let message = message.unwrap().on(tasks::queues::INTERNAL);
    t.while_working(async {
        t.received(Kind::Sms, 1).await; // the bulk has begun
        let started = Instant::now();
        t.app.enqueue(message).await.unwrap();
        while t.status(code).await != Status::Delivered {
            assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let texts = t.stub.received(Kind::Sms).len();
        assert!(texts < 300, "no text message waits any more");
        t.purge(tasks::queues::SEND_SMS).await; // what waits in the worker is still sent
    })
    .await;
    t.end_as_it_is().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retries_of_a_slow_provider_do_not_hold_up_those_of_another() {
    let t = TestApp::start().await;
    let client = client(&t).await;
    let (texts, _) = send_many(&client, SLOW, 300).await;
    let mut emails = Vec::new();
    for _ in 0..20 {
        emails.push(client.send_email("ada@example.com").await);
    }
    t.purge(tasks::queues::SEND_SMS).await;
    t.purge(tasks::queues::SEND_EMAIL).await;
    for id in texts {
        t.retry(&DeliverSms { notification_id: id }).await;
    }
    for &id in &emails {
        t.retry(&DeliverEmail { notification_id: id }).await;
    }
    t.while_working(async {
        let started = Instant::now(); // 300 texts are nearly 40 seconds of work, 16 at a time
        for id in emails {
            while t.status(id).await != Status::Delivered {
                assert!(started.elapsed() < Duration::from_secs(20), "{id} is not delivered");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        let texts = t.stub.received(Kind::Sms).len();
        assert!(texts < 250, "no text message waits any more");
    })
    .await;
    t.end_as_it_is().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_callback_endpoint_does_not_hold_up_another() {
    let t = TestApp::start().await;
    let (alive, dead) = (t.client().await, client(&t).await);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap(); // it takes calls, and no more
    let url = format!("http://{}/callback", silent.local_addr().unwrap());
    let token: String = t.signer.sign("callback token").unwrap();
    let db = t.db().await;
    testkit::delivery_callback(&db, &dead.service, &url, &token).await;
    t.while_working(async {
        let (texts, _) = send_many(&dead, NUMBER, 500).await; // half a minute of callbacks, 64 at a time
        for id in texts {
            while t.status(id).await != Status::Delivered {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        let started = Instant::now();
        alive.send_sms(NUMBER).await;
        t.received(Kind::Callbacks, 1).await;
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    })
    .await;
    t.end_as_it_is().await;
}

#[tokio::test]
async fn what_a_full_queue_refuses_waits_in_the_outbox() {
    let t = TestApp::start().await;
    let client = client(&t).await;
    t.queues.limit(tasks::queues::SEND_SMS, 5).await;
    let (ids, longest) = send_many(&client, QUIET, 12).await;
    assert!(longest < SOON, "{longest:?}");
    assert_eq!(t.outbox().await, 7);
    assert_eq!(t.app.relay_once().await.unwrap(), 0, "it is still full");

    assert_eq!(t.drain().await, 5);
    // Refused by the broker: tried again when the claim of the last try is over.
    t.advance(time::Duration::seconds(31));
    assert_eq!(t.app.relay_once().await.unwrap(), 5, "two more do not fit");
    assert_eq!(t.drain().await, 5);
    t.advance(time::Duration::seconds(31));
    assert_eq!(t.app.relay_once().await.unwrap(), 2);
    assert_eq!(t.drain().await, 2);
    for id in ids {
        assert_eq!(t.status(id).await, Status::Sending);
    }
    t.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_broker_is_blocked_thousands_of_messages_wait_in_the_outbox() {
    const MESSAGES: usize = 2000;
    let t = TestApp::start().await;
    let client = client(&t).await;
    client.send_sms(QUIET).await; // the publisher knows the queue
    assert_eq!(t.queues.take(tasks::queues::SEND_SMS).await.len(), 1);
    t.proxy.say(BLOCKED, b"\x0alow memory").await;
    let before = memory_kib();
    let (_, longest) = send_many(&client, QUIET, MESSAGES).await;
    let grown = memory_kib().saturating_sub(before);
    assert!(longest < SOON, "{longest:?}");
    let early = t.queues.take(tasks::queues::SEND_SMS).await;
    assert!(early.len() < MESSAGES / 10, "{} were published before the news came", early.len());
    assert!(grown < 100 * 1024, "{grown} KiB");

    t.proxy.say(UNBLOCKED, b"").await;
    relay_all(&t).await;
    let relayed = t.queues.take(tasks::queues::SEND_SMS).await;
    let all: HashSet<_> = early.iter().chain(&relayed).collect();
    assert_eq!(all.len(), MESSAGES, "none is lost");
    // What was being published when the news came may be relayed as well, which a claim bears.
    assert!(early.len() + relayed.len() <= MESSAGES + AT_ONCE, "{} relayed", relayed.len());
    t.end().await;
}

/// The memory that this process, which is also the API's, has in use.
fn memory_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn a_silent_broker_is_waited_for_only_shortly() {
    let t = TestApp::start().await;
    let client = client(&t).await;
    client.send_sms(QUIET).await;
    assert_eq!(t.queues.take(tasks::queues::SEND_SMS).await.len(), 1);
    t.proxy.silence();
    let (mut ids, longest) = send_many(&client, QUIET, 20).await;
    assert!(longest < SOON, "{longest:?}");
    // Once is enough: then the connection counts as lost.
    let (more, longest) = send_many(&client, QUIET, 20).await;
    assert!(longest < PUBLISH_TIMEOUT, "{longest:?}");
    ids.extend(more);
    assert_eq!(t.outbox().await, 40);

    t.mend_broker().await;
    relay_all(&t).await;
    // The broker may have the first messages twice: what went unanswered may have arrived.
    assert!(t.drain().await >= 40);
    for id in ids {
        assert_eq!(t.status(id).await, Status::Sending);
    }
    assert_eq!(t.stub.received(Kind::Sms).len(), 40, "each was sent once");
    t.end().await;
}
