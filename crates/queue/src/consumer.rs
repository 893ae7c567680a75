//! Taking messages off queues.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, StreamExt, future::join_all};
use lapin::{
    Channel, Connection,
    options::{BasicCancelOptions, BasicConsumeOptions, BasicGetOptions, BasicQosOptions},
    types::{FieldTable, ShortString},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    broker::{Broker, Error, Pause, Shared, answered, close},
    chain::chain,
    publisher::Publisher,
    registry::Registry,
    topology::Topology,
    work::Worker,
};

/// How to take messages off one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consume {
    /// The queue, without prefix.
    pub queue: &'static str,
    /// How many of its tasks run at once in this process. At least 1.
    pub concurrency: u16,
    /// How many messages the broker hands out ahead, running ones included. At least 1; about twice
    /// the concurrency keeps short tasks coming, the concurrency itself shares long ones fairly.
    pub prefetch: u16,
}

/// Runs the tasks of `queues` until `stop`, through any number of lost connections.
///
/// On `stop` it takes no more messages, gives back those that wait, lets running handlers finish,
/// acknowledges them, and returns. The broker's own connection must stay open meanwhile.
///
/// # Errors
/// [`Error::Name`] when the name of a queue is too long. What can pass is waited for instead.
pub async fn consume<C: Clone + Send + Sync + 'static>(
    broker: &Broker,
    registry: Registry<C>,
    queues: &[Consume],
    stop: CancellationToken,
) -> Result<(), Error> {
    let shared = &broker.shared;
    let lanes: Result<Vec<_>, _> = queues.iter().map(|one| Lane::new(one, shared)).collect();
    let lanes = lanes?;
    let consumer = Arc::new(Consumer {
        shared: Arc::clone(shared),
        registry,
        publisher: broker.publisher(),
        stop: stop.clone(),
    });
    let mut pause = Pause::default();
    while !stop.is_cancelled() {
        match shared.connect("consumer").await {
            Ok(connection) => {
                pause = Pause::default();
                let connection = Arc::new(connection);
                join_all(lanes.iter().map(|lane| consumer.keep(lane, &connection))).await;
                close(&connection).await;
            }
            Err(error) => {
                warn!(error = chain(&error), "cannot reach the broker");
            }
        }
        pause.wait(&stop).await;
    }
    // Those whose connection broke.
    join_all(lanes.iter().map(Lane::idle)).await;
    Ok(())
}

/// Runs what lies on `queues`, one message after another, until all of them are empty; messages
/// that wait in the broker for their time are not on them. Returns how many it took. For tests.
///
/// # Errors
/// [`Error`] when the broker fails.
pub async fn drain<C: Clone + Send + Sync + 'static>(
    broker: &Broker,
    registry: &Registry<C>,
    queues: &[&str],
) -> Result<usize, Error> {
    let publisher = broker.publisher();
    let session = publisher.session()?;
    // There is no "later" here: what cannot be passed on at once is an error.
    let stop = CancellationToken::new();
    stop.cancel();
    let worker = Worker { registry, shared: &broker.shared, publisher: &publisher, stop: &stop };
    let channel = session.connection.create_channel().await?;
    let mut taken = 0;
    loop {
        let before = taken;
        for queue in queues {
            let name = broker.shared.config.wire_name(queue)?;
            session.declare(&broker.shared, &name).await?;
            while let Some(found) =
                answered(channel.basic_get(name.clone(), BasicGetOptions::default())).await?
            {
                taken += 1;
                worker.process(queue, found.delivery).await?;
            }
        }
        if taken == before {
            channel.close(200, "done".into()).await?;
            return Ok(taken);
        }
    }
}

/// One queue and the room for its tasks, which outlasts a connection as they do.
struct Lane {
    queue: &'static str,
    name: ShortString,
    prefetch: u16,
    concurrency: u16,
    slots: Arc<Semaphore>,
}

