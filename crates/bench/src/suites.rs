//! What is measured, and in which order.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use domain::Clock;
use hyper::StatusCode;
use tasks::{DeliverEmail, DeliverSms, Task, queues};

use crate::{
    broker::Broker,
    cli::{Args, Suite},
    client::Client,
    database::{Database, MARK},
    load::{self, Amount},
    processes::{self, Processes},
    report::{Delivery, Drained, Grown, Listed, Memory, Offered, Post, Report, Workers},
    worker,
};

/// How many connections a rate is measured with.
const CONNECTIONS: [usize; 3] = [1, 16, 64];
/// Notifications that GET asks for, one after the other.
const TO_SHOW: u32 = 1000;
/// Notifications that are followed to `delivered`.
const TO_DELIVER: u32 = 2000;
/// As many before them, which open the workers' connections and fill their caches.
const DELIVERED_TO_WARM_UP: u32 = 200;
/// The reference of the notification that others are made like.
const SAMPLE: &str = "postroom-bench-sample";
/// The queues that fill under load.
const LOADED: [&str; 6] = [
    queues::SEND_SMS,
    queues::SEND_EMAIL,
    queues::RETRY,
    queues::SMS_CALLBACKS,
    queues::SERVICE_CALLBACKS,
    queues::SERVICE_CALLBACKS_RETRY,
];
/// Connections that list, and that preview.
const LIST_CONNECTIONS: [usize; 2] = [1, 16];
/// Notifications before which pages begin.
const PAGES: u32 = 500;
/// How often memory is looked at.
const SAMPLES: u32 = 10;
/// The steady rates at which notifications are offered, until one is too high.
const RATES: [f64; 8] = [200.0, 400.0, 600.0, 800.0, 1000.0, 1250.0, 1500.0, 2000.0];
/// A rate is too high when one in twenty takes longer from POST to delivered.
const TOO_LONG: Duration = Duration::from_secs(1);
/// Notifications that wait in the queue when the worker begins.
const TO_DRAIN: u32 = 50_000;
/// The share of the highest rate at which latency is measured.
const PACED: f64 = 0.7;
/// How many connections post them.
const DELIVERY_CONNECTIONS: usize = 16;
const DELIVERY_TIME_LIMIT: Duration = Duration::from_secs(120);

/// Everything that a suite needs.
struct Bench {
    client: Client,
    database: Database,
    broker: Broker,
    clock: Clock,
    time: Duration,
}

/// Measures what `args` ask for, and adds it to the report.
///
/// # Errors
/// When the system cannot be measured. Requests it refused meanwhile are in the report.
pub async fn run(args: &Args, clock: Clock, report: &mut Report) -> anyhow::Result<()> {
    let processes = Processes::new(&args.run_dir);
    let at_rest = processes::NAMES.map(|name| processes.resident_kib(name));
    if args.suites != [Suite::Queue] {
        system(args, clock.clone(), &processes, report).await?;
    }
    report.memory = processes::NAMES
        .into_iter()
        .zip(at_rest)
        .map(|(process, at_rest_kib)| Memory {
            process,
            at_rest_kib,
            after_kib: processes.resident_kib(process),
        })
        .collect();
    if args.has(Suite::Queue) {
        report.queue = Some(worker::run(args, &clock).await?);
    }
    Ok(())
}

/// Measures the system as a whole.
async fn system(
    args: &Args,
    clock: Clock,
    processes: &Processes,
    report: &mut Report,
) -> anyhow::Result<()> {
    let bench = Bench {
        client: Client::new(&args.api_url, &args.api_key, &args.sms_template_id, clock.clone())?,
        database: Database::connect(&args.database_url, args.pgbench.as_deref()).await?,
        broker: Broker::connect(&args.broker_url).await?,
        time: Duration::from_secs(args.seconds.into()),
        clock,
    };
    // An earlier run that failed has left messages without rows, each of which is tried for hours.
    bench.broker.forget(&LOADED).await?;
    bench.database.delete_stored().await?;
    bench.database.clear().await?;
    let sample = bench.sample(processes.pid("worker").is_some()).await?;
    let email = bench.database.insert_email_template(SAMPLE).await?;
    let few = if args.has(Suite::List) { args.stored / 100 } else { 0 };
    if few > 0 {
        progress(&format!("{few} notifications are stored"));
        bench.database.store(SAMPLE, 0, few).await?;
        bench.lists(few, report).await?;
    }
    progress(&format!("{} notifications are stored", args.stored));
    bench.database.store(SAMPLE, few, args.stored).await?;
    if args.has(Suite::List) {
        bench.lists(args.stored, report).await?;
        report.list_plan = bench.database.list_plan(SAMPLE).await?;
    }
    if args.has(Suite::Preview) {
        bench.previews(&email, report).await?;
    }
    let suites = [Suite::Post, Suite::Email, Suite::Get, Suite::Memory];
    if suites.iter().any(|suite| args.has(*suite)) {
        let halted = processes.halt("worker")?;
        report.workers = Some(if halted.is_some() { Workers::Halted } else { Workers::None });
        // Otherwise the broker would push it what we are about to purge.
        bench.broker.wait_for_workers(false).await?;
        if args.has(Suite::Post) {
            bench.posts(&sample, report).await?;
        }
        if args.has(Suite::Email) {
            bench.emails(&email, report).await?;
        }
        if args.has(Suite::Get) {
            bench.gets(report).await?;
        }
        if args.has(Suite::Memory) {
            report.grown.push(bench.memory(&email, args.requests, processes).await?);
        }
    }
    if args.has(Suite::Deliver) {
        bench.broker.wait_for_workers(true).await?;
        report.delivery = Some(bench.deliver(processes).await?);
    }
    if args.has(Suite::Delivered) {
        bench.broker.wait_for_workers(true).await?;
        report.grown.extend(bench.delivered(args.requests, processes).await?);
    }
    bench.database.delete_email_template().await?;
    bench.database.delete_stored().await
}

