//! Taking messages off queues.

use std::sync::Arc;

use futures_util::{FutureExt, StreamExt, future::join_all};
use lapin::{
    Channel, Connection,
    options::{BasicCancelOptions, BasicConsumeOptions, BasicGetOptions, BasicQosOptions},
    types::FieldTable,
};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{info, warn};

use crate::{
    broker::{Broker, Error, Pause, answered, close, keep},
    chain::chain,
    depth,
    lane::Lane,
    node::Node,
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
/// Meanwhile it is a Celery node: it sends events and answers remote control, over a connection of
/// its own. Remote control can shut it down, which cancels `stop`.
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
    let node = Arc::new(Node::new(Arc::clone(shared), lanes?, registry.names(), stop.clone()));
    let done = CancellationToken::new();
    let attending = tokio::spawn(Arc::clone(&node).attend(done.clone()));
    let attending = AbortOnDropHandle::new(attending);
    let lanes = &node.lanes;
    let publisher = broker.publisher();
    let consumer = Arc::new(Consumer { node: Arc::clone(&node), registry, publisher });
    let mut pause = Pause::default();
    while !stop.is_cancelled() {
        match shared.connect("consumer").await {
            Ok(connection) => {
                pause = Pause::default();
                let connection = Arc::new(connection);
                let consume = |lane| consumer.keep(lane, &connection);
                tokio::join!(
                    join_all(lanes.iter().map(consume)),
                    keep(&connection, &stop, "measuring the queues", || depth::watch(
                        &node,
                        &connection
                    )),
                );
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
    done.cancel();
    // It only ends early by a panic, which has been told.
    let _ = attending.await;
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
    let node = Node::new(Arc::clone(&broker.shared), Vec::new(), registry.names(), stop);
    let worker = Worker { registry, node: &node, publisher: &publisher };
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

struct Consumer<C> {
    node: Arc<Node>,
    registry: Registry<C>,
    publisher: Publisher,
}

impl<C: Clone + Send + Sync + 'static> Consumer<C> {
    /// Consumes from one queue for as long as the connection lives.
    async fn keep(self: &Arc<Self>, lane: &Lane, connection: &Arc<Connection>) {
        let what = format!("consuming {}", lane.queue);
        keep(connection, &self.node.stop, &what, || self.run(lane, connection)).await;
        lane.clear();
    }

    /// Consumes from one queue until told to stop; then gives back what is waiting here, and lets
    /// what is running finish.
    async fn run(self: &Arc<Self>, lane: &Lane, connection: &Arc<Connection>) -> Result<(), Error> {
        // What an earlier channel brought is the broker's again.
        lane.clear();
        let (channel, mut deliveries) = answered(self.subscribe(lane, connection)).await?;
        info!(queue.name = lane.queue, "consuming {}", lane.queue);
        loop {
            tokio::select! {
                biased;
                () = self.node.stop.cancelled() => break,
                slot = lane.slot(), if !lane.is_empty() => self.start(lane, slot),
                // The stream also ends when the queue is deleted.
                next = deliveries.next() => lane.push(next.ok_or(Error::Cancelled)??),
            }
        }
        let cancel = BasicCancelOptions::default();
        answered(channel.basic_cancel(deliveries.tag(), cancel)).await?;
        while let Some(Some(Ok(delivery))) = deliveries.next().now_or_never() {
            lane.push(delivery);
        }
        while let Some(delivery) = lane.pop() {
            self.worker().hand_back(lane.queue, delivery).await;
        }
        // Their acknowledgements need the channel, which is closed when it is dropped.
        lane.idle().await;
        Ok(())
    }

    /// Works on the delivery that waits longest.
    fn start(self: &Arc<Self>, lane: &Lane, slot: OwnedSemaphorePermit) {
        let Some(delivery) = lane.pop() else { return };
        let (this, queue) = (Arc::clone(self), lane.queue);
        tokio::spawn(async move {
            // A delivery that could not be settled is the broker's again.
            let _ = this.worker().process(queue, delivery).await;
            drop(slot);
        });
    }

    async fn subscribe(
        &self,
        lane: &Lane,
        connection: &Arc<Connection>,
    ) -> lapin::Result<(Channel, lapin::Consumer)> {
        let mut topology = Topology::open(Arc::clone(connection)).await?;
        let arguments = self.node.shared.config.queue_arguments();
        topology.task_queue(&lane.name, arguments).await?;
        let channel = connection.create_channel().await?;
        channel.basic_qos(lane.prefetch, BasicQosOptions::default()).await?;
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let deliveries =
            channel.basic_consume(lane.name.clone(), "".into(), options, arguments).await?;
        Ok((channel, deliveries))
    }

    fn worker(&self) -> Worker<'_, C> {
        Worker { registry: &self.registry, node: &self.node, publisher: &self.publisher }
    }
}