impl Lane {
    fn new(consume: &Consume, shared: &Shared) -> Result<Self, Error> {
        let concurrency = consume.concurrency.max(1);
        Ok(Self {
            queue: consume.queue,
            name: shared.config.wire_name(consume.queue)?,
            // 0 would mean without limit.
            prefetch: consume.prefetch.max(1),
            concurrency,
            slots: Arc::new(Semaphore::new(concurrency.into())),
        })
    }

    /// Waits for room for one more task.
    async fn slot(&self) -> OwnedSemaphorePermit {
        let slots = Arc::clone(&self.slots);
        slots.acquire_owned().await.expect("the semaphore is never closed")
    }

    /// Waits until no task of this queue is running.
    async fn idle(&self) {
        let all = self.slots.acquire_many(self.concurrency.into()).await;
        drop(all.expect("the semaphore is never closed"));
    }
}

struct Consumer<C> {
    shared: Arc<Shared>,
    registry: Registry<C>,
    publisher: Publisher,
    stop: CancellationToken,
}

impl<C: Clone + Send + Sync + 'static> Consumer<C> {
    /// Consumes from one queue for as long as the connection lives: an error may concern only this
    /// queue.
    async fn keep(self: &Arc<Self>, lane: &Lane, connection: &Arc<Connection>) {
        let mut pause = Pause::default();
        while !self.stop.is_cancelled() && connection.status().connected() {
            let result = tokio::select! {
                result = self.run(lane, connection) => result,
                () = broken(connection) => return,
            };
            let Err(error) = result else { continue };
            let queue = lane.queue;
            warn!(error = chain(&error), queue.name = queue, "stopped consuming {queue}");
            pause.wait(&self.stop).await;
        }
    }

    /// Consumes from one queue until told to stop; then gives back what is waiting here, and lets
    /// what is running finish.
    async fn run(self: &Arc<Self>, lane: &Lane, connection: &Arc<Connection>) -> Result<(), Error> {
        let (channel, mut deliveries) = answered(self.subscribe(lane, connection)).await?;
        info!(queue.name = lane.queue, "consuming {}", lane.queue);
        while let Some(slot) = self.stop.run_until_cancelled(lane.slot()).await {
            let Some(delivery) = self.stop.run_until_cancelled(deliveries.next()).await else {
                break;
            };
            // The stream also ends when the queue is deleted.
            let delivery = delivery.ok_or(Error::Cancelled)??;
            let (this, queue) = (Arc::clone(self), lane.queue);
            tokio::spawn(async move {
                // A delivery that could not be settled is the broker's again.
                let _ = this.worker().process(queue, delivery).await;
                drop(slot);
            });
        }
        let cancel = BasicCancelOptions::default();
        answered(channel.basic_cancel(deliveries.tag(), cancel)).await?;
        while let Some(Some(Ok(delivery))) = deliveries.next().now_or_never() {
            self.worker().hand_back(lane.queue, delivery).await;
        }
        // Their acknowledgements need the channel, which is closed when it is dropped.
        lane.idle().await;
        Ok(())
    }

    async fn subscribe(
        &self,
        lane: &Lane,
        connection: &Arc<Connection>,
    ) -> lapin::Result<(Channel, lapin::Consumer)> {
        let mut topology = Topology::open(Arc::clone(connection)).await?;
        topology.task_queue(&lane.name, self.shared.config.queue_arguments()).await?;
        let channel = connection.create_channel().await?;
        channel.basic_qos(lane.prefetch, BasicQosOptions::default()).await?;
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let deliveries =
            channel.basic_consume(lane.name.clone(), "".into(), options, arguments).await?;
        Ok((channel, deliveries))
    }

    fn worker(&self) -> Worker<'_, C> {
        Worker {
            registry: &self.registry,
            shared: &self.shared,
            publisher: &self.publisher,
            stop: &self.stop,
        }
    }
}

/// Returns when the connection is of no more use, in case nothing else tells.
async fn broken(connection: &Connection) {
    while connection.status().connected() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