impl Bench {
    /// Posts one text message, which shows that everything is there, and makes of its row the
    /// script that measures inserts. A worker that runs then has it sent, so that it is halted with
    /// nothing in its hands.
    async fn sample(&self, is_sent: bool) -> anyhow::Result<String> {
        let request = self.client.post_sms(SAMPLE)?;
        let (status, body) = self.client.connect().await?.send(request).await?;
        let answer = String::from_utf8_lossy(&body);
        ensure!(status == StatusCode::CREATED, "the API answered {status}: {answer}");
        if is_sent {
            let delivered = self.wait_for_delivered(SAMPLE, 1).await?;
            ensure!(delivered == 1, "the worker does not deliver");
        }
        self.database.insert_script(SAMPLE).await
    }

    async fn posts(&self, insert: &str, report: &mut Report) -> anyhow::Result<()> {
        for connections in CONNECTIONS {
            progress(&format!("POST over {connections} connections"));
            self.clear().await?;
            let posts = load::run(
                &self.client,
                connections,
                Amount::Time(self.time),
                StatusCode::CREATED,
                // As many characters as the references of the floor's rows.
                |number| self.client.post_sms(&format!("{MARK}{number:012}")),
            )
            .await?;
            progress(&format!("its floors: inserts and publishes, {connections} at a time"));
            self.clear().await?;
            let inserts = self.database.inserts_per_second(insert, connections, self.time).await?;
            self.clear().await?;
            let publishes =
                self.broker.publishes_per_second(&self.clock, connections, self.time).await?;
            let mut post = Post::new(posts, inserts, publishes);
            if connections == CONNECTIONS[CONNECTIONS.len() - 1] {
                let rate = post.per_second() * PACED;
                progress(&format!("POST at {rate:.0} per second"));
                self.clear().await?;
                let request = |number| self.client.post_sms(&format!("{MARK}{number:012}"));
                let created = StatusCode::CREATED;
                let paced =
                    load::paced(&self.client, connections, rate, self.time, created, request);
                post.paced = Some(paced.await?);
            }
            report.posts.push(post);
        }
        self.clear().await
    }

    async fn gets(&self, report: &mut Report) -> anyhow::Result<()> {
        let reference = format!("{MARK}to-show");
        self.post(&reference, TO_SHOW).await?;
        let ids = self.database.ids(&reference).await?;
        ensure!(!ids.is_empty(), "what was accepted is not in this database");
        for connections in CONNECTIONS {
            progress(&format!("GET over {connections} connections"));
            let gets = load::run(
                &self.client,
                connections,
                Amount::Time(self.time),
                StatusCode::OK,
                |number| self.client.get_notification(&ids[number as usize % ids.len()]),
            )
            .await?;
            report.gets.push(gets);
        }
        self.clear().await
    }

    async fn emails(&self, template: &str, report: &mut Report) -> anyhow::Result<()> {
        for connections in CONNECTIONS {
            progress(&format!("POST of an email over {connections} connections"));
            self.clear().await?;
            let emails = load::run(
                &self.client,
                connections,
                Amount::Time(self.time),
                StatusCode::CREATED,
                |number| self.client.post_email(template, &format!("{MARK}{number:012}")),
            );
            report.emails.push(emails.await?);
        }
        self.clear().await
    }

