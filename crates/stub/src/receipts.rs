use std::{pin::Pin, time::Duration};

use anyhow::Context;
use reqwest::{Client, RequestBuilder};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

/// Receipts under way at one time.
const CONCURRENCY: usize = 64;
/// Receipts that wait for their time or their turn. When it is full, providers answer late.
const BACKLOG: usize = 100_000;
/// Together they last for most of a minute: whom we call may be starting, or may be broken for a
/// while. Real providers go on for hours.
const ATTEMPTS: u32 = 20;

/// The request of a receipt, in the making: awaited when it is due, as signing takes time.
type Receipt = Pin<Box<dyn Future<Output = anyhow::Result<RequestBuilder>> + Send>>;

/// Posts receipts, each a while after its message, with bounded means.
pub(crate) struct Receipts {
    client: Client,
    delay: Duration,
    queue: mpsc::Sender<(Instant, Receipt)>,
}

impl Receipts {
    /// Starts the task that posts receipts.
    pub(crate) fn start(delay: Duration, tasks: &mut JoinSet<()>) -> anyhow::Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .timeout(Duration::from_secs(10))
            .build()
            .context("making an HTTP client")?;
        let (queue, due) = mpsc::channel(BACKLOG);
        tasks.spawn(post_all(due));
        Ok(Self { client, delay, queue })
    }

    /// The client to make requests with.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Posts the receipt after the delay.
    pub(crate) async fn post(
        &self,
        receipt: impl Future<Output = anyhow::Result<RequestBuilder>> + Send + 'static,
    ) {
        let due = Instant::now() + self.delay;
        // Fails only when we are stopping.
        let _ = self.queue.send((due, Box::pin(receipt))).await;
    }
}

/// All wait equally long, so the queue is in the order in which they are due.
async fn post_all(mut queue: mpsc::Receiver<(Instant, Receipt)>) {
    let mut posting = JoinSet::new();
    while let Some((due, receipt)) = queue.recv().await {
        sleep_until(due).await;
        while posting.len() >= CONCURRENCY {
            posting.join_next().await;
        }
        posting.spawn(async {
            match receipt.await {
                Ok(request) => post(request).await,
                Err(error) => tracing::error!(?error, "a receipt could not be made"),
            }
        });
        // Otherwise the results of those that are done would pile up.
        while posting.try_join_next().is_some() {}
    }
}

/// Posts one, again when nobody takes it: whom we call may be starting.
async fn post(request: RequestBuilder) {
    for attempt in 1..=ATTEMPTS {
        let Some(request) = request.try_clone() else {
            return;
        };
        match request.send().await {
            Ok(answer) if !answer.status().is_server_error() => {
                let status = answer.status().as_u16();
                if !answer.status().is_success() {
                    tracing::warn!(status, "a receipt was refused");
                }
                // Read so that the connection can be used again.
                let _ = answer.bytes().await;
                return;
            }
            Ok(answer) => {
                tracing::warn!(attempt, status = answer.status().as_u16(), "a receipt failed")
            }
            Err(error) => tracing::warn!(attempt, %error, "a receipt failed"),
        }
        sleep(Duration::from_millis(200) * attempt).await;
    }
}
