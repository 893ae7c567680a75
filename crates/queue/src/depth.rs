//! How full the queues are, for operators.

use std::{sync::Arc, time::Duration};

use lapin::{
    Connection,
    options::QueueDeclareOptions,
    types::{FieldTable, ShortString},
};

use crate::{
    broker::{Error, answered},
    dead_letters,
    lane::Lane,
    node::Node,
    topology::Topology,
};

const PERIOD: Duration = Duration::from_secs(10);

/// Keeps the gauges of this worker's queues and of the dead letters true, until the worker stops.
pub(crate) async fn watch(node: &Node, connection: &Arc<Connection>) -> Result<(), Error> {
    let config = &node.shared.config;
    let letters = config.wire_name(dead_letters::QUEUE)?;
    let mut topology = answered(Topology::open(Arc::clone(connection))).await?;
    answered(topology.task_queue(&letters, config.queue_arguments())).await?;
    let channel = answered(connection.create_channel()).await?;
    let lanes = node.lanes.iter().map(|lane| (lane.queue, &lane.name));
    let queues: Vec<(&'static str, &ShortString)> =
        lanes.chain([(dead_letters::QUEUE, &letters)]).collect();
    while !node.stop.is_cancelled() {
        for (queue, name) in &queues {
            let passive = QueueDeclareOptions { passive: true, ..Default::default() };
            let declare = channel.queue_declare((*name).clone(), passive, FieldTable::default());
            let found = answered(declare).await?;
            metrics::gauge!("queue_messages", "queue" => *queue).set(found.message_count());
            let lane = node.lanes.iter().find(|lane| lane.queue == *queue);
            if let Some(waited) = lane.and_then(Lane::waited) {
                let age = if found.message_count() == 0 { 0.0 } else { waited.as_seconds_f64() };
                metrics::gauge!("queue_oldest_seconds", "queue" => *queue).set(age);
            }
            metrics::gauge!("queue_consumers", "queue" => *queue).set(found.consumer_count());
        }
        node.stop.run_until_cancelled(tokio::time::sleep(PERIOD)).await;
    }
    Ok(())
}