    async fn previews(&self, template: &str, report: &mut Report) -> anyhow::Result<()> {
        for connections in LIST_CONNECTIONS {
            progress(&format!("previews over {connections} connections"));
            let (time, ok) = (Amount::Time(self.time), StatusCode::OK);
            let request = |_| self.client.preview(template);
            let previews = load::run(&self.client, connections, time, ok, request);
            report.previews.push(previews.await?);
        }
        Ok(())
    }

    /// Pages from the newest on and from anywhere in the middle, in turn.
    async fn lists(&self, stored: u32, report: &mut Report) -> anyhow::Result<()> {
        let ids = self.database.stored_ids(stored, PAGES).await?;
        ensure!(!ids.is_empty(), "what was stored is not in this database");
        for connections in LIST_CONNECTIONS {
            progress(&format!("pages of {stored} notifications over {connections} connections"));
            let (time, ok) = (Amount::Time(self.time), StatusCode::OK);
            let request = |number: u32| {
                let id = &ids[(number / 2) as usize * 7919 % ids.len()];
                self.client.list((number % 2 == 1).then_some(id.as_str()))
            };
            let load = load::run(&self.client, connections, time, ok, request).await?;
            report.lists.push(Listed { stored, load });
        }
        Ok(())
    }

    /// Sends requests of every kind at once, and looks at the API's memory after each tenth of them.
    async fn memory(
        &self,
        email: &str,
        requests: u32,
        processes: &Processes,
    ) -> anyhow::Result<Grown> {
        let reference = format!("{MARK}memory");
        self.post(&reference, TO_SHOW).await?;
        let ids = self.database.ids(&reference).await?;
        let id = |number: u32| ids[number as usize % ids.len()].as_str();
        let marked = |number| format!("{MARK}{number:012}");
        let mut resident_kib = Vec::new();
        for sample in 1..=SAMPLES {
            progress(&format!("memory: tenth {sample} of {requests} requests"));
            // Pages are a hundred times the work of the others.
            let pages = (requests / SAMPLES / 100).max(1);
            let each = Amount::Requests((requests / SAMPLES - pages) / 5);
            let (client, created, ok) = (&self.client, StatusCode::CREATED, StatusCode::OK);
            let refused = StatusCode::BAD_REQUEST;
            let outcomes = tokio::try_join!(
                load::run(client, 4, each, created, |number| client.post_sms(&marked(number))),
                load::run(client, 4, each, created, |n| client.post_email(email, &marked(n))),
                load::run(client, 4, each, ok, |n| client.get_notification(id(n))),
                load::run(client, 4, each, ok, |_| client.preview(email)),
                load::run(client, 4, each, refused, |_| client.post_nothing()),
                load::run(client, 1, Amount::Requests(pages), ok, |n| client.list(Some(id(n)))),
            )?;
            let (sms, emails, gets, previews, refusals, lists) = outcomes;
            for load in [sms, emails, gets, previews, refusals, lists] {
                ensure!(load.refused.is_empty(), "unexpected, by status: {:?}", load.refused);
            }
            resident_kib.push(processes.resident_kib("api").context("the API does not run")?);
            self.database.wait_for_outbox().await?;
            self.broker.empty(DeliverSms::QUEUE).await.context("emptying the queue")?;
            self.broker.empty(DeliverEmail::QUEUE).await.context("emptying the queue")?;
            self.database.clear_but(&reference).await?;
        }
        self.clear().await?;
        Ok(Grown { process: "api", of: "requests of every kind", requests, resident_kib })
    }

    async fn delivered(&self, messages: u32, processes: &Processes) -> anyhow::Result<[Grown; 2]> {
        let of = "text messages from POST to delivered";
        let mut grown = ["api", "worker"].map(|process| Grown {
            process,
            of,
            requests: messages,
            resident_kib: Vec::new(),
        });
        for sample in 1..=SAMPLES {
            progress(&format!("memory: tenth {sample} of {messages} {of}"));
            let (reference, count) = (format!("{MARK}tenth-{sample}"), messages / SAMPLES);
            self.post(&reference, count).await?;
            let delivered = self.wait_for_delivered(&reference, count).await?;
            ensure!(delivered == count, "only {delivered} of {count} were delivered");
            for one in &mut grown {
                let resident = processes.resident_kib(one.process);
                one.resident_kib.push(resident.with_context(|| format!("no {}", one.process))?);
            }
            self.database.clear().await?;
        }
        Ok(grown)
    }

    async fn deliver(&self, processes: &Processes) -> anyhow::Result<Delivery> {
        progress("from POST to delivered");
        let warm_up = format!("{MARK}warm-up");
        self.post(&warm_up, DELIVERED_TO_WARM_UP).await?;
        let warm = self.wait_for_delivered(&warm_up, DELIVERED_TO_WARM_UP).await?;
        ensure!(warm == DELIVERED_TO_WARM_UP, "only {warm} notifications were delivered");

        let reference = format!("{MARK}to-deliver");
        let first_post = self.clock.now();
        let posts_per_second = self.post(&reference, TO_DELIVER).await?;
        let delivered = self.wait_for_delivered(&reference, TO_DELIVER).await?;
        ensure!(delivered > 0, "no notification was delivered");
        let times = self.database.delivery_times(&reference).await?;
        let first_at = first_post.unix_timestamp_nanos() as f64 / 1e9;
        Ok(Delivery {
            posted: TO_DELIVER,
            delivered,
            posts_per_second,
            per_second: f64::from(delivered) / (times.last_at - first_at),
            slowest_ms: times.slowest_seconds * 1000.0,
            offered: self.offer().await?,
            drained: self.drain(processes).await?,
        })
    }

    /// Offers notifications at steady rates, up to the first that is too high.
    async fn offer(&self) -> anyhow::Result<Vec<Offered>> {
        let mut offered = Vec::new();
        for per_second in RATES {
            progress(&format!("from POST to delivered at {per_second} per second"));
            let reference = format!("{MARK}offered-{per_second}");
            let request = |_| self.client.post_sms(&reference);
            let (connections, created) = (CONNECTIONS[CONNECTIONS.len() - 1], StatusCode::CREATED);
            load::paced(&self.client, connections, per_second, self.time, created, request).await?;
            let posted = u32::try_from(self.database.ids(&reference).await?.len())?;
            let delivered = self.wait_for_delivered(&reference, posted).await?;
            ensure!(delivered > 0, "no notification was delivered");
            let p95 = self.database.delivery_times(&reference).await?.p95_seconds;
            offered.push(Offered { per_second, posted, delivered, p95_ms: p95 * 1000.0 });
            if p95 > TOO_LONG.as_secs_f64() {
                break;
            }
        }
        Ok(offered)
    }

    /// Lets the worker find a full queue.
    async fn drain(&self, processes: &Processes) -> anyhow::Result<Drained> {
        progress("a full queue, from the start of the worker to the provider");
        let halted = processes.halt("worker")?.context("there is no worker to halt")?;
        self.broker.wait_for_workers(false).await?;
        let reference = format!("{MARK}to-drain");
        self.post(&reference, TO_DRAIN).await?;
        self.database.wait_for_outbox().await?;
        let begin = self.clock.now().unix_timestamp_nanos() as f64 / 1e9;
        drop(halted);
        let deadline = Instant::now() + DELIVERY_TIME_LIMIT;
        let mut sent = 0;
        while sent < TO_DRAIN && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(500)).await;
            sent = self.database.sent(&reference).await?;
        }
        ensure!(sent > 0, "the worker sends nothing");
        let last = self.database.last_sent_at(&reference).await?;
        Ok(Drained { queued: TO_DRAIN, sent, per_second: f64::from(sent) / (last - begin) })
    }

    /// Posts so many text messages as fast as possible; all must be accepted. Returns how many were
    /// so per second.
    async fn post(&self, reference: &str, count: u32) -> anyhow::Result<f64> {
        let outcome = load::run(
            &self.client,
            DELIVERY_CONNECTIONS,
            Amount::Requests(count),
            StatusCode::CREATED,
            |_| self.client.post_sms(reference),
        )
        .await?;
        ensure!(outcome.refused.is_empty(), "refused, by status: {:?}", outcome.refused);
        Ok(outcome.per_second)
    }

    /// Waits until so many are delivered, but not for ever; returns how many are.
    async fn wait_for_delivered(&self, reference: &str, count: u32) -> anyhow::Result<u32> {
        let deadline = Instant::now() + DELIVERY_TIME_LIMIT;
        // The rows tell the exact times, so this needs to be neither frequent nor in time.
        let pause = Duration::from_millis((count / 100).max(100).into());
        loop {
            tokio::time::sleep(pause).await;
            let delivered = self.database.delivered(reference).await?;
            if delivered >= count || Instant::now() >= deadline {
                return Ok(delivered);
            }
        }
    }

    /// Leaves nothing of the measurement before. No worker may be consuming.
    async fn clear(&self) -> anyhow::Result<()> {
        self.database.wait_for_outbox().await?;
        self.broker.empty(DeliverSms::QUEUE).await.context("emptying the queue")?;
        self.broker.empty(DeliverEmail::QUEUE).await.context("emptying the queue")?;
        self.database.clear().await
    }
}

fn progress(what: &str) {
    eprintln!("{what}");
}
